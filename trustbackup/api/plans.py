"""Plans: which there are, and writing them down, by the settings' reader and the page's forms."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.forms import Form
from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from trustbackup.api.base import ApiView
from trustbackup.api.described import described
from trustbackup.api.plan_serializers import (
    NewPlanSerializer,
    PlanChangeSerializer,
    PlanDetailSerializer,
    PlanSerializer,
)
from trustbackup.api.problems import Problem
from trustbackup.exceptions import ConfigurationError
from trustbackup.models import AccessToken, Plan
from trustbackup.operations.context import Context
from trustbackup.operations.monitoring import BY_HAND, site_figures
from trustbackup.operations.plans.spec import default_zone, read_plans, spec_of
from trustbackup.operations.plans.switch import row_of, saved_plan
from trustbackup.policy.plan import PlanSpec, Source, read_plan
from trustbackup.policy.retention.rules import RetentionPolicy
from trustbackup.store import catalog
from trustbackup.views.base import PLAN, VIEW
from trustbackup.views.plans.edit import PlanForms
from trustbackup.views.responses import audit

Scope = AccessToken.Scope
_INVALID = "The plan can't be saved like this."
_NOT_TAKEN = "A plan of this kind has none, or what is named is not there: leave it out."
_FIELDS = tuple(PlanChangeSerializer().fields)
_IN_FORMS = {
    "__all__": "non_field_errors",
    "more_excluded": "excluded",
    **dict.fromkeys(("every", "days", "begin", "end"), "drill"),
}


def _plan_named(name: str) -> Plan:
    """Raises Problem, and UsageError for one that is in the settings alone."""
    row = None if "\x00" in name else saved_plan(name)
    if row is None:
        raise _no_such_plan()
    return row


def _no_such_plan() -> Problem:
    return Problem(404, "not_found", "There is no such plan.")


def _values_of(row: Plan) -> dict[str, Any]:
    """What is written down, also where it can't be followed."""
    return {name: getattr(row, name) for name in _FIELDS}


def _answer(name: str, status: int = 200) -> Response:
    """Raises Problem."""
    plans = read_plans()
    spec = next((spec for spec in plans.specs if spec.name == name), None)
    problem = str(plans.problems.get(name, ""))
    if spec is not None:
        found = {**_values_of(row_of(spec)), "source": str(spec.source)}
        found["zone"] = spec.schedule.zone if spec.schedule else ""
    elif (row := Plan.objects.filter(name=name).first()) is not None:
        found = {**_values_of(row), "source": str(Source.ROW)}
    elif problem:
        found = {**_values_of(Plan(name=name)), "source": str(Source.SETTINGS)}
    else:
        raise _no_such_plan()
    return Response({**found, "problem": problem}, status)


@extend_schema_view(
    get=described("list_plans", "List plans", {200: PlanSerializer(many=True)}),
    post=described(
        "create_plan", "Add a plan", {201: PlanDetailSerializer}, request=NewPlanSerializer
    ),
)
class PlansView(ApiView):
    scopes = {"POST": Scope.MANAGE}
    rights = {"POST": (VIEW, PLAN)}

    def get(self, request: Request) -> Response:
        catalog.synchronise_if_changed(Context.current().folder)
        plans = [plan for plan in site_figures(datetime.now(UTC)).plans if plan.name != BY_HAND]
        return Response(PlanSerializer(plans, many=True).data)

    def post(self, request: Request) -> Response:
        body = NewPlanSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        row = _saved({}, body.validated_data, None)
        audit(request, "add plan", row.name)
        return _answer(row.name, 201)


@extend_schema_view(
    get=described("get_plan", "How a plan is written down", {200: PlanDetailSerializer}, 404),
    patch=described(
        "change_plan",
        "Change a plan",
        {200: PlanDetailSerializer},
        404,
        request=PlanChangeSerializer,
    ),
    delete=described("delete_plan", "Delete a plan; its backups stay", {204: None}, 404),
)
class PlanView(ApiView):
    scopes = dict.fromkeys(("PATCH", "DELETE"), Scope.MANAGE)
    rights = dict.fromkeys(("PATCH", "DELETE"), (VIEW, PLAN))

    def get(self, request: Request, name: str) -> Response:
        return _answer(name)

    def patch(self, request: Request, name: str) -> Response:
        row = _plan_named(name)
        body = PlanChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        row = _saved(_values_of(row), body.validated_data, row)
        audit(request, "change plan", row.name)
        return _answer(row.name)

    def delete(self, request: Request, name: str) -> Response:
        row = _plan_named(name)
        row.delete()
        audit(request, "delete plan", name)
        return Response(status=204)


