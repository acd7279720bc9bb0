"""Taking on what is due: each due time once, caught up once, never replayed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from trustbackup.checks import check_settings
from trustbackup.models import Plan, PlanCalendar, PlanDue, Run
from trustbackup.operations.plans.due import find_due, remember_calendars
from trustbackup.operations.plans.spec import all_plans, read_plans
from trustbackup.runs.scheduler import take_on

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
FOUR = NOON.replace(hour=4)
DAY = timedelta(days=1)

Look = Callable[[datetime], list[tuple[str, datetime, str]]]


@pytest.fixture(autouse=True)
def _utc(settings: Any, folder: Path) -> None:
    settings.TIME_ZONE = "UTC"


@pytest.fixture
def look() -> Look:
    """Take on what is due at a moment: plan, due time, and what became of it."""

    def found(now: datetime) -> list[tuple[str, datetime, str]]:
        taken = take_on(read_plans(), now)
        for item in taken:
            if item.run:
                Run.objects.filter(pk=item.run.pk).update(state=Run.State.SUCCEEDED)
        return [(item.row.plan, item.row.due, str(item.row.state)) for item in taken]

    return found


def plan(name: str = "nightly", *, since: datetime = NOON - 30 * DAY, **values: Any) -> Plan:
    row = Plan.objects.create(name=name, **{"schedule": "0 4 * * *", **values})
    Plan.objects.filter(pk=row.pk).update(scheduled_at=since)
    return row


def test_a_due_plan_is_started_once_and_its_run_says_which(look: Look) -> None:
    plan()
    assert look(NOON) == [("nightly", FOUR, "started")]
    assert look(NOON) == []
    assert look(NOON + DAY - timedelta(hours=8, microseconds=1)) == []
    assert look(FOUR + DAY) == [("nightly", FOUR + DAY, "started")]
    run = Run.objects.get(pk=PlanDue.objects.get(due=FOUR).run)
    assert (run.action, run.plan, run.actor) == ("create", "nightly", "schedule")
    assert run.options == {"plan": "nightly", "due": FOUR.isoformat()}


def test_fault_44_what_was_missed_is_caught_up_once(look: Look) -> None:
    plan()
    assert look(NOON) == [("nightly", FOUR, "started")]
    assert look(NOON + 3 * DAY) == [("nightly", FOUR + 3 * DAY, "started")]
    assert look(NOON + 3 * DAY) == []


def test_a_plan_owes_nothing_of_the_time_before_it_was_made(look: Look) -> None:
    plan(since=NOON)
    assert look(NOON) == []
    assert look(NOON + DAY) == [("nightly", FOUR + DAY, "started")]


def test_a_due_time_before_one_that_was_taken_on_is_none(look: Look) -> None:
    plan(schedule="0 * * * *")
    assert look(NOON) == [("nightly", NOON, "started")]
    Plan.objects.update(schedule="0 4 * * *")  # by a statement, of which no plan hears
    assert look(NOON) == []
    assert look(NOON + DAY) == [("nightly", FOUR + DAY, "started")]


def test_plans_that_are_off_or_have_no_schedule_are_never_due(look: Look) -> None:
    plan("off", enabled=False)
    plan("manual", schedule="")
    assert look(NOON) == []


def test_fault_43_a_clock_that_jumps_back_starts_nothing_twice(look: Look) -> None:
    plan()
    assert look(NOON - DAY) == [("nightly", FOUR - DAY, "started")]
    assert look(FOUR) == [("nightly", FOUR, "started")]
    assert look(FOUR - timedelta(hours=1)) == []
    assert look(FOUR - DAY - timedelta(hours=1)) == [("nightly", FOUR - 2 * DAY, "started")]
    assert look(FOUR) == []
    assert look(FOUR + DAY) == [("nightly", FOUR + DAY, "started")]


def test_fault_43_a_clock_that_was_a_year_ahead_stops_no_plan(look: Look) -> None:
    plan()
    assert look(NOON + 365 * DAY) == [("nightly", FOUR + 365 * DAY, "started")]
    assert look(NOON) == [("nightly", FOUR, "started")]
    assert look(NOON + DAY) == [("nightly", FOUR + DAY, "started")]


def test_fault_43_a_plan_that_was_made_by_a_clock_ahead_runs(look: Look) -> None:
    plan(since=NOON + 365 * DAY)
    assert look(NOON) == [("nightly", FOUR, "started")]


@pytest.mark.parametrize("use_tz", [None, False, True])
def test_a_site_without_a_time_zone_keeps_the_machines(
    look: Look, settings: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, use_tz: bool | None
) -> None:
    settings.USE_TZ, settings.TIME_ZONE = use_tz, None
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    settings.TRUSTBACKUP = {"BACKUP_DIR": folder, "PLANS": {"set": {"SCHEDULE": "0 4 * * *"}}}
    plan("row")
    assert read_plans().problems == {}
    assert {spec.schedule and spec.schedule.zone for spec in all_plans()} == {"Asia/Tokyo"}
    four_there = FOUR.replace(hour=19) - DAY
    assert look(NOON) == [("row", four_there, "started")]
    assert sorted(look(NOON + DAY)) == [
        ("row", four_there + DAY, "started"),
        ("set", four_there + DAY, "started"),
    ]
    assert "trustbackup.E008" not in {message.id for message in check_settings()}


def test_a_plan_that_still_runs_is_skipped_and_says_so(look: Look) -> None:
    plan()
    going_on = Run.objects.create(
        action="create", plan="nightly", state=Run.State.RUNNING, started=NOON, heartbeat=NOON
    )
    Run.objects.filter(pk=going_on.pk).update(host="elsewhere", heartbeat=datetime.now(UTC))
    assert look(NOON) == [("nightly", FOUR, "skipped")]
    row = PlanDue.objects.get()
    assert row.run is None
    assert row.reason == "Its run before this one still goes on."
    assert look(NOON) == []
    Run.objects.filter(pk=going_on.pk).update(state=Run.State.SUCCEEDED)
    assert look(NOON + DAY) == [("nightly", FOUR + DAY, "started")]


def test_a_run_whose_process_died_keeps_no_plan_from_running(look: Look) -> None:
    plan()
    long_ago = datetime.now(UTC) - DAY
    lost = Run.objects.create(
        action="create", plan="nightly", state=Run.State.RUNNING, started=long_ago, host="elsewhere"
    )
    Run.objects.filter(pk=lost.pk).update(heartbeat=long_ago)
    assert look(NOON) == [("nightly", FOUR, "started")]
    lost.refresh_from_db()
    assert lost.state == Run.State.FAILED


def test_several_are_taken_on_oldest_first_and_know_that_they_are_together(look: Look) -> None:
    plan("a")
    plan("b", schedule="0 3 * * *")
    assert [name for name, _due, _state in look(NOON)] == ["b", "a"]
    assert len(set(PlanDue.objects.values_list("at", flat=True))) == 1


def test_a_plan_in_the_settings_begins_with_its_next_due_time(
    look: Look, settings: Any, folder: Path
) -> None:
    def give(**values: object) -> None:
        settings.TRUSTBACKUP = {"BACKUP_DIR": folder, "PLANS": {"nightly": values}}

    give(SCHEDULE="0 4 * * *")
    assert look(NOON) == []
    assert look(NOON + DAY) == [("nightly", FOUR + DAY, "started")]
    give(SCHEDULE="0 5 * * *")
    assert look(NOON + DAY) == []
    # Switched off and on again it owes nothing of the time between.
    give(SCHEDULE="0 5 * * *", ENABLED=False)
    assert look(NOON + 2 * DAY) == []
    give(SCHEDULE="0 5 * * *")
    assert look(NOON + 2 * DAY) == []
    assert PlanCalendar.objects.get().since == NOON + 2 * DAY


def test_looking_takes_a_constant_number_of_queries_and_writes_nothing(
    look: Look, django_assert_num_queries: Any, settings: Any, folder: Path
) -> None:
    for number in range(3):
        plan(f"saved-{number}")
    settings.TRUSTBACKUP = {
        "BACKUP_DIR": folder,
        "PLANS": {f"set-{number}": {"SCHEDULE": "@daily"} for number in range(3)},
    }
    look(NOON)
    with django_assert_num_queries(3) as queries:
        assert look(NOON) == []
    assert all(query["sql"].startswith("SELECT") for query in queries)


def test_what_is_due_is_found_without_taking_it_on() -> None:
    plan()
    remember_calendars(all_plans(), NOON)
    (found,) = find_due(all_plans(), NOON)
    assert (found.spec.name, found.due) == ("nightly", FOUR)
    assert not PlanDue.objects.exists()
