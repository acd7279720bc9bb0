"""Case U at destinations: what was read before a lock was held is not relied on after it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.copies import new_file, read
from tests.support.index import backup_folder, checked, note, put
from tests.support.meanwhile import before
from trustbackup import models
from trustbackup.destinations.base import DestinationError
from trustbackup.destinations.folder.backend import Folder
from trustbackup.destinations.folder.config import FolderConfig
from trustbackup.operations.backup import delete
from trustbackup.operations.backup.keep import keep_backup
from trustbackup.operations.offsite import compare, evict, fetch, hydrate
from trustbackup.operations.offsite.copy import copy_backup
from trustbackup.operations.offsite.targets import find_destination
from trustbackup.operations.sync import compare_with
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.folder import BackupFolder

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> BackupFolder:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path / "backups", "KEEP_LOCAL": 0}
    return backup_folder(tmp_path / "backups")


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    options = {"path": str(tmp_path / "copies")}
    models.Destination.objects.create(name="disk", kind="folder", options=options)
    return tmp_path / "copies"


def has_data(folder: BackupFolder, identifier: str) -> bool:
    return (folder.root / f"backup_{identifier}.dump.gz").exists()


def evicted_after(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> list[str]:
    before(monkeypatch, BackupFiles, "alone", act)
    return evict.evict([find_destination("disk")])


def copied(folder: BackupFolder, *numbers: int) -> list[str]:
    made = [put(folder, number) for number in numbers]
    for identifier in made:
        (result,) = copy_backup(identifier, [find_destination("disk")], pauses=())
        assert result.error == ""
    return made


def test_case_u2_what_was_protected_meanwhile_is_not_evicted(
    folder: BackupFolder, copies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (old,) = copied(folder, 1)
    assert evicted_after(monkeypatch, lambda: keep_backup(old)) == []
    assert has_data(folder, old)


def test_case_u2_what_became_the_last_good_one_meanwhile_is_not_evicted_unread(
    folder: BackupFolder, copies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, newest = copied(folder, 1, 2)
    note(folder, newest, checked)
    lose = lambda: delete.delete_backups([newest], last_good_too=True)  # noqa: E731
    assert evicted_after(monkeypatch, lose) == []
    assert has_data(folder, old)


def test_case_o1_data_is_not_evicted_for_a_copy_that_another_deletes(
    folder: BackupFolder, copies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As retention there does, which holds the backup meanwhile."""
    (old,) = copied(folder, 1)
    lose = (copies / f"backup_{old}.dump.gz").unlink
    assert evicted_after(monkeypatch, lose) == []
    assert has_data(folder, old)


@pytest.mark.parametrize("what", ["the data goes", "it is found bad"])
def test_case_o1_data_is_not_evicted_for_a_copy_that_was_there_when_it_was_listed(
    folder: BackupFolder, copies: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    (old,) = copied(folder, 1)
    listed = evict.list_remote

    def then_lost(destination: Any) -> Any:
        found = listed(destination)
        if what == "the data goes":
            (copies / f"backup_{old}.dump.gz").unlink()
        return found

    def then_bad(ref: Any, *identifiers: str) -> Any:
        known = rows(ref, *identifiers)
        models.Copy.objects.update(state=models.Copy.State.FAILED)
        return known

    rows = evict._copies
    monkeypatch.setattr(evict, "list_remote", then_lost)
    if what == "it is found bad":
        monkeypatch.setattr(evict, "_copies", then_bad)
    assert evict.evict([find_destination("disk")]) == []
    assert has_data(folder, old)


def test_case_o1_what_was_fetched_for_a_while_stays_when_its_copy_is_gone(
    folder: BackupFolder, copies: Path
) -> None:
    (old,) = copied(folder, 1)
    assert evict.evict([find_destination("disk")]) == [old]
    with hydrate.local_data(old, briefly=True):
        (copies / f"backup_{old}.dump.gz").unlink()
    assert has_data(folder, old)
    assert folder.find(old).offloaded() is None


def test_case_u2_what_is_evicted_while_it_is_fetched_is_missed_and_comes_too(
    folder: BackupFolder, copies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (old,) = copied(folder, 1)
    here = fetch._here

    def then_evicted(*arguments: Any) -> Any:
        entry = here(*arguments)
        assert evict.evict([find_destination("disk")]) == [old]
        return entry

    monkeypatch.setattr(fetch, "_here", then_evicted)
    assert fetch.fetch_backup(find_destination("disk"), old) == old
    assert has_data(folder, old)


def test_case_u_a_copy_that_was_noted_since_the_look_stays_noted(
    folder: BackupFolder, copies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied(folder, 1)
    old = models.Copy.objects.get()
    models.Copy.objects.update(changed=old.changed - timedelta(hours=1))
    listed = compare.list_remote

    def then_copied(destination: Any) -> Any:
        found = listed(destination)
        copied(folder, 2)
        models.Copy.objects.filter(pk=old.pk).update(state="failed", changed=datetime.now(UTC))
        return found

    monkeypatch.setattr(compare, "list_remote", then_copied)
    compare_with(find_destination("disk"))
    states = models.Copy.objects.order_by("identifier").values_list("state", "tries")
    assert list(states) == [("failed", 1), ("stored", 1)]


# ------------------------------------------------------- two who copy the same at once


def test_case_u_two_copies_to_one_folder_at_once_leave_each_others_upload_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, sha256 = new_file(tmp_path / "backups", 5000)
    folder = Folder(FolderConfig(tmp_path / "copies"))
    problems: list[str] = []

    def another() -> None:
        with pytest.raises(DestinationError) as caught:
            Folder(FolderConfig(tmp_path / "copies")).put(source, sha256)
        problems.append(str(caught.value))

    def in_another_thread() -> None:
        thread = threading.Thread(target=another)
        thread.start()
        thread.join()

    before(monkeypatch, Folder, "_digest", in_another_thread)
    folder.put(source, sha256)
    assert ["another run is copying it" in problem for problem in problems] == [True]
    assert read(folder) == source.read_bytes()
    assert list((tmp_path / "copies" / ".uploads").iterdir()) == []
