"""A plan's form: a new one, or one that is saved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.db import IntegrityError, router, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.generic import View

from trustbackup.exceptions import ConfigurationError
from trustbackup.models import Destination, Plan
from trustbackup.operations.plans.spec import default_zone, spec_of, usual_plan
from trustbackup.policy.plan import PlanSpec
from trustbackup.views import notices
from trustbackup.views.base import PLAN, VIEW, Page
from trustbackup.views.labels import translate
from trustbackup.views.plans.buttons import saved
from trustbackup.views.plans.form import PlanForm
from trustbackup.views.plans.retention_form import PlaceRetentionForm, PlanRetentionForm
from trustbackup.views.plans.schedule_form import ScheduleForm
from trustbackup.views.responses import audit


@dataclass(frozen=True, kw_only=True)
class PlanForms:
    """The forms that together are a plan's."""

    plan: PlanForm
    schedule: ScheduleForm
    retention: PlanRetentionForm
    places: list[PlaceRetentionForm]

    @classmethod
    def of(cls, spec: PlanSpec, row: Plan | None, data: Any = None) -> PlanForms:  # noqa: ANN401
        own = spec.destination_retention
        names = Destination.objects.values_list("name", flat=True)
        return cls(
            plan=PlanForm(data, spec=spec, row=row),
            schedule=ScheduleForm(data, schedule=spec.schedule),
            retention=PlanRetentionForm(data, policy=spec.retention),
            places=[PlaceRetentionForm(data, place=name, policy=own.get(name)) for name in names],
        )

    @property
    def has_errors(self) -> bool:
        forms = [self.plan, self.schedule, self.retention, *self.places]
        return any(form.is_bound and form.errors for form in forms)

    def are_valid(self) -> bool:
        forms = [self.plan, self.schedule, self.retention, *self.places]
        wrong = [form for form in forms if not form.is_valid()]  # each says what is wrong with it
        return not wrong

    def fill(self, row: Plan) -> None:
        """Write into a row what valid forms hold. Raises ConfigurationError."""
        schedule, policy = self.schedule.schedule, self.retention.policy
        values = {
            **self.plan.values(),
            "schedule": schedule.cron if schedule else "",
            "zone": schedule.zone if schedule and schedule.zone != default_zone() else "",
            "retention": policy.as_dict() if policy else None,
            "destination_retention": {
                form.place: form.policy.as_dict() for form in self.places if form.policy
            },
        }
        if row.name != values["name"]:
            row.scheduled_at = None  # its due times are under the old name: it begins anew
        for name, value in values.items():
            setattr(row, name, value)
        spec_of(row)

    def save(self, row: Plan) -> bool:
        """Whether the row, new or not, now is what valid forms hold; else one says what is wrong
        with it, and nothing was written."""
        try:
            self.fill(row)
            with transaction.atomic(router.db_for_write(Plan)):
                row.save()
        except ConfigurationError as error:
            self.plan.add_error(None, translate(error))
            return False
        except IntegrityError:  # somebody else was quicker
            self.plan.add_error("name", _("There is a plan of this name already."))
            return False
        return True


class PlanEditView(Page, View):
    """The form of one, new or saved (``name``)."""

    permission_required = (VIEW, PLAN)

    def get(self, request: HttpRequest, name: str = "") -> HttpResponse:
        row = saved(name) if name else None
        spec, problem = _spec(row)
        return self._page(PlanForms.of(spec, row), row, problem=problem)

    def post(self, request: HttpRequest, name: str = "") -> HttpResponse:
        row = saved(name) if name else None
        forms = PlanForms.of(_spec(row)[0], row, request.POST)
        if "look" in request.POST:
            forms.schedule.is_valid()
            return self._page(forms, row, looking=True)
        if not forms.are_valid():
            return self._page(forms, row, status=422)
        filled = row or Plan()
        if not forms.save(filled):
            return self._page(forms, row, status=422)
        audit(request, "change plan" if row else "add plan", filled.name)
        notices.success(request, _("Plan %(name)s was saved.") % {"name": filled.name})
        return redirect("trustbackup:plan", name=filled.name)

    def _page(
        self,
        forms: PlanForms,
        row: Plan | None,
        *,
        problem: str = "",
        looking: bool = False,
        status: int = 200,
    ) -> HttpResponse:
        name = self.kwargs.get("name", "")
        context = self.get_context_data(
            forms=forms,
            name=name,
            problem=problem,
            looking=looking,
            title=_("Change plan %(name)s") % {"name": name} if row else _("New plan"),
        )
        return render(self.request, "settings/backups/plan_form.html", context, status=status)


def _spec(row: Plan | None) -> tuple[PlanSpec, str]:
    """What a row says; where it can't be followed, what a new plan would, and why."""
    if row is None:
        return replace(usual_plan(), name=""), ""
    try:
        return spec_of(row), ""
    except ConfigurationError as error:
        return replace(usual_plan(), name=row.name), error.args[0]
