"""The plans: all of them, and one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from trustbackup.models import Plan, PlanDue, Run
from trustbackup.notifications.routes import all_routes
from trustbackup.operations.plans.spec import PlanSpec, read_plans, suggested_plan
from trustbackup.runs.queue import fail_stale_runs
from trustbackup.views.base import Page
from trustbackup.views.plans.spoken import exact
from trustbackup.views.plans.summary import summarise

UPCOMING = 5
"""Due times that a page shows."""
LATEST = 10
"""Runs and due times of a plan that its page shows."""


class PlansView(Page, TemplateView):
    """All of them, or the one that a new site is offered."""

    template_name = "settings/backups/plans.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        fail_stale_runs()
        plans, now = read_plans(), datetime.now(UTC)
        suggested = suggested_plan()
        return super().get_context_data(
            **kwargs,
            plans=summarise(plans.specs, now),
            problems=sorted(plans.problems.items()),
            suggestion=summarise([suggested], now)[0] if suggested else None,
            title=_("Plans"),
        )


class PlanView(Page, TemplateView):
    """One of them: what it does, when it runs next, and what it has done."""

    template_name = "settings/backups/plan.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        fail_stale_runs()
        now = datetime.now(UTC)
        spec, problem = find(kwargs["name"])
        upcoming: list[str] = []
        if spec is not None and spec.schedule is not None:
            zone = spec.schedule.zone
            upcoming = [exact(due, zone) for due in spec.schedule.upcoming(now, UPCOMING)]
        name = kwargs["name"]
        return super().get_context_data(
            **kwargs,
            plan=summarise([spec], now)[0] if spec else None,
            problem=problem,
            is_saved=Plan.objects.filter(name=name).exists(),
            upcoming=upcoming,
            heard_by=[
                route.name
                for route in all_routes()
                if route.enabled and (not route.plans or name in route.plans)
            ],
            runs=Run.objects.filter(plan=name)[:LATEST],
            missed=PlanDue.objects.filter(plan=name).exclude(state=PlanDue.State.STARTED)[:LATEST],
            title=_("Plan %(name)s") % {"name": name},
        )


def find(name: str) -> tuple[PlanSpec | None, str]:
    """A plan, or why the one of this name can't be followed. Raises Http404."""
    plans = read_plans()
    spec = next((spec for spec in plans.specs if spec.name == name), None)
    if spec is None and name not in plans.problems:
        raise no_such_plan()
    return spec, plans.problems.get(name, "")


def no_such_plan() -> Http404:
    return Http404(_("There is no such plan any more."))
