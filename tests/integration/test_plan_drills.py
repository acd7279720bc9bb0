"""A plan's backups are proven by its rule: once, in its window, and told when they are not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_plan_runs import give_plans, look, make_due
from tests.support.backups import listed
from tests.support.sites import Site
from trustbackup.models import Backup, Plan, Run
from trustbackup.operations.plans.drills import find_drills
from trustbackup.operations.plans.spec import all_plans, read_plans
from trustbackup.runs.scheduler import take_drills
from trustbackup.store import catalog

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_a_backup_of_a_plan_is_proven_by_the_scheduler(any_site: Site) -> None:
    give_plans(any_site, nightly={"SCHEDULE": "@yearly", "DRILL": {"days": 7}})
    make_due(any_site)
    result = any_site.manage("run_scheduled_backups")
    (backup,) = listed(any_site)
    assert backup["drilled"]["ok"]
    assert f"backup {backup['id']} is proven" in result.stdout
    assert any_site.manage("run_scheduled_backups").stdout == ""
    assert {run["state"] for run in look(any_site)["runs"]} == {"succeeded"}


Made = Callable[..., Backup]


@pytest.fixture
def made(db: None, folder: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Puts a row of a plan's backup into the index, which nothing brings up to date here."""
    settings.TIME_ZONE = "UTC"
    monkeypatch.setattr(catalog, "synchronise_if_changed", lambda _folder: None)

    def put(days_ago: float, **values: Any) -> Backup:
        created = NOON - days_ago * DAY
        defaults = {"plan": "nightly", "state": "complete", "signature": "ours"}
        return Backup.objects.create(
            identifier=f"b{days_ago}", kind="database", created=created, **{**defaults, **values}
        )

    return put


def due(now: datetime = NOON) -> list[tuple[str, str]]:
    return [(spec.name, identifier) for spec, identifier in find_drills(all_plans(), now)]


def plan(**drill: Any) -> None:
    Plan.objects.create(name="nightly", schedule="0 4 * * *", drill=drill)


def test_the_newest_whole_one_of_ours_is_drilled(made: Made) -> None:
    plan(days=7)
    assert due() == []
    made(3)
    made(2, signature="foreign")
    made(1, state="damaged")
    made(0.5, plan="other")
    made(-1)
    assert due() == [("nightly", "b3")]


def test_a_drill_that_was_begun_is_not_begun_again(made: Made) -> None:
    plan(days=7)
    made(3)
    (run,) = take_drills(read_plans(), NOON)
    assert (run.action, run.plan, run.target) == ("drill", "nightly", "b3")
    Run.objects.update(started=NOON, state=Run.State.FAILED)
    assert due(NOON + DAY) == []
    assert due(NOON + 7 * DAY) == [("nightly", "b3")]
    Run.objects.update(state=Run.State.CANCELLED)
    assert due(NOON + DAY) == [("nightly", "b3")]
    Run.objects.update(started=NOON + 365 * DAY, state=Run.State.FAILED)
    assert due(NOON + DAY) == [("nightly", "b3")]


def test_after_so_many_backups_one_is_drilled(made: Made) -> None:
    plan(every=2)
    made(4, drilled_at=NOON - 3.5 * DAY, drilled_ok=True)
    made(3)
    assert due() == []
    made(2)
    assert due() == [("nightly", "b2")]


def test_outside_of_its_window_nothing_is_looked_up(
    made: Made, django_assert_num_queries: Any
) -> None:
    plan(days=7, window=["22:00", "05:00"])
    made(3)
    specs = all_plans()
    with django_assert_num_queries(0):
        assert find_drills(specs, NOON) == []
    assert due(NOON + timedelta(hours=11)) == [("nightly", "b3")]


def test_looking_takes_three_queries_however_many_plans_there_are(
    made: Made, django_assert_num_queries: Any
) -> None:
    for number in range(4):
        Plan.objects.create(name=f"p{number}", drill={"days": 7, "every": 9})
        made(number + 1, plan=f"p{number}", drilled_at=NOON)
    specs = all_plans()
    with django_assert_num_queries(3):
        assert find_drills(specs, NOON) == []


def test_while_the_plan_runs_no_drill_of_it_begins(made: Made) -> None:
    plan(days=7)
    made(3)
    Run.objects.create(
        action="create",
        plan="nightly",
        state=Run.State.RUNNING,
        started=NOON,
        host="elsewhere",
        heartbeat=datetime.now(UTC),
    )
    assert take_drills(read_plans(), NOON) == []
