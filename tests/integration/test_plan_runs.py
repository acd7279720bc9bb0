"""Running plans: what is made, what is shared, what is left out, and fifty that begin at once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.backups import (
    assert_refused,
    leftovers,
    listed,
    more_settings,
    read_manifest,
    run_all,
    verify,
)
from tests.support.sites import Site

OWE = """
import datetime
from trustbackup.models import PlanCalendar
PlanCalendar.objects.update(since=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
"""
LOOK = """
import json
from trustbackup.models import PlanDue, Run
runs = Run.objects.exclude(plan="").order_by("started").values(
    "plan", "state", "target", "outcome", "error", "actor")
dues = PlanDue.objects.order_by("plan").values("plan", "state", "run")
print(json.dumps({"runs": list(runs), "dues": list(dues)}, default=str))
"""


def give_plans(site: Site, **plans: dict[str, Any]) -> None:
    """Plans in the settings; a dump waits for a lock longer than any test lasts."""
    changes = {"PLANS": plans, "LOCK_TIMEOUT": 3600}
    more_settings(site, f"TRUSTBACKUP = {{**TRUSTBACKUP, **{changes!r}}}")


def run_code(site: Site, code: str) -> str:
    return site.manage("shell", "--no-imports", "-c", code).stdout


def look(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run_code(site, LOOK))
    return found


def manifest_of(site: Site, identifier: str) -> dict[str, Any]:
    return read_manifest({"manifest": site.backups / f"backup_{identifier}.manifest.json"})


def make_due(site: Site, *, ok: bool = True) -> None:
    """The plans have been seen, long ago: each owes its last due time."""
    site.manage("run_scheduled_backups", check=ok)
    run_code(site, OWE)


@pytest.mark.parametrize("number", [50])
def test_fault_40_many_at_once_start_a_due_plan_once(any_site: Site, number: int) -> None:
    give_plans(any_site, nightly={"SCHEDULE": "@yearly"})
    make_due(any_site)
    with ThreadPoolExecutor(number) as pool:
        ends = list(pool.map(lambda _: any_site.manage("run_scheduled_backups"), range(number)))
    assert sum("is made" in end.stdout for end in ends) == 1
    assert [end.stderr for end in ends] == [""] * number
    (backup,) = listed(any_site)
    (run,) = look(any_site)["runs"]
    assert (run["plan"], run["state"], run["target"]) == ("nightly", "succeeded", backup["id"])
    assert leftovers(any_site.backups) == []


def test_plans_that_are_due_together_share_one_dump(any_site: Site) -> None:
    same = {"SCHEDULE": "@yearly", "EXCLUDED": ["django_session"]}
    give_plans(
        any_site,
        a={**same, "RETENTION": {"daily": 7}, "ZONE": "Asia/Tokyo"},
        b={**same, "DESTINATIONS": ["gone"]},
        c={"SCHEDULE": "@yearly"},
        d={**same, "ENABLED": False},
    )
    make_due(any_site)
    result = any_site.manage("run_scheduled_backups", "--json", check=False)
    assert result.returncode == 1, str(result)
    a, b, c = sorted(result.json, key=lambda item: item["plan"])
    assert [item["state"] for item in (a, b, c)] == ["succeeded", "partial", "succeeded"]
    assert b["problem"] == "There is no destination 'gone'. Add one on the page, or give a URL."
    first, second, third = (manifest_of(any_site, item["backup"]) for item in (a, b, c))
    assert first["plan"] == {
        "name": "a",
        "zone": "Asia/Tokyo",
        "retention": {"daily": 7},
        "destination_retention": {},
    }
    assert second["plan"]["name"] == "b"
    assert second["plan"]["retention"] is None
    assert second["created"] == first["created"]
    assert second["parts"][0]["sha256"] == first["parts"][0]["sha256"]
    assert third["created"] != first["created"]
    files = [any_site.backups / manifest["parts"][0]["file"] for manifest in (first, second)]
    assert files[0].samefile(files[1])
    shared = {run["plan"]: run["outcome"].get("shared", "") for run in look(any_site)["runs"]}
    # Whichever came first has dumped.
    assert sorted(shared.values()) == ["", "", a["backup"]]
    # Each stands by itself: one that is deleted takes nothing of the other along.
    any_site.manage("delete_backup", a["backup"], "--yes", "--last-good-too")
    assert verify(any_site, b["backup"])["ok"]


@pytest.mark.three_engines
def test_the_rows_of_a_table_that_is_left_out_are_nowhere_and_the_proof_knows(
    any_site: Site,
) -> None:
    give_plans(any_site, nightly={"EXCLUDED": ["auth_user_groups", "django_session", "xyzzy"]})
    run_code(
        any_site,
        "from django.contrib.sessions.models import Session; import datetime\n"
        "Session.objects.create(session_key='k', session_data='canary-row',"
        " expire_date=datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC))",
    )
    (told,) = any_site.manage("backup_all", "--json").json
    part = manifest_of(any_site, told["backup"])["parts"][0]
    schema = "public." if any_site.engine == "postgresql" else ""
    assert part["excluded"] == [f"{schema}auth_user_groups", f"{schema}django_session"]
    rows = {table["name"]: table["rows"] for table in part["tables"]}
    assert rows["django_session"] == 0
    assert rows["shop_order"] > 0
    any_site.manage("verify_backup", told["backup"], "--restore", "--content")
    found = any_site.manage("restore_backup", told["backup"], "--dry-run", "--json").json
    assert any(f"{schema}django_session, on purpose" in text for text in found["warnings"])


@pytest.mark.three_engines
def test_rows_that_refer_to_what_is_left_out_are_refused(any_site: Site) -> None:
    give_plans(any_site, nightly={"EXCLUDED": ["shop_customer"]})
    result = any_site.manage("backup_all", check=False)
    assert result.returncode == 1
    assert "shop_customer, which are left out. Leave both out, or none of them." in result.stderr
    assert listed(any_site) == []
    assert leftovers(any_site.backups) == []


def test_backup_all_runs_every_plan_that_is_on_and_one_that_fails_stops_no_other(
    sqlite_site: Site,
) -> None:
    give_plans(
        sqlite_site,
        broken={"SCHEDUEL": "@daily"},
        fails={"DATABASES": ["gone"]},
        good={"SCHEDULE": "@daily"},
        off={"ENABLED": False},
    )
    result = sqlite_site.manage("backup_all", "--json", check=False)
    assert result.returncode == 1
    assert "Plan 'broken' can't be followed: it has an unknown key 'SCHEDUEL'" in result.stderr
    failed, good = result.json
    assert (failed["plan"], failed["state"]) == ("fails", "failed")
    assert "gone" in failed["problem"]
    (backup,) = listed(sqlite_site)
    assert (good["state"], good["backup"]) == ("succeeded", backup["id"])
    runs = {run["plan"]: run["state"] for run in look(sqlite_site)["runs"]}
    assert runs == {"fails": "failed", "good": "succeeded"}
    off, unknown = run_all(sqlite_site, [["backup_all", "off"], ["backup_all", "xyzzy"]])
    assert off.returncode == 0, str(off)
    assert_refused(unknown, "There is no plan 'xyzzy'")


def test_without_a_plan_backup_all_says_so(sqlite_site: Site) -> None:
    assert_refused(sqlite_site.manage("backup_all", check=False), "no plan that is switched on")


def test_a_restore_replays_no_due_time(any_site: Site) -> None:
    give_plans(any_site, hourly={"SCHEDULE": "@hourly"})
    make_due(any_site)
    (made,) = any_site.manage("run_scheduled_backups", "--json").json
    any_site.manage("restore_backup", made["backup"], "--force")
    before = look(any_site)["dues"]
    assert len(before) == 1
    told = any_site.manage("run_scheduled_backups", "--json").json
    # Unless an hour has begun meanwhile.
    assert told == [] or told[0]["due"] > made["due"]


CHANGES = {
    "another row": (
        "from webshop.shop.models import Category; Category.objects.create(category_name='odd')"
    ),
    "the same number of rows": (
        "from webshop.shop.models import Category;"
        " Category.objects.filter(category_name='odd').update(category_name='even')"
    ),
    "a definition": (
        "from django.db import connection;"
        " connection.cursor().execute('CREATE VIEW odd AS SELECT 1 AS x')"
    ),
}


IN_TIME = """
from datetime import UTC, datetime
from trustbackup.models import Run
(last,) = Run.objects.order_by("-started")[:1]
assert Run.objects.newest_successes(datetime.now(UTC))["nightly"] == last.started
"""


@pytest.mark.three_engines
def test_nothing_is_made_when_nothing_changed(any_site: Site) -> None:
    give_plans(any_site, nightly={"SKIP_UNCHANGED": True}, other={"SKIP_UNCHANGED": True})
    first, _other = any_site.manage("backup_all", "--json").json
    again = any_site.manage("backup_all", "nightly")
    assert f"nothing changed since backup {first['backup']}" in again.stdout
    assert len(listed(any_site)) == 2
    assert leftovers(any_site.backups) == []
    last = look(any_site)["runs"][-1]
    assert (last["state"], last["target"]) == ("succeeded", first["backup"])
    assert last["outcome"] == {"unchanged": first["backup"]}
    # A plan whose last run found nothing to do is not late.
    run_code(any_site, IN_TIME)
    for number, (what, code) in enumerate(CHANGES.items(), start=1):
        run_code(any_site, code)
        (made,) = any_site.manage("backup_all", "nightly", "--json").json
        assert made["backup"] != first["backup"], what
        assert len(listed(any_site)) == 2 + number, what
    any_site.manage("verify_backup", made["backup"], "--restore")
