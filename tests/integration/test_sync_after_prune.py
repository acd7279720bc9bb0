"""What a destination's own rules let go is not sent there again, until somebody asks for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.support.index import backup_folder
from tests.support.pruning import BEGIN, Nas, nas, nightly, plans
from trustbackup.models import Copy, Destination
from trustbackup.operations.context import Context
from trustbackup.operations.offsite.compare import compare
from trustbackup.operations.offsite.copy import copy_backup
from trustbackup.operations.offsite.targets import ref_of
from trustbackup.operations.retention.prune import prune_by_rules
from trustbackup.operations.sync import compare_with, sync
from trustbackup.store.folder import BackupFolder

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> BackupFolder:
    """Ten backups may be here, three at the NAS."""
    plans(settings, tmp_path / "backups", last=10, nas={"last": 3})
    return backup_folder(tmp_path / "backups")


@pytest.fixture
def place(tmp_path: Path) -> Nas:
    return nas(tmp_path / "nas")


def sent(place: Nas, **options: Any) -> list[str]:
    """What a sync copies there."""
    found = sync(ref_of(place.row), pauses=(), **options)
    assert not found.errors
    return [copied.id for copied in found.copied]


def test_prune_and_sync_in_turn_change_nothing(folder: BackupFolder, place: Nas) -> None:
    made = nightly(folder, 6)
    place.copy(made)
    _here, there = prune_by_rules()
    assert there.deleted == made[:3]
    for _time in range(2):
        found = sync(ref_of(place.row), pauses=())
        assert (found.copied, found.only_here, found.unwanted) == ([], [], made[:3])
        assert found.ok
        _here, there = prune_by_rules()
        assert there.deleted == []
    assert place.there() == made[3:]
    assert compare_with(ref_of(place.row)).unwanted == made[:3]


def test_a_new_destination_gets_what_its_rules_keep_and_no_more(
    folder: BackupFolder, place: Nas, capsys: pytest.CaptureFixture[str]
) -> None:
    made = nightly(folder, 6)
    call_command("sync_backups", "nas")
    said = capsys.readouterr().out
    assert place.there() == made[3:]
    assert "3 backups are not copied to nas, whose rules would delete again" in said
    call_command("sync_backups", "nas", "--json")
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["only_here"], found["unwanted"], found["ok"]) == ([], made[:3], True)
    call_command("sync_backups", "nas")
    assert "nas has every backup that its rules keep." in capsys.readouterr().out
    assert prune_by_rules()[1].deleted == []


def test_who_asks_for_a_backup_by_its_name_gets_it(folder: BackupFolder, place: Nas) -> None:
    made = nightly(folder, 5)
    place.copy(made)
    prune_by_rules()
    assert sent(place, backups=[made[0]]) == [made[0]]
    (copied,) = copy_backup(made[1], [ref_of(place.row)], pauses=())
    assert not copied.error
    assert place.there() == made


def test_what_the_destination_lost_by_itself_is_sent_again(
    folder: BackupFolder, place: Nas
) -> None:
    made = nightly(folder, 5)
    place.copy(made)
    prune_by_rules()
    for path in place.path.glob(f"backup_{made[3]}*"):
        path.unlink()
    assert sent(place) == [made[3]]
    data = place.path / f"backup_{made[4]}.dump.gz"
    data.write_bytes(b"")
    assert sent(place) == [made[4]]
    assert place.there() == made[2:]


def test_what_an_upload_left_that_died_is_finished_and_what_a_prune_began_to_delete_is_not(
    folder: BackupFolder, place: Nas
) -> None:
    made = nightly(folder, 6)
    place.copy(made)
    prune_by_rules()
    uploaded, deleted = made[:2]
    for identifier, state in ((uploaded, "uploading"), (deleted, "deleting")):
        data = f"backup_{identifier}.dump.gz"
        (place.path / data).write_bytes((folder.root / data).read_bytes())
        Copy.objects.create(
            identifier=identifier, destination=place.row, state=state, changed=BEGIN
        )
    assert sent(place) == [uploaded]
    assert prune_by_rules()[1].deleted == [uploaded]
    assert place.files(uploaded) == place.files(deleted) == []
    assert sent(place) == []


def test_an_index_that_is_made_anew_sends_nothing_again(
    folder: BackupFolder, place: Nas, settings: Any
) -> None:
    made = nightly(folder, 6)
    place.copy(made)
    prune_by_rules()
    # As after a restore, and after a plan's backups grew older than what is known of the copies.
    Copy.objects.all().delete()
    assert sent(place) == []
    assert set(Copy.objects.values_list("tries", flat=True)) == {0}
    prune_by_rules()
    assert sent(place) == []
    assert place.there() == made[3:]


def test_rules_that_became_longer_bring_the_older_ones(
    folder: BackupFolder, place: Nas, settings: Any
) -> None:
    made = nightly(folder, 6)
    place.copy(made)
    prune_by_rules()
    plans(settings, folder.root, last=10, nas={"last": 5})
    assert sent(place) == made[1:3]
    # A plan that never deletes anything there wants them all.
    plans(settings, folder.root)
    settings.TRUSTBACKUP["PLANS"]["nightly"].pop("RETENTION")
    assert sent(place) == made[:1]


def test_a_place_that_is_named_by_its_address_has_no_rules(
    folder: BackupFolder, place: Nas, settings: Any
) -> None:
    plans(settings, folder.root, last=3)
    made = nightly(folder, 5)
    call_command("sync_backups", place.path.as_uri())
    assert place.there() == made


def test_for_what_cannot_be_copied_an_older_one_stands_in(folder: BackupFolder, place: Nas) -> None:
    made = nightly(folder, 6)
    data = folder.root / f"backup_{made[5]}.dump.gz"
    # As large as it was: only its hash tells.
    data.write_bytes(bytes(len(data.read_bytes())))
    found = sync(ref_of(place.row), pauses=())
    assert len(found.errors) == 1
    assert place.there() == made[2:5]
    assert sync(ref_of(place.row), pauses=()).unwanted == made[:2]
    assert place.there() == made[2:5]


def test_a_damaged_backup_is_told_of_as_before(folder: BackupFolder, place: Nas) -> None:
    made = nightly(folder, 5)
    (folder.root / f"backup_{made[0]}.dump.gz").unlink()
    found = sync(ref_of(place.row), pauses=())
    assert [made[0] in error for error in found.errors] == [True]
    assert place.there() == made[2:]


def test_without_an_index_of_copies_nothing_is_left_out(
    folder: BackupFolder, place: Nas, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    from trustbackup.operations.retention import lacking

    def locked(*_args: Any) -> None:
        raise OperationalError("database is locked")

    made = nightly(folder, 5)
    monkeypatch.setattr(lacking, "look_there", locked)
    assert sent(place) == made


def test_what_was_offloaded_elsewhere_counts_as_it_did(
    folder: BackupFolder, place: Nas, tmp_path: Path, settings: Any
) -> None:
    from trustbackup.operations.offsite.evict import evict

    other = nas(tmp_path / "other", "other")
    made = nightly(folder, 5)
    other.copy(made)
    settings.TRUSTBACKUP = {**settings.TRUSTBACKUP, "KEEP_LOCAL": 2}
    gone = evict()
    assert made[2] in gone
    assert sent(place) == [each for each in made[2:] if each not in gone]
    found = compare(Context.current(), ref_of(place.row)).found
    assert set(found.offloaded) == set(gone)
    assert Destination.objects.count() == 2
