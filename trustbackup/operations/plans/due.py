"""Which plans are due: of each the last due time that nobody has taken on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max

from trustbackup.models import PlanCalendar, PlanDue
from trustbackup.operations.plans.spec import PlanSpec, Source

_AN_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Due:
    """A plan, and the time at which it was to run."""

    spec: PlanSpec
    due: datetime


def find_due(specs: Iterable[PlanSpec], now: datetime) -> list[Due]:
    """Those that are due and not taken on, oldest first, by one query.

    However many due times went by, only the last one counts: what was missed is caught up once.
    What a wrong clock has left, in a plan's row or among the due times, is in the future, and
    does not count.
    """
    waiting = [spec for spec in specs if spec.enabled and spec.schedule]
    if not waiting:
        return []
    taken = PlanDue.objects.filter(plan__in=[spec.name for spec in waiting], due__lte=now)
    last = dict(
        taken.order_by().values("plan").annotate(last=Max("due")).values_list("plan", "last")
    )
    found = []
    for spec in waiting:
        due = spec.schedule.previous_before(now + _AN_INSTANT) if spec.schedule else None
        since = spec.created
        if due is None or since is None or due <= since <= now:
            continue
        if spec.name not in last or last[spec.name] < due:
            found.append(Due(spec, due))
    return sorted(found, key=lambda item: (item.due, item.spec.name))


def remember_calendars(specs: Sequence[PlanSpec], now: datetime) -> None:
    """Note since when the plans in the settings have their schedules; writes only what is new."""
    of_settings = [spec for spec in specs if spec.source is Source.SETTINGS]
    if off := [spec.name for spec in of_settings if not spec.enabled or not spec.schedule]:
        PlanCalendar.objects.filter(plan__in=off).delete()
    for spec in of_settings:
        if spec.enabled and spec.schedule and not spec.created:
            PlanCalendar.objects.update_or_create(
                plan=spec.name,
                defaults={"cron": spec.schedule.cron, "zone": spec.schedule.zone, "since": now},
            )
