"""Copies are read again before anybody needs them: the oldest check first, within a budget."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.support.index import backup_folder, put
from trustbackup.events import Event
from trustbackup.models import Copy, Destination, Run
from trustbackup.operations.context import Context
from trustbackup.operations.offsite.copy import copy_backup
from trustbackup.operations.offsite.targets import find_destination
from trustbackup.runs import upkeep
from trustbackup.runs.lookout import lookout
from trustbackup.signals import event_happened
from trustbackup.store import catalog

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)


@pytest.fixture
def backups(folder: Path, tmp_path: Path, settings: Any) -> list[str]:
    """Three backups from the year's begin, 1,000 bytes each, and their copies at "nas"."""
    settings.TRUSTBACKUP = {"BACKUP_DIR": folder, "SCRUB_BYTES": 1 << 20}
    folder.parent.mkdir()
    made = [put(backup_folder(folder), number, data=bytes(1000)) for number in range(3)]
    catalog.synchronise(Context.current().folder)
    new_destination("nas", tmp_path / "nas")
    for backup in made:
        (copied,) = copy_backup(backup, [find_destination("nas")])
        assert not copied.error
    Copy.objects.update(changed=datetime.now(UTC) - 100 * DAY)
    return made


def new_destination(name: str, path: Path) -> Destination:
    return Destination.objects.create(name=name, kind="folder", options={"path": str(path)})


def scrub(*arguments: str, ok: bool = True) -> Any:
    said = StringIO()
    try:
        call_command("scrub_backups", *arguments, json=True, stdout=said, stderr=StringIO())
    except SystemExit:
        assert not ok
    found = json.loads(said.getvalue())
    assert found["ok"] is ok, found
    return found


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def test_every_copy_is_read_once_here_and_there_and_then_none_is_due(backups: list[str]) -> None:
    planned = scrub("--dry-run")
    done = scrub()
    assert [(each["id"], each["place"]) for each in done["copies"]] == [
        (each["id"], each["place"]) for each in planned["copies"]
    ]
    assert sorted((each["id"], each["place"]) for each in done["copies"]) == sorted(
        (backup, place) for backup in backups for place in ("", "nas")
    )
    assert set(Copy.objects.values_list("state", flat=True)) == {"verified"}
    assert scrub()["copies"] == []
    first, second = Run.objects.filter(action="scrub").order_by("started")
    assert first.outcome["bytes"] == done["bytes"] > 6000
    assert second.outcome["copies"] == 0


def test_what_rotted_is_found_told_and_stops_no_other(backups: list[str], tmp_path: Path) -> None:
    damage(next((tmp_path / "nas").glob(f"*{backups[1]}*.dump.gz")))
    told: list[Event] = []

    def listen(event: Event, **_rest: Any) -> None:
        told.append(event)

    event_happened.connect(listen)
    done = scrub(ok=False)
    (bad,) = [each for each in done["copies"] if each["problems"]]
    assert (bad["id"], bad["place"]) == (backups[1], "nas")
    assert len(done["copies"]) == 6
    assert Copy.objects.get(identifier=backups[1]).state == Copy.State.FAILED
    assert told[-1].kind == "proof_failed"
    assert backups[1] in told[-1].sentence


def test_a_place_that_is_away_keeps_no_other_from_its_turn(
    backups: list[str], tmp_path: Path
) -> None:
    other = new_destination("away", tmp_path / "away")
    for backup in backups:
        Copy.objects.create(
            identifier=backup,
            destination=other,
            state="stored",
            bytes=1000,
            changed=datetime.now(UTC) - 500 * DAY,
        )
    done = scrub(ok=False)
    unread = [each for each in done["copies"] if each["error"]]
    assert [(each["place"], each["bytes"]) for each in unread] == [("away", 0)]
    assert len(done["copies"]) == 7
    run = Run.objects.get(action="scrub")
    assert (run.state, len(run.outcome["unread"]), run.outcome["problems"]) == ("partial", 1, [])
    assert set(Copy.objects.filter(destination=other).values_list("state", flat=True)) == {"stored"}


def test_a_copy_that_is_gone_is_a_bad_one(backups: list[str], tmp_path: Path) -> None:
    for path in (tmp_path / "nas").glob(f"*{backups[0]}*"):
        path.unlink()
    done = scrub(ok=False)
    assert [each["id"] for each in done["copies"] if each["problems"]] == [backups[0]]
    assert Copy.objects.get(identifier=backups[0]).state == Copy.State.FAILED
    assert scrub()["copies"] == []


def test_a_day_has_its_budget(backups: list[str], settings: Any) -> None:
    settings.TRUSTBACKUP = {**settings.TRUSTBACKUP, "SCRUB_BYTES": 2000}
    assert [each["bytes"] for each in scrub()["copies"]] == [1000, 1000]
    assert scrub()["copies"] == []
    Run.objects.update(started=datetime.now(UTC) - 1.01 * DAY)
    # The copies have a manifest, and are larger than a day's budget: it is saved up for them.
    assert [each["id"] for each in scrub()["copies"]] == backups[2:]
    settings.TRUSTBACKUP = {**settings.TRUSTBACKUP, "SCRUB_BYTES": 1 << 20, "SCRUB_DAYS": 0}
    assert scrub()["copies"] == []


def test_the_scheduler_starts_one_a_day(backups: list[str], runs_at_once: None) -> None:
    for _look in range(2):
        lookout.rest(0)
        upkeep.keep_up(datetime.now(UTC))
    (run,) = Run.objects.filter(action="scrub")
    assert (run.state, run.actor, run.outcome["copies"]) == ("succeeded", "schedule", 6)
    Copy.objects.update(verified_at=datetime.now(UTC) - 100 * DAY)
    lookout.rest(0)
    upkeep.keep_up(datetime.now(UTC))
    assert Run.objects.count() == 1, "what is due waits for tomorrow"
    Copy.objects.update(verified_at=datetime.now(UTC))
    Run.objects.update(started=datetime.now(UTC) - 2 * DAY)
    lookout.rest(0)
    upkeep.keep_up(datetime.now(UTC))
    assert Run.objects.count() == 1, "nothing is old enough"


def test_fault_43_what_a_wrong_clock_left_keeps_no_copy_from_its_turn(
    backups: list[str], runs_at_once: None
) -> None:
    scrub()
    ahead = datetime.now(UTC) + 365 * DAY
    Run.objects.update(started=ahead)
    Copy.objects.filter(identifier=backups[0]).update(verified_at=ahead)
    lookout.rest(0)
    upkeep.keep_up(datetime.now(UTC))
    run = Run.objects.get(action="scrub", started__lt=ahead)
    assert run.outcome["copies"] == 1
