"""Case U: what was read before a lock was held is not relied on after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import pytest

from tests.support.index import backup_folder, checked, drilled, note, put
from tests.support.meanwhile import before
from trustbackup import models
from trustbackup.exceptions import BackupNotFound, Busy
from trustbackup.operations.backup import delete
from trustbackup.operations.context import Context
from trustbackup.operations.transfer import adopt
from trustbackup.operations.transfer.adopt import adopt_paths
from trustbackup.store import catalog, drafts, durable, names, private_folder, removal
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.folder import BackupFolder

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> BackupFolder:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path / "backups", "KEEP_LOCAL": 0}
    return backup_folder(tmp_path / "backups")


def test_case_u2_what_became_the_last_one_meanwhile_is_not_deleted(
    folder: BackupFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, newest = put(folder, 1), put(folder, 2)
    note(folder, good, checked)
    note(folder, newest, drilled)

    def lose_the_other() -> None:
        (gone,) = delete.delete_backups([newest], last_good_too=True)
        assert gone.error == ""

    before(monkeypatch, BackupFiles, "alone", lose_the_other)
    (refused,) = delete.delete_backups([good])
    assert "the last one of its sort whose check passed" in refused.error
    assert list(folder.scan()) == [good]


def test_case_u2_what_was_proven_meanwhile_is_not_deleted(
    folder: BackupFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, newest = put(folder, 1), put(folder, 2)
    before(monkeypatch, BackupFiles, "alone", lambda: note(folder, old, drilled))
    (refused,) = delete.delete_backups([old])
    assert "proven to restore" in refused.error
    assert sorted(folder.scan()) == [old, newest]


def test_case_u1_what_comes_back_is_not_swept_with_what_was_deleted(folder: BackupFolder) -> None:
    """Its deleter dies when the last file has gone, and the same backup is fetched again."""
    identifier = put(folder, 1)
    tombstone = folder.root / ".deleted" / names.manifest_name(identifier)
    files = folder.find(identifier).files
    durable.prepare_root(folder.root)
    (folder.root / names.manifest_name(identifier)).rename(tombstone)
    for name in files:
        (folder.root / name).unlink(missing_ok=True)
    with pytest.MonkeyPatch.context() as patched:
        # Its deleter lives when the other looks, and is dead a moment later.
        patched.setattr(drafts, "sweep", lambda _root: [])
        with pytest.raises(Busy, match="was not published"), folder.draft_as(identifier):
            pass
    assert removal.finish_deletes(folder.root) == [identifier]
    with folder.draft_as(identifier) as draft:
        draft.publish(None)


def test_case_u2_a_sweep_that_looks_at_a_new_draft_stops_no_upload(
    folder: BackupFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    durable.prepare_root(folder.root)
    before(monkeypatch, private_folder, "hold", lambda: drafts.sweep(folder.root))
    with folder.draft_as("2026-03-01_00-00-00") as draft:
        assert draft.id == "2026-03-01_00-00-00"


# -------------------------------------------------------------- uploads, and the index


def test_case_u2_a_backup_that_is_being_deleted_is_not_taken_for_another_one(
    folder: BackupFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identifier = put(folder, 1)
    other = backup_folder(tmp_path / "other")
    put(other, 1)
    file = str(other.root / names.manifest_name(identifier))
    with (
        folder.find(identifier).alone("refused"),
        pytest.raises(Busy, match="it is being deleted"),
    ):
        adopt_paths([file])
    (same,) = adopt_paths([file])
    assert (same.id, same.new) == (identifier, False)
    assert adopt.logger


def published(folder: BackupFolder) -> str:
    """A backup of two files that appears as our own do."""
    elsewhere = backup_folder(folder.root.parent / "elsewhere")
    identifier = put(elsewhere, 9)
    data = f"backup_{identifier}.dump.gz"
    with folder.draft_as(identifier) as draft:
        with draft.create(data) as file:
            file.write((elsewhere.root / data).read_bytes())
        draft.publish((elsewhere.root / names.manifest_name(identifier)).read_bytes())
    return identifier


@pytest.mark.parametrize("seen", ["data", "manifest"])
def test_fault_01_a_backup_that_appears_while_the_folder_is_listed_is_whole_or_absent(
    folder: BackupFolder, monkeypatch: pytest.MonkeyPatch, seen: str
) -> None:
    put(folder, 1)
    scandir = drafts.os.scandir

    class Listing(list[Any]):
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

    def partly(path: Any) -> Any:
        if Path(path) != folder.root:
            return scandir(path)
        monkeypatch.setattr("os.scandir", scandir)
        identifier = published(folder)
        missed = f"backup_{identifier}." + ("manifest.json" if seen == "data" else "dump.gz")
        with scandir(path) as items:
            return Listing(item for item in items if item.name != missed)

    monkeypatch.setattr("os.scandir", partly)
    found = folder.scan()
    assert [catalog.describe(item).state for item in found.values()] == ["complete"] * 2


def test_case_u_two_processes_that_bring_the_index_up_to_date_undo_nothing_of_each_other(
    folder: BackupFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = put(folder, 1), put(folder, 2)
    scan = BackupFolder.scan

    def then_another(self: BackupFolder) -> Any:
        found = scan(self)
        monkeypatch.setattr(BackupFolder, "scan", scan)
        put(folder, 3)
        delete.delete_backups([first])
        catalog.synchronise(folder)
        return found

    for afresh in (False, True):
        monkeypatch.setattr(BackupFolder, "scan", then_another)
        catalog.synchronise(folder, afresh=afresh)
        noted = set(models.Backup.objects.values_list("identifier", flat=True))
        assert noted == set(folder.scan())
        first = second


def test_a_backup_that_went_since_it_was_seen_is_not_there(folder: BackupFolder) -> None:
    seen = Context.current().folder
    entry = seen.find(put(folder, 1))
    assert entry.is_unchanged()
    delete.delete_backups([entry.id], last_good_too=True)
    assert not entry.is_unchanged()
    with pytest.raises(BackupNotFound), entry.in_use():
        pass
