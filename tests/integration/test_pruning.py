"""Prune by the plans' rules, here and at a destination, and what stands in its way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.support.index import backup_folder, checked, note, put
from tests.support.pruning import BEGIN, Nas, decisions, nas, nightly, plans
from trustbackup.exceptions import Busy
from trustbackup.models import Copy, Destination, Run
from trustbackup.operations.backup.keep import keep_backup
from trustbackup.operations.retention.prune import preview_pruning, prune_by_rules
from trustbackup.policy.retention.reasons import Reason
from trustbackup.store import locks, names
from trustbackup.store.folder import BackupFolder
from trustbackup.store.plan_note import PlanNote

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> BackupFolder:
    plans(settings, tmp_path / "backups", last=3)
    return backup_folder(tmp_path / "backups")


@pytest.fixture
def place(tmp_path: Path) -> Nas:
    return nas(tmp_path / "nas")


def here(folder: BackupFolder) -> list[str]:
    return sorted(folder.scan())


def test_a_preview_says_for_each_backup_what_becomes_of_it_and_deletes_nothing(
    folder: BackupFolder,
) -> None:
    by_hand = put(folder, 1)
    made = nightly(folder, 5)
    (place,) = preview_pruning()
    assert decisions(place) == {
        **dict.fromkeys(made[2:], "last"),
        **dict.fromkeys(made[:2], "expired"),
        by_hand: "no rules",
    }
    assert here(folder) == sorted([by_hand, *made])
    (place,) = prune_by_rules()
    assert place.deleted == made[:2]
    assert here(folder) == sorted([by_hand, *made[2:]])
    (again,) = prune_by_rules()
    assert (again.deleted, again.judgement.going) == ([], [])


def test_a_plan_that_is_gone_leaves_its_backups_under_the_rules_they_were_made_with(
    folder: BackupFolder,
) -> None:
    gone = PlanNote(name="gone", zone="Europe/Berlin", retention={"last": 1})
    forever = PlanNote(name="forever", retention=None)
    unread = PlanNote(name="later", retention={"moons": 3})
    made = {
        note.name: nightly(folder, 2, first=10 * number, plan=note)
        for number, note in enumerate((gone, forever, unread), start=1)
    }
    nightly(folder, 1, first=50)
    (place,) = prune_by_rules()
    assert place.deleted == made["gone"][:1]
    assert {decisions(place)[each] for each in made["forever"] + made["later"]} == {"no rules"}


def test_a_plan_that_cannot_be_followed_deletes_nothing(
    folder: BackupFolder, settings: Any
) -> None:
    nightly(folder, 5)
    plans(settings, folder.root, last=0)
    (place,) = prune_by_rules()
    assert set(decisions(place).values()) == {"no rules"}


def test_the_brake_lets_go_of_a_part_and_says_so(
    folder: BackupFolder, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    made = nightly(folder, 20)
    call_command("prune_backups")
    said = capsys.readouterr().out
    assert here(folder) == made[5:]
    assert "12 more backups stay in the backup folder: More than a quarter of its sort" in said
    (run,) = Run.objects.filter(action="prune")
    assert run.outcome["pruned"][0]["paused"] == {"brake": 12}
    call_command("prune_backups", "--yes-really")
    assert here(folder) == made[17:]
    with pytest.raises(CommandError, match="leave out --keep"):
        call_command("prune_backups", "--keep", "1", "--yes-really")


def test_the_command_tells_each_decision_and_its_reason(
    folder: BackupFolder, place: Nas, capsys: pytest.CaptureFixture[str]
) -> None:
    made = nightly(folder, 4)
    place.copy(made)
    call_command("prune_backups", "--dry-run", "--json")
    first, second = json.loads(capsys.readouterr().out)
    assert (first["place"], second["place"]) == ("", "nas")
    for each in (first, second):
        decided = {item["id"]: (item["decision"], item["why"]) for item in each["backups"]}
        assert decided == {
            made[0]: ("delete", "No rule keeps it."),
            **dict.fromkeys(made[1:], ("keep", "It is one of the last that are to be kept.")),
        }
        assert each["deleted"] == []
    call_command("prune_backups", "--dry-run")
    said = capsys.readouterr().out
    assert f"delete  {made[0]} in the backup folder: No rule keeps it." in said
    assert f"keep    {made[1]} at nas: It is one of the last" in said
    call_command("prune_backups")
    said = capsys.readouterr().out
    assert f"Backup {made[0]} is deleted at nas." in said
    assert (here(folder), place.there()) == (made[1:], made[1:])


def test_each_place_has_its_own_rules_and_a_copy_outlives_its_backup(
    folder: BackupFolder, place: Nas, settings: Any
) -> None:
    plans(settings, folder.root, last=1, nas={"last": 4})
    made = nightly(folder, 3)
    place.copy(made)
    first, second = prune_by_rules()
    assert (first.deleted, second.deleted) == (made[:2], [])
    later = nightly(folder, 3, first=3)
    place.copy(later)
    first, second = prune_by_rules()
    assert here(folder) == later[2:]
    # What is there alone is known by what its row keeps of it, or else by its manifest.
    assert second.deleted == made[:2]
    assert place.files(made[0]) == []
    assert not Copy.objects.filter(identifier__in=made[:2]).exists()
    # A lost index is made anew by what lies there; nothing of it is known to be good.
    Copy.objects.all().delete()
    plans(settings, folder.root, last=1, nas={"last": 1})
    _first, second = prune_by_rules()
    assert set(decisions(second).values()) == {"none good"}
    assert Copy.objects.get(identifier=made[2]).facts["plan"]["name"] == "nightly"


def test_a_copy_that_is_protected_used_or_the_only_data_stays(
    folder: BackupFolder, place: Nas, settings: Any
) -> None:
    plans(settings, folder.root, last=1)
    made = nightly(folder, 5)
    place.copy(made)
    keep_backup(made[0])
    Run.objects.create(
        action="drill", state="running", options={"backups": [made[1]]}, started=BEGIN
    )
    Copy.objects.filter(identifier=made[2]).update(state=Copy.State.UPLOADING)
    first, there = preview_pruning()
    assert decisions(first)[made[1]] == "in use"
    assert [decisions(there)[each] for each in made] == [
        "protected",
        "in use",
        "in use",
        "expired",
        "last",
    ]
    settings.TRUSTBACKUP = {**settings.TRUSTBACKUP, "KEEP_LOCAL": 1}
    from trustbackup.operations.offsite.evict import evict

    assert made[3] in evict()
    first, there = preview_pruning()
    assert (decisions(there)[made[3]], decisions(first)[made[3]]) == ("only data", "expired")


def test_what_somebody_else_put_there_is_never_deleted(folder: BackupFolder, place: Nas) -> None:
    made = nightly(folder, 4)
    place.copy(made)
    other = backup_folder(place.path, secret="another site's")
    foreign = nightly(other, 6, first=20)
    altered = place.path / names.manifest_name(made[0])
    altered.write_bytes(altered.read_bytes() + b" ")
    _here, there = prune_by_rules(confirmed=True)
    assert {decisions(there)[each] for each in [*foreign, made[0]]} == {"foreign"}
    assert set(foreign) <= set(place.there())


def test_fault_45_nothing_goes_before_the_new_backup_is_checked(folder: BackupFolder) -> None:
    made = nightly(folder, 4)
    newest = nightly(folder, 1, first=4, good=False)
    (place,) = prune_by_rules()
    assert place.deleted == []
    assert place.judgement.held(Reason.NEWEST_UNCHECKED) == made[:1]
    note(folder, newest[0], checked)
    assert prune_by_rules()[0].deleted == made[:2]


def test_fault_49_a_backup_in_use_stays_and_a_file_that_is_gone_is_a_note(
    folder: BackupFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = nightly(folder, 6)
    used = folder.find(made[0])
    from trustbackup.operations.retention import prune

    decided = prune.judge_here

    def meanwhile(*args: Any, **options: Any) -> Any:
        found = decided(*args, **options)
        for path in folder.root.glob(f"backup_{made[1]}.*"):
            path.unlink()
        return found

    monkeypatch.setattr(prune, "judge_here", meanwhile)
    with used.in_use():
        (place,) = prune_by_rules()
    assert place.deleted == [made[2]]
    assert set(place.notes) == {made[0], made[1]}
    assert "is using it" in place.notes[made[0]]
    assert place.ok
    assert made[0] in here(folder)


def test_a_delete_that_fails_is_told_and_stops_no_other(
    folder: BackupFolder, place: Nas, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trustbackup.destinations.base import DestinationError
    from trustbackup.destinations.folder.backend import Folder

    made = nightly(folder, 5)
    place.copy(made)
    delete = Folder.delete

    def refuse(self: Folder, name: str) -> None:
        if made[0] in name:
            raise DestinationError("It is locked for 30 days")
        delete(self, name)

    monkeypatch.setattr(Folder, "delete", refuse)
    _here, there = prune_by_rules()
    assert there.failed == {made[0]: "It is locked for 30 days."}
    assert there.deleted == [made[1]]
    assert not there.ok
    assert Copy.objects.get(identifier=made[0]).state == Copy.State.DELETING
    monkeypatch.undo()
    _here, there = prune_by_rules()
    assert there.deleted == [made[0]], "its manifest is still there: it is decided upon anew"


def test_a_preview_leaves_what_a_delete_that_died_has_left(
    folder: BackupFolder, place: Nas
) -> None:
    made = nightly(folder, 4)
    place.copy(made)
    (place.path / names.manifest_name(made[0])).unlink()
    Copy.objects.filter(identifier=made[0]).update(state=Copy.State.DELETING)
    left = place.files(made[0])
    preview_pruning()
    assert left
    assert place.files(made[0]) == left
    prune_by_rules()
    assert place.files(made[0]) == []


def test_a_destination_that_is_down_stops_no_other_place(folder: BackupFolder, place: Nas) -> None:
    made = nightly(folder, 4)
    place.copy(made)
    Destination.objects.create(name="a-gone-kind", kind="pigeon", options={"path": "/"})
    first, down, there = prune_by_rules()
    assert (first.deleted, there.deleted) == (made[:1], made[:1])
    assert "pigeon" in down.problem
    assert not down.ok


def test_two_prunes_at_once_let_go_of_one_share(
    folder: BackupFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    nightly(folder, 5)
    (folder.root / locks.RESTORES).mkdir(mode=0o700)
    monkeypatch.setattr("trustbackup.operations.retention.prune.LOCK_WAIT", 0)
    with (
        locks.exclusive(locks.prune_lock(folder.root)),
        pytest.raises(Busy, match="another process is pruning"),
    ):
        prune_by_rules()


def test_a_size_limit_is_of_what_lies_here(
    folder: BackupFolder, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    nightly(folder, 3, data=b"x" * 1000)
    plans(settings, folder.root, last=1, days=9, size_limit=1500)
    call_command("prune_backups", "--dry-run")
    assert "plan nightly take 1.5 kB more in the backup folder" in capsys.readouterr().err
    plans(settings, folder.root, last=1, days=9, size_limit=1500, enforce_size=True)
    (place,) = prune_by_rules()
    assert len(place.deleted) == 2
