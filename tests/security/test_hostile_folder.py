"""A backup folder that somebody else writes to: nothing waits, nothing is followed or removed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.support.index import backup_folder, note, put
from trustbackup.exceptions import FolderError
from trustbackup.operations.backup.delete import delete_backups
from trustbackup.operations.backup.rescan import rescan_backups
from trustbackup.operations.offsite.verify import verify_all
from trustbackup.store import drafts, durable, names, streams
from trustbackup.store.folder import BackupFolder

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("alarm")]
ID = "2026-02-01_00-00-00"


@pytest.fixture
def alarm() -> Any:
    """Whoever waits for a FIFO's writer is ended, and the test with it."""

    def late(_number: int, _frame: object) -> None:
        raise AssertionError("it waits")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> BackupFolder:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path / "backups"}
    durable.prepare_root(tmp_path / "backups")
    return backup_folder(tmp_path / "backups")


def fifo(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def brackets(path: Path) -> None:
    path.write_bytes(b"[" * 200_000)


def folder_of_files(path: Path) -> None:
    path.mkdir()
    (path / "inside").write_text("precious")


KINDS = [fifo, device, brackets, folder_of_files]
PLACES = [
    f"backup_{ID}.manifest.json",
    f"backup_{ID}.record.json",
    f"backup_{ID}.dump.gz",
    f".drafts/{ID}",
    f".drafts/{ID}/published",
    ".drafts/upload-0",
    f".drafts/backup_{ID}.record.json.1",
    f".deleted/backup_{ID}.manifest.json",
    ".restores/20260101T000000000000-default.json",
    ".restores/20260101T000000000000-default.alive",
    ".restores/20260101T000000000000-default.work",
    ".restores/run-00000000-0000-0000-0000-000000000000.lock",
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("place", PLACES)
def test_case_s5_what_is_no_regular_file_stops_nothing(
    folder: BackupFolder, kind: Callable[[Path], None], place: str
) -> None:
    whole, other = put(folder, 1), put(folder, 2)
    path = folder.root / place
    path.parent.mkdir(mode=0o700, exist_ok=True)
    kind(path)
    with folder.draft_as("2026-03-01_00-00-00") as draft:
        with draft.create("backup_2026-03-01_00-00-00.dump") as file:
            file.write(b"x")
        draft.publish(None)
    assert folder.find("latest").id == other
    assert {verdict.id: verdict.ok for verdict in verify_all()}[whole]
    assert delete_backups([whole])[0].error == ""
    found = rescan_backups()
    assert found.states["complete"] == 1
    call_command("list_backups", verbosity=0)
    if kind is not brackets and "/" not in place:
        assert found.passed_over == (place,)
    if kind is folder_of_files and not place.startswith(".drafts/2026-02"):
        assert (path / "inside").exists() == (place != ".drafts/upload-0")


@pytest.mark.parametrize("kind", [fifo, device, folder_of_files], ids=lambda kind: kind.__name__)
def test_case_s5_what_takes_a_files_place_after_the_look_is_not_opened(
    folder: BackupFolder, kind: Callable[[Path], None]
) -> None:
    identifier = put(folder, 1)
    note(folder, identifier, lambda noted: noted)
    backup = folder.find(identifier)
    for name in backup.files:
        (folder.root / name).unlink()
        kind(folder.root / name)
    with pytest.raises(FolderError, match="manifest"):
        backup.read_manifest()
    (data,) = backup.data_files
    with pytest.raises(FolderError, match="dump"):
        streams.sha256_of(folder.root / data)
    with pytest.raises(FolderError, match="dump"):
        streams.Decompressed(folder.root / data)
    assert backup.record().checked is None


def test_case_s2_a_dead_drafts_journal_removes_only_what_is_its_own(folder: BackupFolder) -> None:
    victim = put(folder, 1)
    outside = folder.root.parent / "precious"
    outside.write_text("precious")
    file = folder.root / f"backup_{victim}.dump.gz"
    dead = folder.root / ".drafts" / ID
    dead.mkdir()
    named = {
        file.name: file.stat().st_ino,
        "../precious": outside.stat().st_ino,
        str(outside): outside.stat().st_ino,
    }
    (dead / "published").write_text(json.dumps(named))
    assert drafts.sweep(folder.root) == [ID]
    assert file.exists()
    assert outside.exists()
    assert names.manifest_name(victim) in folder.find(victim).files


def test_case_s3_a_record_or_manifest_without_an_end_is_not_read(folder: BackupFolder) -> None:
    identifier = put(folder, 1)
    record = folder.root / names.record_name(identifier)
    with record.open("wb") as file:
        file.truncate(1 << 40)
    assert folder.record(identifier).checked is None
    manifest = folder.root / names.manifest_name(identifier)
    with manifest.open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(FolderError, match="more than"):
        folder.find(identifier).read_manifest()
    assert rescan_backups().states["unreadable"] == 1


def test_case_s5_a_folder_in_the_place_of_its_data_stops_no_delete_and_no_backup(
    folder: BackupFolder,
) -> None:
    identifier = put(folder, 1)
    data = folder.root / f"backup_{identifier}.dump.gz"
    data.unlink()
    data.mkdir()
    (data / "precious").write_text("precious")
    (result,) = delete_backups([identifier], last_good_too=True)
    assert result.error == ""
    with folder.draft(datetime.now(UTC)) as draft:
        draft.create(f"backup_{draft.id}.dump.gz")
    assert identifier not in folder.scan()
    assert (data / "precious").exists()
    assert not list((folder.root / ".deleted").iterdir())


def test_case_s5_what_nobody_can_remove_stops_no_backup_and_is_told_who_deletes(
    folder: BackupFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is immutable, say, or of another's in a folder with the sticky bit."""
    identifier = put(folder, 1)
    unlink = Path.unlink

    def refuse(path: Path, *, missing_ok: bool = False) -> None:
        if path.name == f"backup_{identifier}.dump.gz":
            raise PermissionError(1, "Operation not permitted")
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    (result,) = delete_backups([identifier], last_good_too=True)
    assert "Removing failed on" in result.error
    with folder.draft(datetime.now(UTC)) as draft:
        draft.create(f"backup_{draft.id}.dump.gz")
    monkeypatch.undo()
    assert drafts.sweep(folder.root) == [identifier]
