"""Plans of uploaded files: run as any other, incrementally, and proven by their drills."""

from __future__ import annotations

from tests.integration.test_media_incremental import age, objects
from tests.integration.test_plan_runs import give_plans, look, make_due
from tests.support.backups import listed, make, verify
from tests.support.media import MEDIA, fill, restored, snapshot
from tests.support.sites import Site


def test_plans_of_files_run_and_share_what_does_not_change(sqlite_site: Site) -> None:
    fill(sqlite_site)
    then = snapshot(sqlite_site.media)
    give_plans(
        sqlite_site,
        files={"KIND": "media", "SCHEDULE": "@hourly"},
        files_again={"KIND": "media", "SCHEDULE": "@hourly"},
        everything={"KIND": "full", "SCHEDULE": "@hourly"},
        archive={"KIND": "media", "SCHEDULE": "@hourly", "ARCHIVE": True},
    )
    plans = sqlite_site.manage("list_plans", "--json").json["plans"]
    shown = sqlite_site.manage("list_plans").stdout
    assert [f"  {form}  " in shown for form in ("full, incremental", "media, archive")] == [
        True
    ] * 2
    incremental = {plan["name"] for plan in plans if plan["incremental"]}
    assert incremental == {"files", "files_again", "everything"}
    make_due(sqlite_site)
    sqlite_site.manage("run_scheduled_backups")
    runs = look(sqlite_site)["runs"]
    assert {run["state"] for run in runs} == {"succeeded"}
    made = {run["plan"]: run["target"] for run in runs}
    shared = {run["plan"] for run in runs if "shared" in run["outcome"]}
    assert len(shared) == 1
    assert shared < {"files", "files_again"}
    assert len(objects(sqlite_site)) == 1
    for plan, identifier in made.items():
        stored = list(sqlite_site.backups.glob(f"backup_{identifier}.media.*"))
        assert [("jsonl" in path.name) for path in stored] == [plan in incremental]
    # The one that another has shared is let go, and what it brought stays.
    make(sqlite_site, *MEDIA)
    (source,) = {"files", "files_again"} - shared
    age(sqlite_site)
    sqlite_site.manage("delete_backup", made[source], "--yes")
    assert len(objects(sqlite_site)) == 1
    left = [made[plan] for plan in sorted(incremental - {source})]
    assert all(verify(sqlite_site, identifier)["ok"] for identifier in left)
    (sqlite_site.media / "large").unlink()
    restored(sqlite_site, {"id": made[shared.pop()]})
    assert snapshot(sqlite_site.media) == then


def test_a_plan_of_files_is_run_by_hand_and_proven_by_its_drill(sqlite_site: Site) -> None:
    fill(sqlite_site)
    give_plans(sqlite_site, files={"KIND": "media", "DRILL": {"every": 1}})
    (ran,) = sqlite_site.manage("backup_all", "--json").json
    assert (ran["plan"], ran["state"], ran["problem"]) == ("files", "succeeded", "")
    sqlite_site.manage("run_scheduled_backups")
    drilled = "SELECT state, plan FROM trustbackup_run WHERE action = 'drill'"
    assert sqlite_site.query(drilled) == [("succeeded", "files")]
    (found,) = listed(sqlite_site)
    assert (found["kind"], found["trigger"], found["id"]) == ("media", "plan", ran["backup"])
