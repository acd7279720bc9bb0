"""The scheduler that goes on for ever: it hands over, tells, and ends well on SIGTERM."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError

from tests.integration.test_plan_runs import give_plans, look, make_due
from tests.integration.test_runs import locked
from tests.support.backups import assert_refused, leftovers, listed, wait_for
from tests.support.sites import Process, Result, Site, finish
from trustbackup.models import Plan, PlanDue, Run
from trustbackup.runs import scheduler_loop
from trustbackup.runs.scheduler import Taken
from trustbackup.runs.scheduler_loop import SchedulerLoop


def end(process: Process) -> Result:
    process.send_signal(signal.SIGTERM)
    return finish(process, timeout=60)


def states(site: Site) -> list[str]:
    return [run["state"] for run in look(site)["runs"]]


def test_what_is_due_is_handed_over_and_the_end_is_a_good_one(sqlite_site: Site) -> None:
    give_plans(sqlite_site, nightly={"SCHEDULE": "@yearly"}, broken={"SCHEDUEL": ""})
    make_due(sqlite_site, ok=False)
    loop = sqlite_site.start("run_scheduled_backups", "--loop")
    wait_for(lambda: states(sqlite_site) == ["succeeded"])
    result = end(loop)
    assert result.returncode == 0, str(result)
    assert "Plan nightly is due" in result.stdout
    assert result.stderr.count("SCHEDUEL") == 1
    (backup,) = listed(sqlite_site)
    assert look(sqlite_site)["runs"][0]["target"] == backup["id"]


def test_sigterm_ends_what_it_started_which_is_caught_up_later(postgres_site: Site) -> None:
    give_plans(postgres_site, nightly={"SCHEDULE": "@yearly"})
    make_due(postgres_site)
    with locked(postgres_site):
        give_plans(postgres_site, nightly={"SCHEDULE": "@yearly"})
        loop = postgres_site.start("run_scheduled_backups", "--loop")
        wait_for(lambda: states(postgres_site) == ["running"])
        result = end(loop)
        assert result.returncode == 0, str(result)
        assert states(postgres_site) == ["cancelled"]
        assert look(postgres_site)["dues"] == []
        assert leftovers(postgres_site.backups) == []
    (made,) = postgres_site.manage("run_scheduled_backups", "--json").json
    assert made["state"] == "succeeded"


def test_sigterm_to_a_single_look_gives_its_due_times_back_too(postgres_site: Site) -> None:
    give_plans(postgres_site, a={"SCHEDULE": "@yearly"}, b={"SCHEDULE": "@yearly"})
    make_due(postgres_site)
    with locked(postgres_site):
        give_plans(postgres_site, a={"SCHEDULE": "@yearly"}, b={"SCHEDULE": "@yearly"})
        once = postgres_site.start("run_scheduled_backups")
        wait_for(lambda: sorted(states(postgres_site)) == ["running", "waiting"])
        result = end(once)
        assert result.returncode == 1
        assert "SIGTERM" in result.stderr or "asked to end" in result.stderr
        assert states(postgres_site) == ["cancelled", "cancelled"]
        assert look(postgres_site)["dues"] == []


def test_a_look_when_nothing_is_due_loads_nothing_of_what_makes_backups(sqlite_site: Site) -> None:
    give_plans(sqlite_site, nightly={"SCHEDULE": "@yearly"})
    # Each import is a line on standard error.
    env = {"PYTHONPROFILEIMPORTTIME": "1"}
    looked = sqlite_site.manage("run_scheduled_backups", env=env, fresh=True)
    loaded = {line.rpartition("|")[2].strip() for line in looked.stderr.splitlines()}
    assert "trustbackup.operations.plans.due" in loaded
    assert not loaded & {
        "humanize",
        "isal",
        "trustbackup.databases.base",
        "trustbackup.notifications.outbox",
        "trustbackup.operations.restore.recover",
        "trustbackup.runs.recorder",
        "trustbackup.runs.scheduler",
        "trustbackup.store.folder",
    }


def test_a_loop_prints_no_json(sqlite_site: Site) -> None:
    result = sqlite_site.manage("run_scheduled_backups", "--loop", "--json", check=False)
    assert_refused(result, "--loop")


class _TellTale:
    """A loop in this process, and what it said."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.complaints: list[str] = []
        self.loop = SchedulerLoop(self.taken.append, self.complaints.append)


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_down_for_a_while_is_no_end(
    folder: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = _TellTale()

    def down() -> None:
        raise DatabaseError("the server\nis gone")

    with monkeypatch.context() as patch:
        patch.setattr(scheduler_loop, "read_plans", down)
        told.loop.look()
    assert told.complaints == ["the server is gone"]
    told.loop.look()
    assert told.complaints == ["the server is gone"]


@pytest.mark.django_db(transaction=True)
def test_a_run_that_nobody_can_carry_is_told_and_noted(folder: Path, settings: Any) -> None:
    settings.TASKS = {"trustbackup": {"BACKEND": "tests.nowhere.Backend"}}
    Plan.objects.create(name="nightly", schedule="* * * * *")
    Plan.objects.update(scheduled_at="2020-01-01T00:00:00Z")
    told = _TellTale()
    told.loop.look()
    (row,) = PlanDue.objects.all()
    assert row.state == PlanDue.State.FAILED
    assert "TASKS['trustbackup'] can't be used" in row.reason
    (taken,) = told.taken
    assert taken.run is not None
    assert taken.run.state == Run.State.FAILED
