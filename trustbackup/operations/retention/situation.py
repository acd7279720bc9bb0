"""What is going on while backups are judged: plans that fail, backups that look odd or are used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import DatabaseError

from trustbackup.models import Backup, Run
from trustbackup.operations.context import Context
from trustbackup.operations.plans.spec import Plans, PlanSpec, read_plans
from trustbackup.store import catalog
from trustbackup.store.backup_files import BackupFiles

_OVER = (Run.State.SUCCEEDED, Run.State.PARTIAL, Run.State.FAILED)


@dataclass(frozen=True, kw_only=True)
class Situation:
    """The same for every place that is judged."""

    context: Context
    now: datetime
    plans: Plans
    rows: dict[str, Backup]
    """The backups in the folder, by id."""
    entries: dict[str, BackupFiles]
    failed: frozenset[str]
    """Plans whose last backup failed."""
    odd: frozenset[str]
    """Plans with a backup that looks odd, and of which nobody has said that it is right."""
    used: frozenset[str]
    """Ids that a run works with."""


def look(instead: PlanSpec | None = None) -> Situation:
    """``instead`` is a plan as it would be. Raises FolderError, ConfigurationError."""
    context = Context.current()
    plans = read_plans()
    if instead is not None:
        others = tuple(spec for spec in plans.specs if spec.name != instead.name)
        plans = Plans((*others, instead), plans.problems)
    entries = context.folder.scan()
    rows = catalog.synchronise(context.folder)
    now = datetime.now(UTC)
    return Situation(
        context=context,
        now=now,
        plans=plans,
        rows=rows,
        entries={key: entries[key] for key in rows if key in entries},
        failed=frozenset(spec.name for spec in plans.specs if _last_failed(spec.name, now)),
        odd=frozenset(row.plan for row in rows.values() if row.odd),
        used=_used(),
    )


def _last_failed(plan: str, now: datetime) -> bool:
    try:
        # One that began in the future, by a clock that was wrong, would count until then.
        begun = Run.objects.filter(plan=plan, action="create", started__lte=now)
        over = begun.filter(state__in=_OVER)
        last = over.order_by("-started").first()
    except DatabaseError:
        return False
    return last is not None and last.state == Run.State.FAILED


def _used() -> frozenset[str]:
    try:
        active = list(Run.objects.active())
    except DatabaseError:
        return frozenset()
    found: set[str] = set()
    for run in active:
        named = run.plain_options
        found.update(str(run.target).replace(",", " ").split())
        found.add(str(named.get("backup", "")))
        found.update(map(str, named.get("backups") or ()))
    return frozenset(found - {""})
