"""Encrypted backups: nobody but who has an identity reads them, with trustbackup or without."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.backups import assert_refused, listed, make, verify
from tests.support.content import digest
from tests.support.keys import Key, new_key, new_ssh_key, opened
from tests.support.media import snapshot
from tests.support.sites import Result, Site

CANARY = "the-canary-that-nobody-may-read"


@pytest.fixture
def key(tmp_path: Path) -> Key:
    return new_key(tmp_path)


def refuse(site: Site, *command: str, naming: str, env: Mapping[str, str] = {}) -> Result:
    result = site.manage(*command, env=env, check=False)
    assert_refused(result, naming)
    return result


def plant(site: Site) -> None:
    """Something to look for in what was stored."""
    site.query(f"UPDATE shop_product SET name = '{CANARY}' WHERE product_id = 1")
    (site.media / "note").write_text(CANARY)


def files_of(made: dict[str, Any]) -> dict[str, Path]:
    return {file["part"]: Path(file["path"]) for file in made["files"]}


def test_a_full_backup_is_encrypted_proven_and_restored_with_an_identity(
    any_site: Site, key: Key
) -> None:
    plant(any_site)
    then = digest(any_site), snapshot(any_site.media)
    made = make(any_site, "--type", "full", "--encrypt-to", key.recipient, "--name", "before it")
    assert all(path.name.endswith(".gz.age") for path in files_of(made).values())
    (found,) = listed(any_site)
    assert (found["state"], found["name"]) == ("complete", "before it")
    assert verify(any_site, made["id"])["ok"]
    drilled = any_site.manage("verify_backup", made["id"], "--restore", *key.option)
    assert "every table's rows, every file's content and the settings" in drilled.stdout
    any_site.query("DELETE FROM shop_cartitem")
    (any_site.media / "note").unlink()
    any_site.manage("restore_backup", made["id"], "--force", *key.option)
    assert (digest(any_site), snapshot(any_site.media)) == then


def test_without_an_identity_a_sentence_says_that_one_is_needed(
    sqlite_site: Site, key: Key, tmp_path: Path
) -> None:
    made = make(sqlite_site, "--encrypt-to", key.recipient)
    before = digest(sqlite_site)
    needed = "is encrypted, and no identity was given. Give one: --identity FILE"
    for command in (
        ("restore_backup", made["id"], "--force"),
        ("restore_backup", made["id"], "--dry-run"),
        ("verify_backup", made["id"], "--restore"),
        ("verify_backup", "all", "--restore"),
    ):
        refuse(sqlite_site, *command, naming=needed)
        stranger = new_key(tmp_path, f"stranger-{len(list(tmp_path.iterdir()))}")
        refuse(sqlite_site, *command, *stranger.option, naming="encrypted to other keys than that")
    assert digest(sqlite_site) == before
    (found,) = listed(sqlite_site)
    assert (found["state"], found["drilled"]) == ("complete", None)  # no drill has failed


def test_an_encrypted_backup_is_taken_over_with_an_identity(
    sqlite_site: Site, key: Key, tmp_path: Path
) -> None:
    made = make(sqlite_site, "--encrypt-to", key.recipient)
    away = tmp_path / "away"
    shutil.move(sqlite_site.backups, away)
    adopt = ("adopt_backup", *(str(path) for path in away.glob("backup_*")))
    refuse(sqlite_site, *adopt, naming="Give one: --identity FILE")
    taken = sqlite_site.manage(*adopt, *key.option, "--json").json
    (adopted,) = taken["backups"]
    assert adopted["id"] == made["id"]
    assert verify(sqlite_site, made["id"])["ok"]


def test_age_gunzip_and_pg_restore_bring_a_database_back_by_hand(
    postgres_site: Site, key: Key
) -> None:
    made = make(postgres_site, "--encrypt-to", key.recipient)
    (path,) = files_of(made).values()
    command = f"age -d -i {key.identity} {path} | gunzip | pg_restore --file=-"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], check=True, capture_output=True
    )
    assert b"COPY public.shop_product " in done.stdout
    shown = postgres_site.manage("show_backup", made["id"]).stdout
    assert f"age -d -i key.txt {path.name} | gunzip -c | pg_restore" in shown


def test_age_alone_opens_files_app_data_and_settings(
    sqlite_site: Site, key: Key, tmp_path: Path
) -> None:
    ssh = new_ssh_key(tmp_path)
    to = ("--encrypt-to", key.recipient, "--encrypt-to", ssh.recipient)
    plant(sqlite_site)
    media = files_of(make(sqlite_site, "--type", "media", *to))
    app = files_of(make(sqlite_site, "--type", "app", "--app", "shop", *to))
    settings = files_of(make(sqlite_site, "--type", "settings", *to))
    for one in (key, ssh):
        archive = gzip.decompress(opened(one, media["media"]))
        assert CANARY.encode() in archive
        unpacked = tmp_path / f"files-{one.identity.name}"
        unpacked.mkdir()
        subprocess.run(["tar", "-xf", "-", "-C", unpacked], input=archive, check=True)
        assert (unpacked / "note").read_text() == CANARY
        assert CANARY.encode() in gzip.decompress(opened(one, app["app-shop"]))
        assert gzip.decompress(opened(one, settings["settings"])).startswith(b"[")


def test_attack_06_nothing_beside_an_encrypted_backup_tells_what_is_in_it(
    any_site: Site, key: Key
) -> None:
    plant(any_site)
    made = make(any_site, "--type", "full", "--encrypt-to", key.recipient, "--name", CANARY)
    secret = key.identity.read_bytes().splitlines()[-1]
    stored = [path for path in any_site.backups.rglob("*") if path.is_file()]
    assert len(stored) > 4
    for path in stored:
        content = path.read_bytes()
        for word in (CANARY.encode(), secret, b"shop_product", b"0001_initial"):
            assert word not in content, path
            assert content[:2] != b"\x1f\x8b", path
    (manifest,) = any_site.backups.glob("*.manifest.json")
    open_part = json.loads(manifest.read_bytes())
    assert set(open_part) == {
        *("schema", "id", "kind", "created", "recipients", "parts", "sealed", "signature")
    }
    assert {name for part in open_part["parts"] for name in part} == {"file", "bytes", "sha256"}
    assert open_part["id"] == made["id"]


def test_where_the_sites_secret_is_lost_an_identity_still_restores(
    sqlite_site: Site, key: Key
) -> None:
    then = digest(sqlite_site)
    made = make(sqlite_site, "--encrypt-to", key.recipient, "--name", "of another time")
    path = str(next(iter(files_of(made).values())))
    other = {"SECRET_KEY": "another-secret-key-that-is-long-enough-to-be-one-of-a-site"}
    sqlite_site.query("DELETE FROM shop_cartitem")
    shown = sqlite_site.manage("show_backup", made["id"], env=other).stdout
    assert "What it holds is sealed" in shown
    assert "of another time" not in shown
    opened_by_key = sqlite_site.manage("show_backup", made["id"], *key.option, env=other).stdout
    assert "shop_product" in opened_by_key
    restore = ("restore_backup", path, "--force", "--trust-manifest")
    refuse(sqlite_site, *restore, naming="no identity was given", env=other)
    sqlite_site.manage(*restore, *key.option, env=other)
    assert digest(sqlite_site) == then


def test_an_identity_may_come_from_the_environment_and_have_a_passphrase(
    sqlite_site: Site, key: Key, tmp_path: Path
) -> None:
    made = make(sqlite_site, "--encrypt-to", key.recipient)
    drill = ("verify_backup", made["id"], "--restore")
    text = key.identity.read_text().splitlines()[-1]
    sqlite_site.manage(*drill, env={"TRUSTBACKUP_IDENTITY": text})
    sqlite_site.manage(*drill, env={"TRUSTBACKUP_IDENTITY": f"file:{key.identity}"})
    import pyrage

    locked = tmp_path / "locked.txt"
    locked.write_bytes(pyrage.passphrase.encrypt(key.identity.read_bytes(), "of a test"))
    locked.chmod(0o600)
    option = ("--identity", str(locked))
    refuse(sqlite_site, *drill, *option, naming="protected by a passphrase")
    given = {"TRUSTBACKUP_IDENTITY_PASSPHRASE": "another"}
    refuse(sqlite_site, *drill, *option, naming="the passphrase is another", env=given)
    given["TRUSTBACKUP_IDENTITY_PASSPHRASE"] = "of a test"
    sqlite_site.manage(*drill, *option, env=given)


def test_attack_27_what_is_no_identity_of_ones_own_is_refused(
    sqlite_site: Site, key: Key, tmp_path: Path
) -> None:
    made = make(sqlite_site, "--encrypt-to", key.recipient)
    drill = ("verify_backup", made["id"], "--restore", "--identity")
    shared = tmp_path / "shared.txt"
    shutil.copy(key.identity, shared)
    shared.chmod(0o644)
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"\xff\x00 no key")
    public = tmp_path / "public"
    public.write_text(key.recipient)
    locked = new_ssh_key(tmp_path, passphrase="of a test").identity
    for path in (garbage, public):
        path.chmod(0o600)
        refuse(sqlite_site, *drill, str(path), naming="That is no identity")
    refuse(sqlite_site, *drill, str(shared), naming="other users of this machine may read")
    refuse(sqlite_site, *drill, str(locked), naming="asks for a passphrase")
    refuse(sqlite_site, *drill, str(tmp_path / "absent"), naming="No such file")
    refuse(sqlite_site, *drill, str(tmp_path), naming="Is a directory")


def test_what_is_no_public_key_is_refused_and_nothing_is_made(sqlite_site: Site, key: Key) -> None:
    secret = key.identity.read_text().splitlines()[-1]
    for given, naming in (
        (secret, "it is a secret one"),
        ("", "is no public key"),
        ("age1" + "q" * 58, "is no public key"),
        (key.recipient[:-1], "is no public key"),
        ("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7", "is no public key"),
    ):
        refused = refuse(sqlite_site, "create_backup", f"--encrypt-to={given}", naming=naming)
        assert secret not in refused.stdout + refused.stderr
    incremental = ("--type", "media", "--incremental", "--encrypt-to", key.recipient)
    refuse(sqlite_site, "create_backup", *incremental, naming="can't be encrypted yet")
    assert listed(sqlite_site) == []
