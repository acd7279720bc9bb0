"""Which plans' backups are to be proven now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import Count, Max, Q

from trustbackup.models import Backup, BackupQuerySet, Run
from trustbackup.operations.plans.spec import PlanSpec, default_zone
from trustbackup.policy.drills import is_drill_due, is_within
from trustbackup.store.signature import Signature


def find_drills(specs: Iterable[PlanSpec], now: datetime) -> list[tuple[PlanSpec, str]]:
    """Plans whose drill is due, each with its newest backup; three queries when none is.

    A drill that was begun counts, whatever became of it, unless somebody stopped it: what fails
    is told, not tried again at every look. What a wrong clock has left in the future does not
    count. Raises FolderError.
    """
    waiting = [
        spec
        for spec in specs
        if spec.enabled and (spec.drill.every or spec.drill.days) and _is_open(spec, now)
    ]
    if not waiting:
        return []
    # Most sites have a plan that is proven by no drill, and look every few minutes.
    from trustbackup.operations.context import Context
    from trustbackup.store import catalog

    catalog.synchronise_if_changed(Context.current().folder)
    ours = Backup.objects.whole().filter(signature=Signature.OURS.name.lower(), created__lte=now)
    last = _last_drills(ours, [spec.name for spec in waiting], now)
    # One query for all of them: what each has made since its last drill.
    since = Q()
    for spec in waiting:
        after = {"created__gt": last[spec.name]} if spec.name in last else {}
        since |= Q(plan=spec.name, **after)
    counted = ours.filter(since).order_by().values("plan").annotate(made=Count("pk"))
    made = dict(counted.values_list("plan", "made"))
    due = []
    for spec in waiting:
        rule, before = spec.drill, last.get(spec.name)
        if is_drill_due(rule, made=made.get(spec.name, 0), last=before, now=now):
            newest = ours.filter(plan=spec.name).newest_first().first()
            due += [(spec, newest.identifier)] if newest else []
    return due


def _last_drills(ours: BackupQuerySet, names: list[str], now: datetime) -> dict[str, datetime]:
    """By plan: when its last drill began, as far as rows tell."""
    drilled = ours.filter(plan__in=names, drilled_at__lte=now).order_by().values("plan")
    last = dict(drilled.annotate(last=Max("drilled_at")).values_list("plan", "last"))
    begun = Run.objects.filter(action="drill", plan__in=names, started__lte=now)
    begun = begun.exclude(state=Run.State.CANCELLED).order_by()
    for name, moment in (
        begun.values("plan").annotate(last=Max("started")).values_list("plan", "last")
    ):
        last[name] = max(moment, last.get(name, moment))
    return last


def _is_open(spec: PlanSpec, now: datetime) -> bool:
    zone = spec.schedule.zone if spec.schedule else default_zone()
    return is_within(spec.drill, now, ZoneInfo(zone))
