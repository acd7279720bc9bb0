"""A clean-up that fails or falls behind is an alarm until it goes well, with reminders."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from tests.support.index import backup_folder, checked, note, put
from tests.support.pruning import NIGHTLY, nas, nightly, plans
from tests.support.time_travel import let_pass
from trustbackup.events import Event
from trustbackup.models import Alarm, Run
from trustbackup.operations.alarms import raise_alarms
from trustbackup.operations.health import Level, Remedy, site_health
from trustbackup.operations.overdue import BEHIND_AFTER, watch
from trustbackup.runs import lookout as lookouts
from trustbackup.signals import event_happened
from trustbackup.store.folder import BackupFolder

pytestmark = pytest.mark.django_db(transaction=True)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def events() -> Iterator[list[Event]]:
    """What alarms told, in its order."""
    told: list[Event] = []

    def note(event: Event, **_details: Any) -> None:
        if event.key.startswith("alarm:prune"):
            told.append(event)

    event_happened.connect(note)
    yield told
    event_happened.disconnect(note)


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> BackupFolder:
    """A site whose plan is never late, so that nothing else is told."""
    plans(settings, tmp_path / "backups", last=3)
    settings.TRUSTBACKUP["PLANS"]["nightly"]["SCHEDULE"] = ""
    settings.TRUSTBACKUP["MONITORING_TOKEN"] = "a token of these tests alone"
    return backup_folder(tmp_path / "backups")


def now() -> datetime:
    return datetime.now(UTC)


def prune() -> Run:
    """By the command, as a scheduler would."""
    with contextlib.suppress(SystemExit):
        call_command("prune_backups", stdout=StringIO(), stderr=StringIO())
    return Run.objects.filter(action="prune").latest("started")


def kinds(events: list[Event]) -> list[str]:
    return [event.kind.value for event in events]


def sentences(found: Any) -> list[str]:
    return [str(item.sentence) for item in found.of_kind(Alarm.Kind.PRUNE)]


def fresh(folder: BackupFolder) -> None:
    """A good backup of this hour, so that nothing else is wrong with the site."""
    note(folder, put(folder, 0, begin=now() - HOUR, plan=NIGHTLY), checked)


def test_a_clean_up_that_goes_on_failing_is_an_alarm_everywhere_until_it_goes_well(
    folder: BackupFolder, tmp_path: Path, events: list[Event], client: Client
) -> None:
    place = nas(tmp_path / "nas")
    nightly(folder, 3)
    fresh(folder)
    assert prune().state == "succeeded"
    place.row.kind = "pigeon"
    place.row.save()
    assert prune().state == "partial"
    raise_alarms(now())
    assert events == [], "that it failed once was an event"
    let_pass(3 * HOUR)
    lookouts.lookout.rest(0)
    assert client.get("/").status_code == 200
    assert kinds(events) == ["pruning_failed"], "any visitor of the site raises it"
    assert "fails: it last went well 3 hours ago." in events[0].sentence
    health = site_health()
    assert (health.level, health.remedy) == (Level.WARN, Remedy.RETENTION)
    assert health.sentence == events[0].sentence
    told = client.get(
        "/settings/backups/metrics/",
        headers={"Authorization": "Bearer a token of these tests alone"},
    ).content.decode()
    assert 'trustbackup_overdue{kind="prune",subject=""} 1.0' in told
    for day in range(1, 3):
        let_pass(DAY)
        assert prune().state == "partial"
        raise_alarms(now())
        raise_alarms(now())
        assert [event.detail["times"] for event in events] == list(range(1, day + 2))
    place.row.kind = "folder"
    place.row.save()
    assert prune().state == "succeeded"
    raise_alarms(now())
    assert kinds(events)[3:] == ["recovered"]
    assert events[-1].sentence == "Old backups are cleaned up again."
    assert sentences(watch(now())) == []


def test_the_doctor_says_how_the_clean_up_is(folder: BackupFolder) -> None:
    def examined() -> tuple[str, str]:
        said = StringIO()
        with contextlib.suppress(SystemExit):
            call_command("backup_doctor", json=True, stdout=said, stderr=StringIO())
        (found,) = [each for each in json.loads(said.getvalue()) if each["name"] == "pruning"]
        return found["grade"], found["sentence"]

    nightly(folder, 3)
    assert examined() == ("ok", "Nothing had to be cleaned up yet.")
    prune()
    assert examined() == ("ok", "Old backups were cleaned up just now.")
    Run.objects.filter(action="prune").update(state="failed", started=now() - 3 * HOUR)
    assert examined() == (
        "warn",
        "The clean-up of old backups fails, and has never gone well.",
    )


def test_a_clean_up_that_is_held_back_for_a_week_falls_behind(
    folder: BackupFolder, settings: Any, events: list[Event]
) -> None:
    made = nightly(folder, 10)
    nightly(folder, 1, first=10, good=False)
    run = prune()
    (place,) = run.outcome["pruned"]
    assert place["paused"] == {"newest unchecked": 7}
    assert datetime.fromisoformat(place["behind_since"]) == run.started
    for days in (3, 4, 5):
        time_passes(days * DAY)
        run = prune()
    (place,) = run.outcome["pruned"]
    since = datetime.fromisoformat(place["behind_since"])
    assert 12 * DAY <= now() - since < 13 * DAY, "it began with the first of them"
    raise_alarms(now())
    assert "began to fall behind 1 week ago: 7 that no rule keeps are held" in events[0].sentence
    time_passes(BEHIND_AFTER - 6 * DAY)
    raise_alarms(now())
    assert len(events) == 1, "of the same week it is told once"
    time_passes(BEHIND_AFTER - DAY)
    raise_alarms(now())
    assert kinds(events) == ["pruning_failed"] * 2
    note(folder, max(folder.scan()), checked)
    call_command("prune_backups", "--yes-really", stdout=StringIO())
    assert min(folder.scan()) == made[8]
    raise_alarms(now())
    assert kinds(events)[2:] == ["recovered"]


def time_passes(time: timedelta) -> None:
    """What the runs noted of moments goes with them."""
    let_pass(time)
    for run in Run.objects.filter(action="prune"):
        for place in run.outcome.get("pruned", ()):
            if place["behind_since"]:
                earlier = datetime.fromisoformat(place["behind_since"]) - time
                place["behind_since"] = earlier.isoformat()
        run.save()


def test_a_destination_that_nobody_could_look_at_is_no_less_behind(
    folder: BackupFolder, tmp_path: Path
) -> None:
    place = nas(tmp_path / "nas")
    made = nightly(folder, 20)
    place.copy(made)
    first = prune().outcome["pruned"][1]
    assert first["paused"] == {"brake": 12}
    place.row.kind = "pigeon"
    place.row.save()
    down = prune().outcome["pruned"][1]
    assert (down["place"], down["behind_since"]) == ("nas", first["behind_since"])


@pytest.mark.parametrize("target", ["keep 3"])
def test_a_prune_by_number_says_nothing_of_the_rules(folder: BackupFolder, target: str) -> None:
    nightly(folder, 3)
    ages = {"failed": 5 * HOUR, "succeeded": 3 * HOUR}
    for state, age in ages.items():
        Run.objects.create(
            action="prune",
            state=state,
            started=now() - age,
            target=target if state == "succeeded" else "by the plans",
        )
    assert "has never gone well" in sentences(watch(now()))[0]
    # The command's own is known by the same mark.
    call_command("prune_backups", "--keep", "3", stdout=StringIO())
    assert "has never gone well" in sentences(watch(now()))[0]


def test_nobody_waits_for_a_clean_up_where_no_plan_has_rules(
    folder: BackupFolder, settings: Any, events: list[Event]
) -> None:
    Run.objects.create(action="prune", state="failed", started=now() - DAY)
    Run.objects.create(action="prune", state="cancelled", started=now() - HOUR)
    Run.objects.create(action="prune", state="succeeded", started=now() + DAY)
    assert len(sentences(watch(now()))) == 1
    raise_alarms(now())
    settings.TRUSTBACKUP["PLANS"]["nightly"].pop("RETENTION")
    assert sentences(watch(now())) == []
    raise_alarms(now())
    assert kinds(events) == ["pruning_failed"], "it is not well again either"
    assert not Alarm.objects.standing().filter(kind="prune").exists()


def test_the_page_leads_to_what_is_kept_and_why(folder: BackupFolder, operator: Client) -> None:
    nightly(folder, 3)
    fresh(folder)
    Run.objects.create(action="prune", state="failed", started=now() - DAY)
    html = operator.get("/settings/backups/").content.decode()
    assert "The clean-up of old backups fails, and has never gone well." in html
    assert "See what is kept and why" in html
    german = operator.get("/settings/backups/", headers={"Accept-Language": "de"}).content.decode()
    assert "Das Aufräumen alter Sicherungen schlägt fehl" in german
