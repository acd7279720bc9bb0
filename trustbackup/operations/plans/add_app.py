"""A plan for one app's data, as an operator adds it in one step."""

from __future__ import annotations

import re
from dataclasses import replace

from django.db import IntegrityError, connections, router, transaction

from trustbackup.contents.app_data.tables import alias_of, models_of
from trustbackup.exceptions import UsageError
from trustbackup.models import Plan
from trustbackup.operations.plans.spec import PlanSpec, read_plans, spec_of, usual_plan
from trustbackup.operations.plans.switch import row_of
from trustbackup.phrases import gettext as _
from trustbackup.policy.plan import DrillRule

_NO_NAME = re.compile(r"[^A-Za-z0-9_-]+")


def add_app_plan(label: str, database: str = "") -> PlanSpec:
    """Save a plan for the app's data, switched on, with the usual one's schedule and rules.

    ``database`` is an alias, "" for the one that the routers write the app's models to; later
    changes of the routers are followed then. Raises UsageError for an app without rows to back
    up, and for one that a plan holds already.
    """
    if database and database not in connections:
        raise UsageError(
            _("There is no database %(alias)r", alias=database),
            todo=_("DATABASES has %(names)s.", names=", ".join(map(repr, connections))),
        )
    models_of(label, database or alias_of(label))
    plans = read_plans()
    wanted = (database,) if database else ()
    for spec in plans.specs:
        if spec.app == label and spec.databases == wanted:
            raise UsageError(
                _("App %(app)r is in the backups already", app=label),
                why=_("plan %(name)r holds its data", name=spec.name),
                todo=_("Change that plan, or switch it on."),
            )
    spec = replace(
        usual_plan(),
        name=_free_name(label, {*plans.problems, *(spec.name for spec in plans.specs)}),
        enabled=True,
        kind="app",
        app=label,
        databases=wanted,
        drill=DrillRule(),
    )
    row = row_of(spec)
    try:
        with transaction.atomic(router.db_for_write(Plan)):
            row.save()
    except IntegrityError:  # somebody else was quicker
        raise UsageError(
            _("There is a plan %(name)r already", name=spec.name), todo=_("Try again.")
        ) from None
    return spec_of(row)


def _free_name(label: str, taken: set[str]) -> str:
    """``app-shop``, or with a number behind it."""
    name = f"app-{_NO_NAME.sub('-', label)}"[:40]
    tried, number = name, 1
    while tried in taken:
        number += 1
        tried = f"{name}-{number}"
    return tried
