"""``backup_keys``: pairs, names, and the proof that an identity opens what lies at every place."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.support.encrypted import encrypt, new_pair, put_encrypted
from tests.support.index import backup_folder
from trustbackup.models import AuditEvent, Backup, Destination, EncryptionKey, KeyProof, Plan
from trustbackup.operations.encryption_keys import add_key, key_troubles
from trustbackup.operations.plans.spec import all_plans
from trustbackup.store.key_proof import ENOUGH

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("folder")]


def command(*arguments: str, **options: Any) -> tuple[int, str]:
    """The exit code, and what was printed on either stream."""
    said = io.StringIO()
    try:
        call_command("backup_keys", *arguments, stdout=said, stderr=said, **options)
    except SystemExit as end:
        return int(str(end.code)), said.getvalue()
    return 0, said.getvalue()


def as_json(*arguments: str, **options: Any) -> Any:
    said = io.StringIO()
    with suppress(SystemExit):
        call_command("backup_keys", *arguments, "--json", stdout=said, **options)
    return json.loads(said.getvalue())


def written(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


def destination(folder: Path, name: str = "offsite") -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    Destination.objects.create(name=name, kind="folder", options={"path": str(folder)})
    return folder


def test_a_new_key_is_shown_once_and_opens_with_ages_own_programs(tmp_path: Path) -> None:
    code, said = command("new", "office")
    assert code == 0
    (secret,) = [line for line in said.splitlines() if line.startswith("AGE-SECRET-KEY-1")]
    row = EncryptionKey.objects.get()
    assert row.recipient in said
    assert "age -d -i key.txt" in said
    assert "█" in said, "its QR code"
    identity = written(tmp_path, "key.txt", secret)
    public = subprocess.run(
        ["age-keygen", "-y", identity], check=True, capture_output=True, text=True
    )
    assert public.stdout.strip() == row.recipient
    everything = [*EncryptionKey.objects.values(), *AuditEvent.objects.values()]
    assert secret not in str(everything)


def test_a_new_key_may_have_a_passphrase_and_a_page_to_print(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUSTBACKUP_IDENTITY_PASSPHRASE", "of a test")
    out, sheet = tmp_path / "key.age", tmp_path / "sheet.html"
    code, said = command("new", "safe", "--passphrase", "--out", str(out), "--sheet", str(sheet))
    assert code == 0
    assert "SECRET-KEY" not in said
    assert [path.stat().st_mode & 0o777 for path in (out, sheet)] == [0o600, 0o600]
    assert out.read_text().startswith("-----BEGIN AGE ENCRYPTED FILE-----")
    page = sheet.read_text()
    assert "<svg" in page
    assert out.read_text().splitlines()[1] in page
    again = pytest.raises(CommandError, match="File exists")
    with again:
        command("new", "other", "--passphrase", "--out", str(out))
    assert not EncryptionKey.objects.filter(name="other").exists()
    command("add", "from-keygen", new_pair().recipient)
    made = put_encrypted(
        backup_folder(_root()), 1, [EncryptionKey.objects.get(name="safe").recipient]
    )
    (tried,) = as_json("prove", "--identity", str(out))
    assert (tried["name"], tried["id"], tried["opened"]) == ("safe", made, True)


def _root() -> Path:
    from trustbackup.conf import get_settings

    root = get_settings().backup_dir
    root.parent.mkdir(exist_ok=True)
    return root


def test_a_key_is_proven_on_a_header_of_every_place_and_kept_as_such(tmp_path: Path) -> None:
    office, safe, stranger = new_pair(), new_pair(), new_pair()
    add_key("office", office.recipient)
    old = put_encrypted(backup_folder(_root()), 1, [office.recipient])
    new = put_encrypted(
        backup_folder(_root()), 2, [office.recipient, safe.recipient], data=b"y" * 400_000
    )
    there = destination(tmp_path / "there")
    for path in _root().glob(f"*{old}*"):
        shutil.copy(path, there)
    destination(tmp_path / "empty", "empty")
    shutil.rmtree(destination(tmp_path / "gone", "gone"))
    identity = written(tmp_path, "office.txt", office.text)
    tried = as_json("prove", "--identity", identity)
    by_place = {each["place"]: (each["id"], each["opened"], each["problem"]) for each in tried}
    assert by_place[""] == (new, True, "")
    assert by_place["offsite"] == (old, True, "")
    assert by_place["empty"] == ("", False, "No backup there is encrypted to this key.")
    kept = set(KeyProof.objects.values_list("place", "identifier"))
    assert kept == {("", new), ("offsite", old)}
    KeyProof.objects.update(at=datetime.now(UTC) - timedelta(days=12))
    _code, said = command("list")
    assert f"opened {new} in the backup folder 1 week ago" in said
    (unnamed,) = [key for key in as_json("list") if not key["name"]]
    assert (unnamed["backups"], unnamed["alone"], unnamed["proofs"]) == (1, 0, [])
    code, said = command("prove", "--identity", written(tmp_path, "other.txt", stranger.text))
    assert code == 1
    assert "not opened with key" in said
    assert KeyProof.objects.count() == 2
    for row in (*KeyProof.objects.values(), *AuditEvent.objects.values()):
        assert office.text.splitlines()[-1] not in str(row)


def test_an_identity_is_pasted_on_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    office = new_pair()
    made = put_encrypted(backup_folder(_root()), 1, [office.recipient])
    pasted = io.TextIOWrapper(io.BytesIO(office.text.replace("\n", "\r\n").encode()))
    monkeypatch.setattr(sys, "stdin", pasted)
    (tried,) = as_json("prove", "--stdin")
    assert (tried["id"], tried["opened"]) == (made, True)
    with pytest.raises(CommandError, match="No identity was given"):
        command("prove")


@pytest.mark.parametrize("damage", ["swapped", "plain", "cut", "flipped"])
def test_what_was_exchanged_or_cut_short_proves_no_key(tmp_path: Path, damage: str) -> None:
    office, other = new_pair(), new_pair()
    made = put_encrypted(backup_folder(_root()), 1, [office.recipient], data=b"y" * 400_000)
    (file,) = _root().glob(f"*{made}*.age")
    whole = file.read_bytes()
    contents = {
        "swapped": encrypt(b"y" * 400_000, [other.recipient]),
        "plain": b"y" * len(whole),
        "cut": whole[:40_000],
        "flipped": whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:],
    }
    file.write_bytes(
        contents[damage].ljust(len(whole), b"\0") if damage != "cut" else contents["cut"]
    )
    Backup.objects.all().delete()
    code, said = command("prove", "--identity", written(tmp_path, "key.txt", office.text))
    assert code == 1
    assert " opened with key" not in said.replace("not opened with key", "")
    assert KeyProof.objects.count() == 0


def test_a_proof_reads_a_header_and_two_blocks_and_no_more(tmp_path: Path) -> None:
    office = new_pair()
    made = put_encrypted(backup_folder(_root()), 1, [office.recipient], data=b"y" * 400_000)
    (file,) = _root().glob(f"*{made}*.age")
    whole = file.read_bytes()
    file.write_bytes(whole[:ENOUGH] + bytes(len(whole) - ENOUGH))
    (tried,) = as_json("prove", "--identity", written(tmp_path, "key.txt", office.text))
    assert tried["opened"] is True


def test_a_plan_with_one_key_or_with_one_that_nobody_ever_tried_is_not_green() -> None:
    office, safe = new_pair(), new_pair()
    add_key("office", office.recipient)
    now = datetime.now(UTC)
    plan = Plan.objects.create(name="nightly", encrypt_to=[office.recipient])

    def trouble() -> str:
        return str(key_troubles(all_plans(), now).get("nightly", ""))

    never = "Plan nightly encrypts to key office, which was never proven to open a backup."
    assert trouble() == never
    keys = {key["name"]: key["fingerprint"] for key in as_json("list")}
    proof = KeyProof.objects.create(
        fingerprint=keys["office"], identifier="x", at=now - timedelta(days=2)
    )
    assert "encrypts to one key only" in trouble()
    plan.encrypt_to = [office.recipient, safe.recipient]
    plan.save()
    assert "which was never proven" in trouble()
    (unnamed,) = [key["fingerprint"] for key in as_json("list") if not key["name"]]
    KeyProof.objects.create(fingerprint=unnamed, identifier="x", at=now)
    assert trouble() == ""
    proof.at = now - timedelta(days=100)
    proof.save()
    assert "which last opened a backup 3 months ago" in trouble()


def test_retiring_says_what_becomes_of_old_backups_and_refuses_what_is_in_use() -> None:
    office, safe = new_pair(), new_pair()
    for name, pair in (("office", office), ("safe", safe)):
        add_key(name, pair.recipient)
    plan = Plan.objects.create(name="nightly", encrypt_to=[office.recipient])
    for number, keys in enumerate([[office], [office], [office, safe]]):
        put_encrypted(backup_folder(_root()), number, [key.recipient for key in keys])
    with pytest.raises(CommandError, match="these plans encrypt to it: nightly"):
        command("retire", "office")
    plan.encrypt_to = [safe.recipient]
    plan.save()
    _code, said = command("retire", "office")
    assert "Keep its identity: 2 backups here are opened by no other key" in said
    for given in ("office", office.recipient):
        with pytest.raises(CommandError, match="Nothing new is encrypted to key office"):
            call_command("create_backup", "--encrypt-to", given)
    with pytest.raises(CommandError, match="There is a key 'office' already"):
        command("new", "office")
    for wrong in ("age1office", "a b", "x" * 51):
        with pytest.raises(CommandError, match="can't be called"):
            command("add", wrong, safe.recipient)
    with pytest.raises(CommandError, match="This key is called safe already"):
        command("add", "again", safe.recipient)
