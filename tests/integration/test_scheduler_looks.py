"""One look of the scheduler that goes on, in this process: what it does besides starting plans."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.core.management import call_command
from django.db import DatabaseError

from tests.support.listener import Listener
from tests.support.notifications import happen, hook
from tests.support.task_backends import DUMMY
from trustbackup.exceptions import Cancelled
from trustbackup.models import Backup, Plan, PlanDue, Run
from trustbackup.runs import delivery, scheduler_loop
from trustbackup.runs.delivery import sending
from trustbackup.runs.scheduler import Taken
from trustbackup.runs.scheduler_loop import SchedulerLoop
from trustbackup.store import catalog

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)


class TellTale:
    """A loop, and what it said."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.complaints: list[str] = []
        self.loop = SchedulerLoop(self.taken.append, self.complaints.append)


@pytest.fixture
def told(folder: Path) -> TellTale:
    return TellTale()


def owe_a_plan() -> None:
    Plan.objects.create(name="nightly", schedule="0 0 1 1 *", zone="UTC")
    Plan.objects.update(scheduled_at="2020-01-01T00:00:00Z")


def leave_a_message() -> None:
    with mock.patch.object(delivery, "send_within"), sending(0):
        happen()


def test_what_is_wrong_is_told_once_and_again_when_it_comes_back(
    told: TellTale, settings: Any
) -> None:
    well = settings.TRUSTBACKUP
    wrong = {**well, "PLANS": {"broken": {"SCHEDUEL": ""}}}
    for _look in range(2):
        settings.TRUSTBACKUP = wrong
        told.loop.look()
        told.loop.look()
        assert "SCHEDUEL" in told.complaints[-1]
        settings.TRUSTBACKUP = well
        told.loop.look()
    assert len(told.complaints) == 2


def test_the_next_look_tells_how_a_run_ended(told: TellTale, runs_at_once: None) -> None:
    owe_a_plan()
    told.loop.look()
    (begun,) = told.taken
    assert begun.row.state == "started"
    told.loop.look()
    _begun, ended = told.taken
    assert ended.run is not None
    assert (ended.run.pk, ended.run.is_active) == (begun.row.run, False)
    told.loop.look()
    assert len(told.taken) == 2


def test_each_look_finds_runs_whose_process_is_gone(told: TellTale) -> None:
    long_ago = datetime.now(UTC) - DAY
    lost = Run.objects.create(
        action="create", state="running", started=long_ago, heartbeat=long_ago, host="elsewhere"
    )
    told.loop.look()
    lost.refresh_from_db()
    assert lost.state == Run.State.FAILED


def test_each_look_hands_over_the_drills_that_are_due(
    told: TellTale, runs_at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "synchronise_if_changed", lambda _folder: None)
    Plan.objects.create(name="nightly", drill={"days": 7})
    Backup.objects.create(
        identifier="b1",
        kind="database",
        created=datetime.now(UTC) - DAY,
        plan="nightly",
        state="complete",
        signature="ours",
    )
    told.loop.look()
    drill = Run.objects.get(action="drill")
    assert (drill.target, drill.state, drill.is_active) == ("b1", "failed", False)


def end(told: TellTale) -> None:
    """As SIGTERM ends it, between two looks."""
    with mock.patch.object(scheduler_loop.time, "sleep", side_effect=Cancelled):
        told.loop.run()


def take_two_plans_and_a_drill_on(
    told: TellTale, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody carries them."""
    monkeypatch.setattr(catalog, "synchronise_if_changed", lambda _folder: None)
    settings.TASKS = {"trustbackup": DUMMY}
    for name in ("done", "waits"):
        Plan.objects.create(name=name, schedule="0 0 1 1 *", zone="UTC")
    Plan.objects.update(scheduled_at="2020-01-01T00:00:00Z")
    Plan.objects.create(name="drilled", drill={"days": 7})
    Backup.objects.create(
        identifier="b1",
        kind="database",
        created=datetime.now(UTC) - DAY,
        plan="drilled",
        state="complete",
        signature="ours",
    )
    told.loop.look()
    assert Run.objects.filter(state=Run.State.WAITING).count() == 3


def test_the_end_cancels_what_goes_on_and_gives_back_the_due_times_of_that_alone(
    told: TellTale, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_two_plans_and_a_drill_on(told, settings, monkeypatch)
    Run.objects.filter(plan="done").update(state=Run.State.SUCCEEDED)
    # Each a process of its own, that none of them has begun yet.
    settings.TASKS = {}
    with mock.patch.object(told.loop, "look"):
        end(told)
    states = dict(Run.objects.values_list("plan", "state"))
    assert states == {"done": "succeeded", "waits": "cancelled", "drilled": "cancelled"}
    assert [row.plan for row in PlanDue.objects.all()] == ["done"]
    ends = {taken.run.plan: taken.run.state for taken in told.taken[2:] if taken.run}
    assert ends == {"done": "succeeded", "waits": "cancelled"}


def test_what_workers_carry_goes_on_when_the_scheduler_ends(
    told: TellTale, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_two_plans_and_a_drill_on(told, settings, monkeypatch)
    end(told)
    assert Run.objects.filter(state=Run.State.WAITING).count() == 3
    assert PlanDue.objects.count() == 2


def test_what_was_taken_on_is_told_though_the_database_goes_the_next_moment(
    told: TellTale, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TASKS = {"trustbackup": DUMMY}
    owe_a_plan()
    with mock.patch.object(scheduler_loop, "take_drills", side_effect=DatabaseError("gone")):
        told.loop.look()
    assert told.complaints == ["gone"]
    assert [taken.row.plan for taken in told.taken] == ["nightly"]
    settings.TASKS = {}
    with mock.patch.object(told.loop, "look"):
        end(told)
    assert not PlanDue.objects.exists()


@pytest.mark.parametrize("how", ["loop", "once"])
def test_each_look_sends_what_waits(
    told: TellTale, notifying: None, listener: Listener, how: str
) -> None:
    hook(listener, events=["failure"])
    leave_a_message()
    assert listener.requests == []
    if how == "loop":
        told.loop.look()
    else:
        call_command("run_scheduled_backups")
    assert len(listener.requests) == 1