def _saved(former: Mapping[str, Any], asked: Mapping[str, Any], row: Plan | None) -> Plan:
    """Raises Problem.

    The settings' reader refuses what no plan can be, the page's forms what there is not here.
    """
    values = {**former, **asked}
    for name in ("retention", "drill"):
        if isinstance(values.get(name), Mapping):
            values[name] = _without_none(values[name])
    own = values.get("destination_retention") or {}
    values["destination_retention"] = {place: _without_none(rules) for place, rules in own.items()}
    if values.get("retention") is None:
        values.pop("retention", None)
    name = values.pop("name")
    values["zone"] = values.get("zone") or default_zone()
    try:
        spec = read_plan(name, values, Source.ROW)
    except ConfigurationError as error:
        raise _invalid({"non_field_errors": [str(error)]}) from error
    forms = PlanForms.of(spec, row, _as_form(spec))
    filled = row or Plan()
    if not forms.are_valid() or not _is_all(spec, asked, forms) or not forms.save(filled):
        raise _invalid(_errors(forms))
    return filled


def _without_none(rules: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in rules.items() if value is not None}


def _is_all(spec: PlanSpec, asked: Mapping[str, Any], forms: PlanForms) -> bool:
    """Whether the forms took all of it: a page shows no field that would have no effect."""
    row = Plan()
    try:
        forms.fill(row)
    except ConfigurationError:
        return True  # saving it says so
    taken, there = spec_of(row), set(forms.plan.known["databases"])
    lost = [
        item.name
        for item in dataclasses.fields(PlanSpec)
        if item.name in asked and getattr(taken, item.name) != getattr(spec, item.name)
    ]
    if not set(spec.databases) <= there:  # of rows, no form has asked for it
        lost.append("databases")
    for name in lost:
        forms.plan.add_error(None, f"{name}: {_NOT_TAKEN}")
    return not lost


def _as_form(spec: PlanSpec) -> dict[str, Any]:
    """What the page's forms would send for it."""
    begin, end = spec.drill.window or (None, None)
    ours = {
        "name": spec.name,
        "enabled": spec.enabled,
        "kind": spec.kind,
        "app": spec.app,
        "databases": list(spec.databases),
        "excluded": [],
        "more_excluded": "\n".join(spec.excluded),
        "compression": spec.compression,
        "encrypt_to": "\n".join(spec.encrypt_to),
        "archive": spec.archive,
        "skip_unchanged": spec.skip_unchanged,
        "destinations": list(spec.destinations),
        "every": spec.drill.every,
        "days": spec.drill.days,
        "begin": f"{begin:%H:%M}" if begin else "",
        "end": f"{end:%H:%M}" if end else "",
        "grace": int(spec.grace.total_seconds() // 60),
        "when-repeat": "cron" if spec.schedule else "never",
        "when-cron": spec.schedule.cron if spec.schedule else "",
        "when-zone": spec.schedule.zone if spec.schedule else "",
        "keep-keep": "rules" if spec.retention else "everything",
    }
    for place, policy in spec.destination_retention.items():
        ours |= {f"keep-{place}-own": True, **_rules(f"keep-{place}", policy)}
    return {**ours, **_rules("keep", spec.retention)}


def _rules(prefix: str, policy: RetentionPolicy | None) -> dict[str, Any]:
    found = policy.as_dict() if policy else {}
    return {f"{prefix}-{name}": value for name, value in found.items()}


def _errors(forms: PlanForms) -> dict[str, list[str]]:
    """By the members that were sent, what the page says at its fields."""
    found: dict[str, list[str]] = {}
    for name, errors in forms.plan.errors.items():
        found.setdefault(_IN_FORMS.get(name, name), []).extend(map(str, errors))
    of_others: dict[str, Sequence[Form]] = {
        "schedule": [forms.schedule],
        "retention": [forms.retention],
        "destination_retention": forms.places,
    }
    for name, others in of_others.items():
        for form in others:
            for errors in form.errors.values():
                found.setdefault(name, []).extend(map(str, errors))
    return found


def _invalid(errors: dict[str, list[str]]) -> Problem:
    return Problem(400, "invalid", _INVALID, errors=errors)
