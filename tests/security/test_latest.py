"""``latest`` is what this site signed: nobody else's backup passes for it, here or elsewhere."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.support.backups import assert_refused, make
from tests.support.content import digest
from tests.support.index import backup_folder, put
from tests.support.restores import plan
from tests.support.sites import Site
from trustbackup.conf import get_settings
from trustbackup.exceptions import BackupNotFound
from trustbackup.operations.backup.delete import delete_backups
from trustbackup.operations.context import Context
from trustbackup.operations.offsite import remote
from trustbackup.operations.offsite.fetch import fetch_backup
from trustbackup.operations.offsite.targets import find_destination
from trustbackup.operations.offsite.verify import verify_at, verify_backup
from trustbackup.operations.sync import compare_with
from trustbackup.store import folder as folder_module
from trustbackup.store import names
from trustbackup.store.folder import BackupFolder

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> BackupFolder:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path / "backups"}
    return backup_folder(tmp_path / "backups")


def fill(folder: BackupFolder) -> str:
    """Ours, and newer ones: a stranger's, an altered, a moved, a bare, a broken one."""
    mine = put(folder, 100)
    put(backup_folder(folder.root, "a stranger's key"), 200)
    altered = folder.root / names.manifest_name(put(folder, 300))
    altered.write_bytes(altered.read_bytes().replace(b'"host": "', b'"host": "x'))
    moved = put(folder, 1)
    (folder.root / names.manifest_name(moved)).rename(
        folder.root / names.manifest_name("2026-02-01_00-00-00")
    )
    (folder.root / f"backup_{moved}.dump.gz").rename(
        folder.root / "backup_2026-02-01_00-00-00.dump.gz"
    )
    (folder.root / names.manifest_name(put(folder, 400))).unlink()
    (folder.root / names.manifest_name(put(folder, 500))).write_bytes(b"{")
    (folder.root / "backup_9999-12-31_23-59-59.manifest.json").write_bytes(b"[" * 100_000)
    return mine


def test_case_s1_latest_is_the_newest_that_this_site_signed(folder: BackupFolder) -> None:
    mine = fill(folder)
    assert folder.find("latest").id == mine
    assert verify_backup("latest").id == mine
    (gone,) = delete_backups(["latest"], last_good_too=True)
    assert gone.id == mine


def test_case_s1_latest_at_a_destination_is_the_newest_that_this_site_signed(
    folder: BackupFolder, tmp_path: Path
) -> None:
    there = backup_folder(tmp_path / "there")
    mine = fill(there)
    place = find_destination(there.root.as_uri())
    assert [verdict.id for verdict in verify_at(place, ["latest"])] == [mine]
    assert fetch_backup(place, "latest") == mine
    assert list(folder.scan()) == [mine]


