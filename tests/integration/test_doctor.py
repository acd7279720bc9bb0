"""``backup_doctor``: what an expert would look at, each with the way out."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command

from tests.support import amiss
from tests.support.amiss import KEY
from tests.support.backups import more_settings
from tests.support.index import backup_folder, checked, drilled, note, put
from tests.support.sites import Site
from trustbackup.models import Plan, PlanDue
from trustbackup.operations.doctor import surroundings
from trustbackup.operations.doctor.examine import examine

pytestmark = pytest.mark.django_db(transaction=True)


def examined() -> dict[str, dict[str, str]]:
    """Findings by area and name; the exit code is that of the worst."""
    said, code = StringIO(), 0
    try:
        call_command("backup_doctor", json=True, stdout=said, stderr=StringIO())
    except SystemExit as end:
        code = int(str(end.code))
    found = json.loads(said.getvalue())
    assert code == (1 if any(item["grade"] == "bad" for item in found) else 0)
    for item in found:
        assert item["sentence"].endswith((".", ")")), item
        assert bool(item["todo"]) == (item["grade"] != "ok"), item
    return {f"{item['area']}: {item['name']}": item for item in found}


@pytest.fixture
def well(folder: Path, tmp_path: Path, settings: Any) -> Path:
    """A site on which all is well, but for what the test site itself is; its backup folder."""
    settings.TRUSTBACKUP = {
        "BACKUP_DIR": folder,
        "SECRET_KEYS": [KEY],
        "SECRETS_KEPT": {"SECRET_KEY": "the safe"},
    }
    folder.parent.mkdir()
    folder.mkdir(mode=0o700)
    backup = put(backup_folder(folder, KEY), 1)
    for changed in (checked, drilled):
        note(backup_folder(folder, KEY), backup, changed)
    for path in folder.iterdir():
        path.chmod(0o600)
    due = amiss.now() - timedelta(minutes=30)
    schedule = {"schedule": f"{due.minute} {due.hour} * * *", "zone": "UTC"}
    Plan.objects.create(name="nightly", retention={"daily": 7}, **schedule)
    PlanDue.objects.create(plan="nightly", due=due, at=due, state="started")
    return folder


def test_on_a_site_that_is_well_nothing_is_bad(well: Path) -> None:
    found = examined()
    grades = {name: item["grade"] for name, item in found.items()}
    assert grades["site: settings"] == "ok"
    assert grades["site: tables"] == "ok"
    assert grades["site: key"] == "ok"
    assert grades["site: clock"] == "ok"
    assert grades["folder: rights"] == "ok"
    assert grades["folder: room"] == "ok"
    assert grades["plans: nightly"] == "ok"
    assert grades["plans: scheduler"] == "ok"
    assert grades["destinations: none"] == "warn"
    assert grades["site: recovery sheet"] == "warn"
    assert "bad" not in grades.values()


@pytest.mark.parametrize(
    ("change", "name", "grade", "said"),
    [
        (amiss.others_may_look, "folder: rights", "bad", "0755"),
        (amiss.others_may_read, "folder: rights", "warn", "1 file"),
        (amiss.no_folder, "folder: folder", "warn", "does not exist"),
        (amiss.disk_fills_at_once, "folder: room", "bad", "full in 2 days"),
        (amiss.disk_fills, "folder: room", "warn", "full in 16 days"),
        (amiss.disk_is_full, "folder: room", "bad", "may not fit"),
        (amiss.debug, "site: DEBUG", "warn", "DEBUG"),
        (amiss.short_key, "site: key", "warn", "guessed"),
        (amiss.lost_key, "site: secrets of nas", "bad", "can't be read"),
        (amiss.strange_backup, "site: signatures", "warn", "1 backup"),
        (amiss.wrong_route, "site: trustbackup.E009", "bad", "pigeon"),
        (amiss.clock_was_ahead, "site: clock", "warn", "1 backup is dated in the future"),
        (amiss.clock_apart, "site: clock", "warn", "300 seconds"),
        (amiss.silent_scheduler, "plans: scheduler", "bad", "5 days ago"),
        (amiss.scheduler_in_its_grace, "plans: scheduler", "ok", "1 day ago"),
        (amiss.plan_of_today, "plans: scheduler", "ok", "5 days ago"),
        (amiss.never_scheduled, "plans: scheduler", "warn", "never"),
        (amiss.late_plan, "plans: nightly", "bad", "has never made a backup"),
        (amiss.wrong_plan, "plans: wrong", "bad", "wrong"),
        (amiss.endless_plan, "plans: nightly", "warn", "never deletes"),
        (amiss.no_plan, "plans: none", "warn", "No plan makes backups"),
        (amiss.failed_drill, "plans: proof", "bad", "failed its drill"),
        (amiss.fresh_drill, "plans: proof", "ok", "was proven to restore"),
        (amiss.old_drill, "plans: proof", "warn", "The last proof was"),
        (amiss.no_drill, "plans: proof", "warn", "No backup was ever proven"),
        (
            amiss.no_drill_of_plan,
            "plans: proof",
            "warn",
            "of plan nightly was ever proven",
        ),
        (amiss.sheet_is_wrong, "site: recovery sheet", "warn", "not true any more"),
        (amiss.sheet_is_old, "site: recovery sheet", "warn", "was printed"),
        (amiss.sheet_is_true, "site: recovery sheet", "ok", "was printed"),
        (amiss.nobody_knows_the_key, "site: recovery sheet", "warn", "where SECRET_KEY is kept"),
        (amiss.good_place, "destinations: box", "ok", "holds 0 backups"),
        (amiss.failing_place, "destinations: box", "bad", "It has no room"),
        (amiss.place_with_a_bad_copy, "destinations: box", "warn", "1 copy there is not good"),
        (amiss.same_disk, "destinations: near", "warn", "same disk"),
        (amiss.gone_place, "destinations: gone", "bad", "/proc/nothing"),
    ],
)
def test_what_is_amiss_is_found_with_the_way_out(
    well: Path,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    change: amiss.Change,
    name: str,
    grade: str,
    said: str,
) -> None:
    change(well, settings, monkeypatch)
    item = examined()[name]
    assert (item["grade"], said in item["sentence"]) == (grade, True), item


def test_settings_that_can_not_be_read_are_all_that_it_says(well: Path, settings: Any) -> None:
    settings.TRUSTBACKUP = {"BACKUP_DIR": 7}
    (found,) = examine(amiss.now())
    assert (found.area, found.name, found.grade) == ("site", "settings", "bad")
    assert "TRUSTBACKUP['BACKUP_DIR'] is 7" in found.sentence
    with pytest.raises(CommandError, match="BACKUP_DIR"):
        call_command("backup_doctor")


def test_a_folder_of_another_user_is_told(well: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid():
        pytest.skip("only root can give a folder away")
    os.chown(well, 4321, -1)
    assert examined()["folder: rights"]["grade"] == "ok", "root may read it all"
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    found = examined()["folder: rights"]
    assert (found["grade"], "belongs to another user" in found["sentence"]) == ("warn", True)


def test_each_database_is_looked_at_and_one_that_is_away_hides_no_other(
    postgres_site: Site,
) -> None:
    assert postgres_site.database is not None
    more_settings(
        postgres_site,
        "import copy\n"
        "DATABASES['away'] = {**copy.deepcopy(DATABASES['default']), 'PORT': '1'}\n"
        "DATABASES['empty'] = {'ENGINE': 'django.db.backends.sqlite3',"
        f" 'NAME': {str(postgres_site.folder / 'empty.sqlite3')!r}}}\n",
    )
    role = postgres_site.database.user
    postgres_site.database.cluster.execute(f'ALTER ROLE "{role}" NOCREATEDB')
    found = postgres_site.manage("backup_doctor", "--json", check=False).json
    said = {item["name"]: item for item in found if item["area"] == "databases"}
    assert {name: item["grade"] for name, item in said.items()} == {
        "default": "warn",
        "away": "bad",
        "empty": "warn",
    }
    assert "a drill needs a server of its own" in said["default"]["sentence"]
    assert "has no row in it" in said["empty"]["sentence"]
    assert "'away'" in said["away"]["sentence"]


def test_a_look_that_can_not_be_made_stops_no_other(
    well: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    def fail() -> None:
        raise OperationalError("no such server")

    monkeypatch.setattr(surroundings, "_server_time", fail)
    found = examined()
    assert found["site: clock"]["grade"] == "bad"
    assert "no such server" in found["site: clock"]["sentence"]
    assert found["plans: nightly"]["grade"] == "ok"


def test_deployment_checks_find_a_folder_that_others_see_and_a_key_that_is_known(
    well: Path, settings: Any
) -> None:
    def ids() -> set[str]:
        found = run_checks(tags=["trustbackup"], include_deployment_checks=True)
        return {str(item.id) for item in found}

    assert not {"trustbackup.W005", "trustbackup.W006"} & ids()
    well.chmod(0o750)
    settings.TRUSTBACKUP = {"BACKUP_DIR": well, "SECRET_KEYS": [f"django-insecure-{KEY}"]}
    assert ids() >= {"trustbackup.W005", "trustbackup.W006"}
    assert not {str(item.id) for item in run_checks(tags=["trustbackup"])} & {"trustbackup.W005"}


def test_it_works_on_each_engine_and_before_the_first_migrate(any_site: Site) -> None:
    found = any_site.manage("backup_doctor", "--json", check=False).json
    grades = {f"{item['area']}: {item['name']}": item["grade"] for item in found}
    assert grades["databases: default"] == "ok"
    assert grades["site: clock"] == "ok"
    any_site.query("DROP TABLE trustbackup_alarm")
    any_site.query("DELETE FROM django_migrations WHERE app = 'trustbackup' AND name >= '0004'")
    found = any_site.manage("backup_doctor", "--json", check=False).json
    (tables,) = [item for item in found if item["name"] == "tables"]
    assert (tables["grade"], "0004_alarms" in tables["sentence"]) == ("bad", True)
