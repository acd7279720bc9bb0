"""A site with a plan, its backups and a folder for copies, for tests of retention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.index import checked, note, put
from trustbackup.models import Destination
from trustbackup.operations.offsite.copy import copy_backup
from trustbackup.operations.offsite.targets import ref_of
from trustbackup.operations.retention.prune import PlacePruning
from trustbackup.store.folder import BackupFolder
from trustbackup.store.plan_note import PlanNote

BEGIN = datetime(2026, 1, 1, 4, tzinfo=UTC)
NIGHTLY = PlanNote(name="nightly", zone="UTC", retention={"last": 3})


def plans(settings: Any, folder: Path, **retention: Any) -> None:
    """The site's settings: one plan with these rules; those of ``nas`` are another place's."""
    there = {"nas": retention.pop("nas")} if "nas" in retention else {}
    plan = {
        "SCHEDULE": "0 4 * * *",
        "ZONE": "UTC",
        "RETENTION": retention,
        "DESTINATION_RETENTION": there,
    }
    settings.TRUSTBACKUP = {"BACKUP_DIR": folder, "PLANS": {"nightly": plan}}


def nightly(
    folder: BackupFolder, days: int, *, first: int = 0, good: bool = True, **more: Any
) -> list[str]:
    """A backup of the plan for each of so many nights, checked; oldest first."""
    made = []
    for day in range(first, first + days):
        more.setdefault("plan", NIGHTLY)
        identifier = put(folder, 0, begin=BEGIN + timedelta(days=day), **more)
        if good:
            note(folder, identifier, checked)
        made.append(identifier)
    return made


@dataclass(frozen=True)
class Nas:
    """A folder for copies."""

    path: Path
    row: Destination

    def copy(self, backups: Sequence[str]) -> None:
        for identifier in backups:
            (copied,) = copy_backup(identifier, [ref_of(self.row)], pauses=())
            assert not copied.error

    def files(self, identifier: str = "") -> list[str]:
        return sorted(path.name for path in self.path.glob(f"backup_{identifier}*"))

    def there(self) -> list[str]:
        """The ids of the copies that have a manifest there, oldest first."""
        return sorted(
            path.name.removeprefix("backup_").removesuffix(".manifest.json")
            for path in self.path.glob("backup_*.manifest.json")
        )


def nas(path: Path, name: str = "nas") -> Nas:
    path.mkdir(mode=0o700)
    row = Destination.objects.create(name=name, kind="folder", options={"path": str(path)})
    return Nas(path, row)


def decisions(place: PlacePruning) -> dict[str, str]:
    """Id → the first reason."""
    return {each.id: str(each.reasons[0]) for each in place.judgement.decisions}
