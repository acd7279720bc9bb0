"""Plans of one app's data: added in one step, run as any other, and no protection of a site."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.test_plan_runs import give_plans, look, make_due
from tests.support.backups import assert_refused, listed, run_all, verify
from tests.support.index import backup_folder
from tests.support.sites import Site
from trustbackup.exceptions import UsageError
from trustbackup.models import Backup, Plan
from trustbackup.operations.health import Level, site_health
from trustbackup.operations.overdue import watch
from trustbackup.operations.plans.add_app import add_app_plan
from trustbackup.operations.plans.spec import find_plan, suggested_plan

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_an_app_is_added_to_the_backups_and_runs(any_site: Site) -> None:
    added = any_site.manage("add_to_backups", "shop", "--json").json
    assert (added["plan"], added["app"], added["database"]) == ("app-shop", "shop", "")
    plans = any_site.manage("list_plans", "--json").json["plans"]
    of_app, suggested = sorted(plans, key=lambda plan: plan["kind"])
    assert (of_app["name"], of_app["app"], of_app["enabled"]) == ("app-shop", "shop", True)
    assert of_app["retention"] == suggested["retention"]
    assert (suggested["source"], suggested["kind"]) == ("suggested", "database")
    (ran,) = any_site.manage("backup_all", "--json").json
    assert (ran["plan"], ran["state"], ran["problem"]) == ("app-shop", "succeeded", "")
    (made,) = listed(any_site)
    assert (made["kind"], made["databases"], made["trigger"]) == ("app", ["app-shop"], "plan")
    assert verify(any_site, made["id"])["ok"]
    ended = run_all(
        any_site,
        [
            ["add_to_backups", "shop"],
            ["add_to_backups", "xyzzy"],
            ["add_to_backups", "trustbackup"],
            ["add_to_backups", "shop", "--database", "nowhere"],
        ],
    )
    for result, word in zip(ended, ["app-shop", "xyzzy", "index", "nowhere"], strict=True):
        assert_refused(result, word)
    assert len(any_site.manage("list_plans", "--json").json["plans"]) == 2


def test_the_scheduler_runs_a_plan_of_an_app_and_shares_no_dump_with_it(sqlite_site: Site) -> None:
    give_plans(
        sqlite_site,
        shop={"KIND": "app", "APP": "shop", "SCHEDULE": "@hourly"},
        users={"KIND": "app", "APP": "auth", "SCHEDULE": "@hourly"},
        users_again={"KIND": "app", "APP": "auth", "SCHEDULE": "@hourly"},
        whole={"SCHEDULE": "@hourly"},
    )
    make_due(sqlite_site)
    sqlite_site.manage("run_scheduled_backups")
    runs = look(sqlite_site)["runs"]
    assert {run["state"] for run in runs} == {"succeeded"}
    holds = {backup["id"]: backup["databases"] for backup in listed(sqlite_site)}
    found = {run["plan"]: holds[run["target"]] for run in runs}
    assert found == {
        "shop": ["app-shop"],
        "users": ["app-auth"],
        "users_again": ["app-auth"],
        "whole": ["default"],
    }
    shared = {run["plan"] for run in runs if "shared" in run["outcome"]}
    assert len(shared & {"users", "users_again"}) == 1
    assert not shared & {"shop", "whole"}


def test_an_app_that_is_gone_fails_its_plan_in_one_sentence(sqlite_site: Site) -> None:
    give_plans(sqlite_site, old={"KIND": "app", "APP": "xyzzy"})
    result = sqlite_site.manage("backup_all", check=False)
    assert result.returncode == 1
    assert "There is no app 'xyzzy'" in result.stderr
    assert listed(sqlite_site) == []


def _made(kind: str, plan: str, when: datetime) -> None:
    Backup.objects.create(
        identifier=f"{when:%Y-%m-%d_%H-%M-%S}", kind=kind, plan=plan, created=when, state="complete"
    )


@pytest.mark.django_db
def test_a_plan_of_an_app_is_in_time_by_its_own_backups(folder: Path) -> None:
    backup_folder(folder)
    Plan.objects.create(name="app-shop", kind="app", app="shop", schedule="0 4 * * *")
    Plan.objects.update(scheduled_at=NOW - timedelta(days=30))
    (late,) = watch(NOW).overdue
    assert "never made a backup" in late.sentence
    _made("app", "app-shop", NOW - timedelta(hours=7))
    assert watch(NOW).overdue == []


@pytest.mark.django_db
def test_a_plan_of_an_app_alone_lets_a_sites_last_backup_grow_old(folder: Path) -> None:
    backup_folder(folder)
    Plan.objects.create(name="app-shop", kind="app", app="shop", schedule="0 4 * * *")
    Plan.objects.update(scheduled_at=NOW - timedelta(days=30))
    _made("database", "", NOW - timedelta(days=20))
    _made("app", "app-shop", NOW - timedelta(hours=7))
    health = site_health(NOW)
    assert health.level is Level.WARN
    assert "The last backup was made" in str(health.sentence)
    assert suggested_plan() is not None


@pytest.mark.django_db
def test_a_name_that_is_taken_gets_a_number_and_the_suggestion_stays_one(folder: Path) -> None:
    backup_folder(folder)
    Plan.objects.create(name="app-shop")
    assert add_app_plan("shop").name == "app-shop-2"
    assert find_plan("app-shop-2").app == "shop"
    assert suggested_plan() is None
    with pytest.raises(UsageError, match="already"):
        add_app_plan("shop")
    Plan.objects.all().delete()
    Plan.objects.create(name="nightly", kind="app", app="shop")
    assert suggested_plan() is None  # it would take that plan's name
