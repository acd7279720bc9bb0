"""Which plans can be changed here; switching them on and off, the suggested one included."""

from __future__ import annotations

from trustbackup.conf import get_settings
from trustbackup.exceptions import UsageError
from trustbackup.models import Plan
from trustbackup.operations.plans.spec import (
    PlanSpec,
    Source,
    default_zone,
    find_plan,
    spec_of,
    suggested_plan,
)
from trustbackup.phrases import gettext as _


def switch_plan(name: str, *, on: bool) -> PlanSpec:
    """Switch a saved plan on or off; the suggested one is saved with it.

    Raises UsageError for a plan that is not there or is kept in the settings, and
    ConfigurationError for one that can't be followed.
    """
    suggested = suggested_plan()
    if suggested is not None and suggested.name == name:
        row = row_of(suggested)
    else:
        if find_plan(name).source is Source.SETTINGS:
            raise UsageError(
                _("Plan %(name)r can't be switched here", name=name),
                why=_("it is kept in the settings"),
                todo=_("Set its ENABLED in TRUSTBACKUP['PLANS']."),
            )
        row = Plan.objects.get(name=name)
    row.enabled = on
    row.save()
    return spec_of(row)


def saved_plan(name: str) -> Plan | None:
    """The row of a plan that can be changed here; None where there is no such plan.

    Raises UsageError for one that is in the settings alone.
    """
    row = Plan.objects.filter(name=name).first()
    if row is None and name in get_settings().plans:
        raise UsageError(
            _("Plan %(name)r can't be changed here", name=name),
            why=_("it is kept in the settings"),
            todo=_("Change it in TRUSTBACKUP['PLANS']."),
        )
    return row


def row_of(spec: PlanSpec) -> Plan:
    """A row, not saved, that describes the same plan."""
    schedule = spec.schedule
    return Plan(
        name=spec.name,
        enabled=spec.enabled,
        kind=spec.kind,
        databases=list(spec.databases),
        app=spec.app,
        excluded=list(spec.excluded),
        archive=spec.archive,
        compression=spec.compression,
        encrypt_to=list(spec.encrypt_to),
        destinations=list(spec.destinations),
        schedule=schedule.cron if schedule else "",
        zone=schedule.zone if schedule and schedule.zone != default_zone() else "",
        retention=spec.retention.as_dict() if spec.retention else None,
        destination_retention={
            place: policy.as_dict() for place, policy in spec.destination_retention.items()
        },
        drill=spec.drill.as_dict(),
        skip_unchanged=spec.skip_unchanged,
        grace=int(spec.grace.total_seconds() // 60),
    )
