"""What is overdue is told by who sees it first: once a period, with reminders, until it is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from tests.support.time_travel import let_pass
from trustbackup.events import Event, EventKind
from trustbackup.models import Alarm, Backup, Copy, Destination, Plan, Run
from trustbackup.operations import alarms
from trustbackup.operations.alarms import raise_alarms
from trustbackup.operations.health import Level, site_health
from trustbackup.operations.overdue import Overdue, watch
from trustbackup.runs import lookout as lookouts
from trustbackup.signals import event_happened
from trustbackup.store import names

pytestmark = pytest.mark.django_db

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def events() -> Iterator[list[Event]]:
    """What was told, in its order."""
    told: list[Event] = []

    def note(event: Event, **_details: Any) -> None:
        told.append(event)

    event_happened.connect(note)
    yield told
    event_happened.disconnect(note)


def now() -> datetime:
    return datetime.now(UTC)


def new_plan(name: str = "nightly", *, since: timedelta = 10 * DAY, **fields: Any) -> Plan:
    """A plan that was due three hours ago and is due each day."""
    due = now() - 3 * HOUR
    values = {"schedule": f"{due.minute} {due.hour} * * *", "zone": "UTC", **fields}
    plan = Plan.objects.create(name=name, **values)
    Plan.objects.filter(pk=plan.pk).update(scheduled_at=now() - since)
    return plan


def back_up(age: timedelta, plan: str = "nightly", **fields: Any) -> Backup:
    created = now() - age
    values = {
        "identifier": names.backup_id(created),
        "created": created,
        "kind": "database",
        "plan": plan,
        "state": "complete",
        **fields,
    }
    return Backup.objects.create(**values)


def visit(client: Client) -> None:
    """A visitor of the shop, more than an hour after the last one."""
    lookouts.lookout.rest(0)
    assert client.get("/").status_code == 200


def kinds(events: list[Event]) -> list[str]:
    return [event.kind.value for event in events]


def test_fault_44_with_a_dead_scheduler_the_shops_visitors_raise_the_alarm_each_period(
    client: Client, events: list[Event]
) -> None:
    new_plan()
    back_up(3 * HOUR - timedelta(minutes=1))
    visit(client)
    assert events == []
    for period in range(1, 4):
        let_pass(DAY)
        visit(client)
        visit(client)
        assert kinds(events) == ["late"] * period
        assert events[-1].plan == events[-1].subject == "nightly"
        assert events[-1].detail["times"] == period
    assert "3 backups are missing" in events[-1].sentence
    assert len({event.key for event in events}) == 3
    (alarm,) = Alarm.objects.standing()
    assert alarm.times == 3
    health = site_health()
    assert (health.level, health.sentence) == (Level.BAD, events[-1].sentence)
    back_up(timedelta(minutes=1))
    visit(client)
    assert kinds(events)[3:] == ["recovered"]
    assert not Alarm.objects.standing().exists()
    visit(client)
    assert len(events) == 4


@pytest.mark.django_db(transaction=True)
def test_any_command_of_ours_raises_it_too(folder: Path, events: list[Event]) -> None:
    new_plan()
    back_up(5 * DAY)
    lookouts.lookout.rest(0)
    call_command("list_backups", stdout=StringIO(), stderr=StringIO())
    # The folder is the truth: it has no backup, so that none was ever made.
    assert kinds(events) == ["late"]
    assert "has never made a backup" in events[0].sentence


def test_of_two_that_see_it_at_once_one_tells(events: list[Event]) -> None:
    item = Overdue(
        kind=Alarm.Kind.BACKUP,
        subject="nightly",
        since=now() - DAY,
        last=now() - DAY,
        sentence="It is late.",
    )
    for _each in range(2):
        alarms._begin(item, now())
    seen = [Alarm.objects.get(), Alarm.objects.get()]
    for alarm in seen:
        alarms._remind(alarm, item, now())
    for alarm in seen:
        alarms._end(alarm, now(), still_watched=True)
    assert kinds(events) == ["late", "late", "recovered"]


def test_a_plan_that_never_ran_is_late_and_one_that_is_off_is_not(events: list[Event]) -> None:
    plan = new_plan()
    new_plan("new", since=HOUR)
    new_plan("off", enabled=False)
    new_plan("by-hand", schedule="")
    raise_alarms(now())
    assert [event.subject for event in events] == ["nightly"]
    assert "has never made a backup" in events[0].sentence
    plan.enabled = False
    plan.save()
    raise_alarms(now())
    assert kinds(events) == ["late"], "nobody says that it is well again"
    assert not Alarm.objects.standing().exists()


def test_a_plan_in_the_settings_that_nobody_ever_ran_is_late(
    settings: Any, events: list[Event]
) -> None:
    due = now() - 3 * HOUR
    plan = {"SCHEDULE": f"{due.minute} {due.hour} * * *", "ZONE": "UTC"}
    settings.TRUSTBACKUP = {**settings.TRUSTBACKUP, "PLANS": {"written": plan}}
    raise_alarms(now())
    assert events == []
    let_pass(2 * DAY)
    raise_alarms(now())
    assert [event.subject for event in events] == ["written"]


def test_a_weekly_plan_is_in_time_for_a_week() -> None:
    due = now() - 3 * DAY
    new_plan("weekly", schedule=f"{due.minute} {due.hour} * * {due.isoweekday() % 7}")
    back_up(3 * DAY - HOUR, "weekly", drilled_ok=True, drilled_at=now())
    assert site_health().level == Level.GOOD
    deadline = watch(now()).next_deadline
    assert deadline is not None
    assert 3 * DAY < deadline - now() < 5 * DAY


def test_a_run_that_found_nothing_changed_is_a_success_and_one_that_failed_is_none(
    events: list[Event],
) -> None:
    new_plan()
    new_plan("other")
    back_up(5 * DAY)
    back_up(5 * DAY + HOUR, "other")
    run = {"action": "create", "started": now() - 3 * HOUR}
    Run.objects.create(plan="nightly", state=Run.State.SUCCEEDED, **run)
    Run.objects.create(plan="other", state=Run.State.FAILED, **run)
    raise_alarms(now())
    assert [event.subject for event in events] == ["other"]


def test_fault_43_a_backup_of_the_future_hides_nothing(events: list[Event]) -> None:
    new_plan()
    back_up(-365 * DAY)
    raise_alarms(now())
    assert kinds(events) == ["late"]


def test_a_proof_that_grew_old_is_told_where_a_plan_wants_proofs(events: list[Event]) -> None:
    new_plan(drill={"days": 7})
    new_plan("unproven", drill={"days": 30})
    proven = back_up(8 * DAY, drilled_ok=True, drilled_at=now() - 8 * DAY)
    back_up(HOUR)
    back_up(2 * HOUR, "unproven")
    raise_alarms(now())
    assert [(event.subject, event.detail["alarm"]) for event in events] == [("nightly", "proof")]
    assert site_health().level == Level.WARN
    proven.drilled_at = now()
    proven.save()
    raise_alarms(now())
    assert kinds(events) == ["late", "recovered"]


def test_a_destination_without_success_is_told(events: list[Event]) -> None:
    new_plan(destinations=["named"])
    places = {
        name: Destination.objects.create(
            name=name, kind="folder", options={"path": "/x"}, automatic=automatic
        )
        for name, automatic in (("every", True), ("named", False), ("unused", False))
    }
    Destination.objects.update(created=now() - 9 * DAY)
    old, new = back_up(2 * DAY), back_up(2.5 * HOUR)
    for place, backup in ((places["every"], new), (places["named"], old)):
        Copy.objects.create(
            identifier=backup.identifier, destination=place, state="stored", changed=now()
        )
    raise_alarms(now())
    assert [(event.subject, event.detail["alarm"]) for event in events] == [("named", "copy")]
    # Fault 43: one from the future is no success.
    future = names.backup_id(now() + 365 * DAY)
    Copy.objects.create(
        identifier=future, destination=places["named"], state="stored", changed=now()
    )
    raise_alarms(now())
    assert kinds(events) == ["late"]
    Copy.objects.filter(identifier=old.identifier).update(identifier=new.identifier)
    raise_alarms(now())
    assert kinds(events) == ["late", "recovered"]
    back_up(HOUR)
    raise_alarms(now())
    assert kinds(events) == ["late", "recovered"], "a copy has the grace that a backup has"
    assert events[-1].sentence == "Backups reach named again."
    Copy.objects.all().delete()
    raise_alarms(now())
    assert {event.subject for event in events[2:]} == {"every", "named"}, "however new the newest"
    assert "No backup has reached" in events[-1].sentence


def test_a_disk_that_fills_is_told_once_a_day(events: list[Event]) -> None:
    new_plan()
    back_up(HOUR)
    for day in range(6):
        Run.objects.create(
            action="create",
            state=Run.State.SUCCEEDED,
            started=now() - (5 - day) * DAY,
            outcome={"free": (10 - day) * 10**9},
        )
    for _look in range(3):
        raise_alarms(now())
    assert [event.kind for event in events] == [EventKind.DISK_LOW]
    assert "will be full in" in events[0].sentence
    Run.objects.filter(outcome__free__lt=8 * 10**9).delete()
    raise_alarms(now())
    assert kinds(events) == ["disk_low"]
