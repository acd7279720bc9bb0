"""What may be amiss on a site, each done to one that is well: for tests of ``backup_doctor``."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.index import backup_folder, note, put
from trustbackup.models import AuditEvent, Backup, Copy, Destination, Plan, PlanDue, Run
from trustbackup.operations.doctor import surroundings
from trustbackup.operations.recovery.sheet import PRINTED, make_sheet
from trustbackup.sealing import seal_secrets
from trustbackup.store.record import Drill

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
KEY = "a-long-secret-key-of-these-tests-alone-with-more-than-fifty-characters"


def now() -> datetime:
    return datetime.now(UTC)


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


def scheduler_in_its_grace(_folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    """The last due time was half an hour ago, and was not taken on yet."""
    Plan.objects.update(scheduled_at=now() - 9 * DAY)
    PlanDue.objects.update(due=now() - DAY, at=now() - DAY)


def plan_of_today(_folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    """The scheduler rests for a week, and owes nothing to a plan that was just made."""
    PlanDue.objects.update(due=now() - 5 * DAY, at=now() - 5 * DAY)
    weekly = now() - 5 * DAY
    Plan.objects.update(
        schedule=f"{weekly.minute} {weekly.hour} * * {weekly.isoweekday() % 7}",
        scheduled_at=now() - 9 * DAY,
    )
    due = now() - 5 * HOUR
    Plan.objects.create(name="new", schedule=f"{due.minute} {due.hour} * * *", zone="UTC")


def never_scheduled(_folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    PlanDue.objects.all().delete()


def late_plan(_folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    Plan.objects.update(scheduled_at=now() - 9 * DAY)


def wrong_plan(_folder: Path, settings: Any, _patch: pytest.MonkeyPatch) -> None:
    Plan.objects.create(name="wrong", schedule="30 25 * * *")


def endless_plan(_folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    Plan.objects.update(retention=None)


def note_drills(folder: Path, *drills: Drill) -> None:
    key = backup_folder(folder, KEY)
    (backup,) = key.scan()
    note(key, backup, lambda noted: replace(noted, drills=drills))


def failed_drill(folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    note_drills(folder, Drill(at=now(), ok=False, seconds=1, problems=("no",)))


def fresh_drill(folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    note_drills(folder, Drill(at=now() - 30 * DAY, ok=True, seconds=1))


def old_drill(folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    note_drills(folder, Drill(at=now() - 32 * DAY, ok=True, seconds=1))


def no_drill(folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    note_drills(folder)


def no_drill_of_plan(_folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    Plan.objects.update(drill={"days": 7}, scheduled_at=now() - 9 * DAY)


def print_sheet(at: datetime, fingerprint: str) -> None:
    AuditEvent.objects.create(at=at, actor="a", action=PRINTED, target=fingerprint)


def sheet_is_wrong(_folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    print_sheet(now(), "old")


def sheet_is_old(_folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    print_sheet(now() - 366 * DAY, make_sheet().fingerprint)


def sheet_is_true(_folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    print_sheet(now() - 364 * DAY, make_sheet().fingerprint)


def nobody_knows_the_key(_folder: Path, settings: Any, _patch: pytest.MonkeyPatch) -> None:
    settings.TRUSTBACKUP = {**settings.TRUSTBACKUP, "SECRETS_KEPT": {}}
    print_sheet(now(), make_sheet().fingerprint)


def no_folder(folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(folder)


def disk_fills_at_once(_folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    for day in range(5):
        outcome = {"free": (65 - 10 * day) * 10**8}
        Run.objects.create(
            action="create", state="succeeded", started=now() - (4 - day) * DAY, outcome=outcome
        )


def clock_was_ahead(folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    put(backup_folder(folder, KEY), 0, begin=now() + DAY)


def no_plan(_folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    Plan.objects.all().delete()


def wrong_route(_folder: Path, settings: Any, _patch: pytest.MonkeyPatch) -> None:
    settings.TRUSTBACKUP = {
        **settings.TRUSTBACKUP,
        "NOTIFICATIONS": {"ops": {"CHANNEL": "pigeon"}},
    }


def another_place(settings: Any, **values: Any) -> Destination:
    """One that is on no disk."""
    backend = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    settings.STORAGES = {**settings.STORAGES, "box": backend}
    options = {"alias": "box"}
    return Destination.objects.create(name="box", kind="storage", options=options, **values)


def good_place(_folder: Path, settings: Any, _patch: pytest.MonkeyPatch) -> None:
    another_place(settings)


def failing_place(_folder: Path, settings: Any, _patch: pytest.MonkeyPatch) -> None:
    another_place(settings, problem="It has no room.")


def place_with_a_bad_copy(_folder: Path, settings: Any, _patch: pytest.MonkeyPatch) -> None:
    row = another_place(settings)
    for state in ("failed", "waiting"):
        Copy.objects.create(identifier=state, destination=row, state=state, changed=now())


def same_disk(folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    (folder.parent / "copies").mkdir()
    options = {"path": str(folder.parent / "copies")}
    Destination.objects.create(name="near", kind="folder", options=options)


def gone_place(_folder: Path, _settings: Any, _patch: pytest.MonkeyPatch) -> None:
    options = {"path": "/proc/nothing/here"}
    Destination.objects.create(name="gone", kind="folder", options=options)
