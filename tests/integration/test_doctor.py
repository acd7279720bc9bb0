"""``backup_doctor``: what an expert would look at, each with the way out."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import call_command

from tests.support.index import backup_folder, checked, drilled, note, put
from tests.support.sites import Site
from trustbackup.models import AuditEvent, Backup, Destination, Plan, PlanDue, Run
from trustbackup.operations.doctor import surroundings
from trustbackup.sealing import seal_secrets

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)
KEY = "a-long-secret-key-of-these-tests-alone-with-more-than-fifty-characters"


def now() -> datetime:
    return datetime.now(UTC)


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
    due = now() - timedelta(minutes=30)
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


Change = Callable[[Path, Any, pytest.MonkeyPatch], None]


def others_may_look(folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    folder.chmod(0o755)


def others_may_read(folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    next(folder.glob("*.dump.gz")).chmod(0o644)


def disk_fills(_folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    for day in range(5):
        outcome = {"free": (41 - 2 * day) * 10**9 // 2}
        Run.objects.create(
            action="create", state="succeeded", started=now() - (4 - day) * DAY, outcome=outcome
        )


def disk_is_full(_folder: Path, _settings: Any, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(type(Backup.objects.all()), "sizes", lambda *_: [(now(), 1 << 60)])


def debug(_folder: Path, settings: Any, _patch: pytest.MonkeyPatch) -> None:
    settings.DEBUG = True


def short_key(_folder: Path, settings: Any, _patch: pytest.MonkeyPatch) -> None:
    settings.TRUSTBACKUP = {**settings.TRUSTBACKUP, "SECRET_KEYS": ["short", KEY]}


def lost_key(_folder: Path, _settings: Any, patch: pytest.MonkeyPatch) -> None:
    Destination.objects.create(
        name="nas",
        kind="folder",
        options={"path": "/nowhere"},
        secrets=seal_secrets({"a": "b"})[9:],
    )


def strange_backup(folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    put(backup_folder(folder, "another key"), 2)


def clock_apart(_folder: Path, _settings: Any, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(surroundings, "_server_time", lambda: now() + timedelta(minutes=5))


def silent_scheduler(_folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    Plan.objects.update(scheduled_at=now() - 9 * DAY)
    PlanDue.objects.update(due=now() - 5 * DAY, at=now() - 5 * DAY)


def never_scheduled(_folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    PlanDue.objects.all().delete()


def late_plan(_folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    Plan.objects.update(scheduled_at=now() - 9 * DAY)


def wrong_plan(_folder: Path, settings: Any, _patch: pytest.MonkeyPatch) -> None:
    Plan.objects.create(name="wrong", schedule="30 25 * * *")


def endless_plan(_folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    Plan.objects.update(retention=None)


def failed_drill(folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from trustbackup.store.record import Drill

    key = backup_folder(folder, KEY)
    (backup,) = key.scan()
    failed = (Drill(at=now(), ok=False, seconds=1, problems=("no",)),)
    note(key, backup, lambda noted: replace(noted, drills=failed))


def sheet_is_old(_folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    AuditEvent.objects.create(at=now(), actor="a", action="print recovery sheet", target="old")


def same_disk(folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    (folder.parent / "copies").mkdir()
    options = {"path": str(folder.parent / "copies")}
    Destination.objects.create(name="near", kind="folder", options=options)


def gone_place(_folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    options = {"path": "/proc/nothing/here"}
    Destination.objects.create(name="gone", kind="folder", options=options)


@pytest.mark.parametrize(
    ("change", "name", "grade", "said"),
    [
        (others_may_look, "folder: rights", "bad", "0755"),
        (others_may_read, "folder: rights", "warn", "1 file"),
        (disk_fills, "folder: room", "warn", "full in 16 days"),
        (disk_is_full, "folder: room", "bad", "may not fit"),
        (debug, "site: DEBUG", "warn", "DEBUG"),
        (short_key, "site: key", "warn", "guessed"),
        (lost_key, "site: secrets of nas", "bad", "can't be read"),
        (strange_backup, "site: signatures", "warn", "1 backup"),
        (clock_apart, "site: clock", "warn", "300 seconds"),
        (silent_scheduler, "plans: scheduler", "bad", "5 days ago"),
        (never_scheduled, "plans: scheduler", "warn", "never"),
        (late_plan, "plans: nightly", "bad", "has never made a backup"),
        (wrong_plan, "plans: wrong", "bad", "wrong"),
        (endless_plan, "plans: nightly", "warn", "never deletes"),
        (failed_drill, "plans: proof", "bad", "failed its drill"),
        (sheet_is_old, "site: recovery sheet", "warn", "not true any more"),
        (same_disk, "destinations: near", "warn", "same disk"),
        (gone_place, "destinations: gone", "bad", "/proc/nothing"),
    ],
)
def test_what_is_amiss_is_found_with_the_way_out(
    well: Path,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    change: Change,
    name: str,
    grade: str,
    said: str,
) -> None:
    change(well, settings, monkeypatch)
    item = examined()[name]
    assert (item["grade"], said in item["sentence"]) == (grade, True), item


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
