"""What programs that watch a site want to know of its backups: figures, not sentences.

Read from the index, with as many queries for a thousand backups as for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from trustbackup.conf import get_settings
from trustbackup.models import Alarm, AuditEvent, Backup, Copy, Destination
from trustbackup.operations.health import Health, site_health
from trustbackup.operations.overdue import Watch, forecast, watch
from trustbackup.operations.plans.spec import all_plans
from trustbackup.store import names
from trustbackup.store.durable import free_bytes

BY_HAND = ""
"""The plan of backups that were made without one."""


@dataclass(frozen=True, kw_only=True)
class PlanFigures:
    """A plan, or what was made by hand (its name is "" then). Moments are aware."""

    name: str
    enabled: bool
    late: bool
    next_due: datetime | None
    newest: datetime | None
    """When its newest whole backup was made; the next four are of that one."""
    bytes: int
    seconds: float
    rows: int | None
    proven: datetime | None
    """When any backup of it was last proven to restore."""
    recovery_seconds: float | None
    """How long that took."""


@dataclass(frozen=True, kw_only=True)
class DestinationFigures:
    """A destination, and the copies there."""

    name: str
    failing: bool
    newest_copy: datetime | None
    """When the newest backup that is there was made."""
    copies: Mapping[str, int]
    """By their state; every state is there."""
    free_bytes: int | None


@dataclass(frozen=True, kw_only=True)
class SiteFigures:
    """Everything at one moment."""

    at: datetime
    health: Health
    watch: Watch
    backups: Mapping[str, int]
    """By their state; every state is there."""
    bytes: int
    plans: tuple[PlanFigures, ...]
    destinations: tuple[DestinationFigures, ...]
    free_bytes: int | None
    full_in: timedelta | None
    sheet_printed: datetime | None


def site_figures(now: datetime) -> SiteFigures:
    """Raises DatabaseError, ConfigurationError."""
    found = watch(now)
    _count, used = Backup.objects.space_used()
    printed = AuditEvent.objects.newest(AuditEvent.SHEET_PRINTED)
    return SiteFigures(
        at=now,
        health=site_health(now, found),
        watch=found,
        backups=Backup.objects.count_by_state(),
        bytes=used,
        plans=tuple(_plans(found, now)),
        destinations=tuple(_destinations(now)),
        free_bytes=free_bytes(get_settings().backup_dir),
        full_in=forecast(now),
        sheet_printed=printed.at if printed else None,
    )


def _plans(found: Watch, now: datetime) -> list[PlanFigures]:
    late = {item.subject for item in found.of_kind(Alarm.Kind.BACKUP)}
    newest = Backup.objects.newest_of_each_plan(now)
    proven = Backup.objects.newest_proof_of_each_plan(now)
    specs = {spec.name: spec for spec in all_plans()}
    figures = []
    for name in sorted({*specs, *newest}):
        spec, backup, proof = specs.get(name), newest.get(name), proven.get(name)
        is_on = spec is not None and spec.enabled
        schedule = spec.schedule if spec and is_on else None
        figures.append(
            PlanFigures(
                name=name,
                enabled=is_on,
                late=name in late,
                next_due=schedule.next_after(now) if schedule else None,
                newest=backup.created if backup else None,
                bytes=backup.bytes if backup else 0,
                seconds=backup.seconds if backup else 0.0,
                rows=backup.rows if backup else None,
                proven=proof.drilled_at if proof else None,
                recovery_seconds=proof.recovery_seconds if proof else None,
            )
        )
    return figures


def _destinations(now: datetime) -> list[DestinationFigures]:
    counted = Copy.objects.count_by_destination()
    newest = Copy.objects.newest_there(names.backup_id(now))
    return [
        DestinationFigures(
            name=row.name,
            failing=bool(row.problem),
            newest_copy=names.time_of(newest.get(row.pk, "")),
            copies={state: counted.get((row.pk, state), 0) for state in Copy.State.values},
            free_bytes=row.free_bytes,
        )
        for row in Destination.objects.all()
    ]
