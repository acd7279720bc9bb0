"""Which plans there are: those of the settings, and those that somebody has saved."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, router

from trustbackup.conf import get_settings
from trustbackup.conf.zone import site_zone_name
from trustbackup.exceptions import ConfigurationError, UsageError
from trustbackup.models import Plan, PlanCalendar
from trustbackup.phrases import Phrase
from trustbackup.phrases import gettext as _
from trustbackup.policy.plan import DrillRule, PlanSpec, Source, read_plan
from trustbackup.policy.retention.rules import SUGGESTED as SUGGESTED_RETENTION
from trustbackup.policy.schedule import every_day, in_the_small_hours
from trustbackup.store.index_access import may_connect

__all__ = [
    "PlanSpec",
    "Plans",
    "Source",
    "all_plans",
    "find_plan",
    "read_plans",
    "spec_of",
    "suggested_plan",
    "usual_plan",
]
SUGGESTED = "nightly"
_FIELDS = (
    *("enabled", "kind", "databases", "app", "excluded", "compression", "destinations", "schedule"),
    *("retention", "destination_retention", "drill", "skip_unchanged", "archive", "grace"),
    "encrypt_to",
)


@dataclass(frozen=True)
class Plans:
    """All plans, by name. One that can't be followed stops no other."""

    specs: tuple[PlanSpec, ...] = ()
    problems: dict[str, Phrase] = field(default_factory=dict)
    """By the names of those that can't be followed: a sentence."""


def read_plans() -> Plans:
    """Every plan, with two queries. Without a database, or without its tables, the settings' alone.

    Raises ConfigurationError when the settings as such are wrong.
    """
    given = get_settings().plans
    rows, calendars = _saved()
    found: dict[str, PlanSpec] = {}
    problems: dict[str, Phrase] = {}
    for name, values in given.items():
        try:
            spec = read_plan(name, _with_zone(values), Source.SETTINGS)
            found[name] = replace(spec, created=_since(spec, calendars.get(name)))
        except ConfigurationError as error:
            problems[name] = error.args[0]
    for row in rows:
        if row.name in given:
            problems.setdefault(
                row.name, _("The settings have a plan of this name; the saved one is not used.")
            )
            continue
        try:
            found[row.name] = spec_of(row)
        except ConfigurationError as error:
            problems[row.name] = error.args[0]
    return Plans(tuple(found[name] for name in sorted(found)), problems)


def all_plans() -> list[PlanSpec]:
    """Those that can be followed, switched on or off, by name. Raises ConfigurationError."""
    return list(read_plans().specs)


def find_plan(name: str) -> PlanSpec:
    """Raises UsageError when there is none, ConfigurationError when it can't be followed."""
    plans = read_plans()
    for spec in plans.specs:
        if spec.name == name:
            return spec
    if name in plans.problems:
        raise ConfigurationError(plans.problems[name])
    names = [spec.name for spec in plans.specs]
    todo = _("There are %(names)s.", names=", ".join(names)) if names else _("Add one on the page.")
    raise UsageError(_("There is no plan %(name)r", name=name), todo=todo)


def spec_of(row: Plan) -> PlanSpec:
    """A saved plan, or one that is about to be saved. Raises ConfigurationError."""
    values: dict[str, Any] = {name: getattr(row, name) for name in _FIELDS}
    values["zone"] = row.zone or default_zone()
    if row.retention is None:
        del values["retention"]
    return read_plan(row.name, values, Source.ROW, row.scheduled_at)


def suggested_plan() -> PlanSpec | None:
    """The plan of a site whose databases are in none yet, switched off; None once they are."""
    plans = read_plans()
    others = all(not spec.holds_databases and spec.name != SUGGESTED for spec in plans.specs)
    return usual_plan() if others and not plans.problems else None


def usual_plan() -> PlanSpec:
    """What would do for most sites, switched off: what a new plan begins with."""
    values = {"schedule": default_schedule(), "zone": default_zone(), "enabled": False}
    spec = read_plan(SUGGESTED, values, Source.ROW)
    return replace(spec, retention=SUGGESTED_RETENTION, drill=DrillRule(days=7))


def default_schedule() -> str:
    """Every day between 04:00 and 05:00, at this site's own minute."""
    digest = hashlib.sha256(get_settings().secret_keys[-1].encode()).digest()
    return every_day(in_the_small_hours(int.from_bytes(digest[:4])))


def default_zone() -> str:
    return site_zone_name()


def _with_zone(values: dict[str, Any]) -> dict[str, Any]:
    return values if "ZONE" in values else {**values, "ZONE": default_zone()}


def _since(spec: PlanSpec, calendar: PlanCalendar | None) -> Any:  # noqa: ANN401
    """Since when it has its schedule, as far as somebody has looked."""
    if calendar is None or spec.schedule is None:
        return None
    same = (calendar.cron, calendar.zone) == (spec.schedule.cron, spec.schedule.zone)
    return calendar.since if same and spec.enabled else None


def _saved() -> tuple[list[Plan], dict[str, PlanCalendar]]:
    try:
        if not may_connect(router.db_for_read(Plan)):
            return [], {}
        rows = list(Plan.objects.all())
        calendars = {row.plan: row for row in PlanCalendar.objects.all()}
    except (DatabaseError, ImproperlyConfigured):
        return [], {}
    return rows, calendars
