"""Attacks 14, 16 and 17 and other input that must not be restored: refused, and why."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.backups import assert_refused, make
from tests.support.content import content, digest
from tests.support.damage import forge, sign_again
from tests.support.restores import beside, go_on, only_file, plan, restore, unfinished
from tests.support.sites import Site


def refused(site: Site, reference: str, *named: str) -> None:
    before = digest(site)
    result = site.manage("restore_backup", reference, "--force", "--json", check=False)
    assert_refused(result, *named)
    assert digest(site) == before
    assert beside(site) == []
    assert not unfinished(site)


def test_attack_14_metadata_that_names_code_is_never_read(any_site: Site) -> None:
    made = make(any_site)
    go_on(any_site)
    trap = any_site.home / "trap.py"
    touched = any_site.home / "touched"
    trap.write_text(
        f"import pathlib\npathlib.Path({str(touched)!r}).touch()\nclass Connector: ...\n"
    )
    any_site.variables["PYTHONPATH"] = str(any_site.home)
    file = only_file(made)
    metadata = {"engine": "x", "connector": "trap.Connector"}
    Path(f"{file}.metadata").write_text(json.dumps(metadata))
    manifest = Path(made["manifest"])
    document = json.loads(manifest.read_bytes())
    document["parts"][0]["connector"] = "trap.Connector"
    manifest.write_text(json.dumps(document))
    refused(any_site, made["id"], "altered")
    restore(any_site, manifest.name, "--trust-manifest")
    assert not touched.exists()


def test_attack_16_an_old_backup_can_not_pass_for_the_newest(any_site: Site) -> None:
    old = make(any_site)
    go_on(any_site)
    new = make(any_site)
    before = digest(any_site)
    # The old one's files under the new one's names, and under a name of the future.
    future = "2099-01-01_00-00-00"
    for identifier in (new["id"], future):
        for source in (old["manifest"], old["files"][0]["path"]):
            target = Path(source.replace(old["id"], identifier))
            shutil.copy(source, target)
        result = any_site.manage("restore_backup", identifier, "--force", "--json", check=False)
        assert_refused(result, identifier, old["id"])
    assert plan(any_site, "latest")["id"] == old["id"]
    # Renamed inside, too, it is not signed any more.
    text = Path(old["manifest"]).read_text().replace(old["id"], future)
    Path(old["manifest"].replace(old["id"], future)).write_text(text)
    result = any_site.manage("restore_backup", future, "--force", "--json", check=False)
    assert_refused(result, "altered")
    assert plan(any_site, "latest")["id"] == old["id"]
    assert digest(any_site) == before
    assert plan(any_site, old["id"])["id"] == old["id"]


@pytest.mark.parametrize("compressed", [False, True])
def test_attack_17_an_sql_dump_is_never_run(
    any_site: Site, tmp_path: Path, compressed: bool
) -> None:
    touched = tmp_path / "touched"
    text = f"\\! touch {touched}\n.shell touch {touched}\nDROP TABLE shop_order;\n".encode()
    dump = tmp_path / "backup_2026-01-01_00-00-00.dump.gz"
    dump.write_bytes(gzip.compress(text) if compressed else text)
    refused(any_site, str(dump), dump.name, "text")
    made = make(any_site)
    forge(made, lambda _raw: text)
    refused(any_site, made["id"], only_file(made).name)
    assert not touched.exists()


@pytest.mark.parametrize("strategy", ["--swap", "--in-place"])
def test_attack_17_names_in_an_archive_run_nothing(
    postgres_site: Site, tmp_path: Path, strategy: str
) -> None:
    touched = tmp_path / "touched"
    evil = f"x\n\\! touch {touched}\n\\restrict abc\nDROP TABLE shop_order; --"
    copied = "COPY public.shop_order FROM stdin;"
    postgres_site.query(f'CREATE TABLE "{evil}" (id int, "{evil[:40]}" text)')
    postgres_site.query(f'INSERT INTO "{evil}" VALUES (1, $${evil}$$), (2, $$\\.$$)')
    postgres_site.query(f"COMMENT ON TABLE shop_cart IS $$one\n{copied}\n{evil}\n$$")
    postgres_site.query(
        "CREATE FUNCTION odd() RETURNS text LANGUAGE sql AS"
        f" $odd$ SELECT $$\n{copied}\n\\! touch {touched}\n\\.\n$$ $odd$"
    )
    then = content(postgres_site)
    made = make(postgres_site)
    go_on(postgres_site)
    restore(postgres_site, made["id"], strategy)
    assert content(postgres_site) == then
    assert not touched.exists()


def test_a_dump_of_the_other_engine_is_refused(
    sqlite_site: Site, postgres_site: Site, tmp_path: Path
) -> None:
    for site, other, engine in (
        (sqlite_site, postgres_site, "postgresql"),
        (postgres_site, sqlite_site, "sqlite"),
    ):
        made = make(other)
        shutil.rmtree(tmp_path / engine, ignore_errors=True)
        folder = shutil.copytree(other.backups, tmp_path / engine)
        file = folder / only_file(made).name
        refused(site, str(file), engine)
        (folder / Path(made["manifest"]).name).unlink()
        refused(site, str(file), file.name)
        bare = tmp_path / f"bare {engine}"
        bare.write_bytes(gzip.decompress(file.read_bytes()))
        refused(site, str(bare), bare.name)


def test_a_zip_with_two_dumps_is_refused(any_site: Site, tmp_path: Path) -> None:
    data = gzip.decompress(only_file(make(any_site)).read_bytes())
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("one.dump", data)
        packed.writestr("two.dump", data)
    path = tmp_path / "backup_2026-01-01_00-00-00.dump"
    path.write_bytes(archive.getvalue())
    refused(any_site, str(path), path.name, "zip")


@pytest.mark.parametrize("what", ["absent", "folder", "empty", "noise", "fifo", "link"])
def test_what_is_no_dump_is_refused(any_site: Site, tmp_path: Path, what: str) -> None:
    make(any_site)
    path = tmp_path / "thing"
    match what:
        case "folder":
            path.mkdir()
        case "empty":
            path.touch()
        case "noise":
            path.write_bytes(os.urandom(5000))
        case "fifo":
            os.mkfifo(path)
        case "link":
            path.symlink_to(tmp_path / "nowhere")
    refused(any_site, str(path), "thing")


def test_no_right_to_write_beside_the_file_is_refused(
    sqlite_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(sqlite_site)
    if os.geteuid() == 0:
        sqlite_site.sqlite_file.chmod(0o644)
        pytest.skip("root may write everywhere")
    sqlite_site.folder.chmod(0o500)
    try:
        refused(sqlite_site, "latest", "can't be written")
    finally:
        sqlite_site.folder.chmod(0o700)


def test_a_role_without_the_right_to_change_tables_is_refused(postgres_site: Site) -> None:
    database = postgres_site.database
    assert database
    make(postgres_site)
    go_on(postgres_site)
    database.cluster.execute(f'ALTER ROLE "{database.user}" NOCREATEDB')
    database.cluster.execute(f"ALTER DATABASE {database.name} OWNER TO postgres")
    try:
        before = digest(postgres_site)
        arguments = ("latest", "--force", "--json", "--no-safety-backup")
        result = postgres_site.manage("restore_backup", *arguments, check=False)
        assert_refused(result, "permission denied")
        assert digest(postgres_site) == before
    finally:
        owner = f'ALTER DATABASE {database.name} OWNER TO "{database.user}"'
        database.cluster.execute(owner)
    assert not unfinished(postgres_site)


def test_an_archive_that_is_more_than_its_signed_size_stops_there(any_site: Site) -> None:
    made = make(any_site)
    go_on(any_site)

    def smaller(document: dict[str, object]) -> None:
        parts = document["parts"]
        assert isinstance(parts, list)
        parts[0]["raw_bytes"] -= 4096

    sign_again(made, smaller)
    refused(any_site, made["id"], "unpacks to")


def test_what_a_restore_makes_is_private(sqlite_site: Site) -> None:
    make(sqlite_site)
    old = os.umask(0)
    try:
        done = restore(sqlite_site, "latest")
    finally:
        os.umask(old)
    assert Path(done["previous"]).stat().st_mode & 0o777 == 0o600
    journal = sqlite_site.backups / ".restores"
    assert journal.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in journal.iterdir()} == {0o600}


def test_case_s7_a_strangers_manifest_brings_no_escape_into_the_terminal(any_site: Site) -> None:
    made = make(any_site)

    def poison(document: dict[str, Any]) -> None:
        part = document["parts"][0]
        part["tables"].append({**part["tables"][0], "name": "evil\x1b[2J\x9b1m"})
        part["migrations"].append(["evil\x1b]0;", "title\x07"])

    sign_again(made, poison)
    for command in (
        ("restore_backup", made["id"], "--dry-run"),
        ("restore_backup", made["id"], "--force"),
        ("show_backup", made["id"]),
        ("verify_backup", made["id"]),
        ("list_backups",),
    ):
        result = any_site.manage(*command, check=False)
        found = result.stdout + result.stderr
        assert not set(found) & {"\x1b", "\x07", "\x9b"}, (command, found)