def test_case_s6_strangers_without_number_do_not_hold_up_latest_at_a_destination(
    folder: BackupFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = backup_folder(tmp_path / "there")
    mine = put(there, 1)
    for number in range(7):
        put(backup_folder(there.root, "a stranger's key"), 10 + number)
    place = find_destination(there.root.as_uri())
    monkeypatch.setattr(remote, "LATEST_MANIFESTS", 8)
    assert fetch_backup(place, "latest") == mine
    monkeypatch.setattr(remote, "LATEST_MANIFESTS", 6)
    with pytest.raises(
        BackupNotFound, match=r"the 6 newest ones there are not signed by .* by its"
    ):
        verify_at(place, ["latest"])
    monkeypatch.setattr(remote, "LATEST_SECONDS", -1.0)
    with pytest.raises(BackupNotFound, match="was not found"):
        verify_at(place, ["latest"])
    assert [verdict.id for verdict in verify_at(place, [mine])] == [mine]


def test_case_s6_strangers_without_number_do_not_hold_up_latest_here(
    folder: BackupFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = put(folder, 1)
    for number in range(3):
        put(backup_folder(folder.root, "a stranger's key"), 10 + number)
    monkeypatch.setattr(folder_module, "LATEST_MANIFESTS", 4)
    assert folder.find("latest").id == mine
    monkeypatch.setattr(folder_module, "LATEST_MANIFESTS", 3)
    with pytest.raises(BackupNotFound, match="the 3 newest ones there are not signed"):
        folder.find("latest")
    monkeypatch.setattr(folder_module, "LATEST_SECONDS", -1.0)
    with pytest.raises(BackupNotFound, match="was not found"):
        folder.find("latest")
    assert folder.find(mine).id == mine


@pytest.mark.parametrize("limit", ["number", "time"])
def test_case_s6_strangers_without_number_hold_up_no_list_and_no_sync(
    folder: BackupFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    limit: str,
) -> None:
    there = backup_folder(tmp_path / "there")
    ours = [put(there, number) for number in (1, 20, 21, 22)]
    others = [put(backup_folder(there.root, "a stranger's"), number) for number in range(10, 14)]
    place = find_destination(there.root.as_uri())
    assert fetch_backup(place, ours[0]) == ours[0]
    reads: list[str] = []
    read = remote.read_manifest

    def noted(destination: Any, copied: Any, signer: Any) -> Any:
        reads.append(copied.id)
        return read(destination, copied, signer)

    monkeypatch.setattr(remote, "read_manifest", noted)
    monkeypatch.setattr(remote, "LATEST_MANIFESTS", 2 if limit == "number" else 99)
    if limit == "time":
        monkeypatch.setattr(remote, "LATEST_SECONDS", 0.0)
    read_of_others = {"number": others[2:], "time": others[3:]}[limit]
    unread = [one for one in others if one not in read_of_others]
    call_command("list_backups", "--at", there.root.as_uri(), "--json")
    said = capsys.readouterr()
    found = {one["id"]: one["problem"] for one in json.loads(said.out)}
    assert {key for key, problem in found.items() if problem == "Its manifest was not read."} == {
        *unread
    }
    assert [found[one] for one in ours] == [""] * 4
    assert f"{len(unread)} backups at" in said.err
    assert sorted(reads) == sorted([*ours[1:], *read_of_others])
    synced = compare_with(place)
    assert "were not looked at: too many others" in synced.errors[0]
    assert (synced.both, synced.only_there) == (ours[:1], sorted([*ours[1:], *read_of_others]))
    named = compare_with(place, [unread[0]])
    assert named.only_there == [unread[0]]


def test_case_s1_without_one_latest_is_none_and_says_why(
    folder: BackupFolder, tmp_path: Path
) -> None:
    with pytest.raises(BackupNotFound, match="Make one with create_backup"):
        folder.find("latest")
    put(backup_folder(folder.root, "a stranger's key"), 1)
    with pytest.raises(BackupNotFound, match=r"that this site signed: 1 other is there, .*key"):
        folder.find("latest")
    there = tmp_path / "there"
    put(backup_folder(there, "a stranger's key"), 1)
    with pytest.raises(BackupNotFound, match="that this site signed: 1 other is there"):
        fetch_backup(find_destination(there.as_uri()), "latest")


def test_case_s1_after_the_key_was_changed_latest_is_what_a_former_key_signed(
    folder: BackupFolder, settings: Any
) -> None:
    mine = put(folder, 1)
    settings.TRUSTBACKUP = {
        **settings.TRUSTBACKUP,
        "SECRET_KEYS": ["a new key", settings.SECRET_KEY],
    }
    assert get_settings().secret_keys[0] == "a new key"
    assert Context.current().folder.find("latest").id == mine
    assert json.loads((folder.root / names.manifest_name(mine)).read_bytes())["id"] == mine


def test_case_s1_an_altered_dump_without_its_manifest_is_refused_as_with_it(
    sqlite_site: Site,
) -> None:
    mine, other = make(sqlite_site), make(sqlite_site)
    before = digest(sqlite_site)
    dump = Path(mine["files"][0]["path"])
    dump.write_bytes(gzip.compress(gzip.decompress(dump.read_bytes()) + bytes(1)))
    Path(mine["manifest"]).unlink()
    for reference in (mine["id"], dump.name, str(dump)):
        refused = sqlite_site.manage("restore_backup", reference, "--force", check=False)
        assert_refused(refused, "It has no manifest", "name its file and say --trust-manifest")
    by_id = ("restore_backup", mine["id"], "--force", "--trust-manifest")
    assert_refused(sqlite_site.manage(*by_id, check=False), "name its file")
    assert digest(sqlite_site) == before
    assert plan(sqlite_site, "latest")["id"] == other["id"]
