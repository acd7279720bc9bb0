"""What a plan's buttons do: switch it on or off, run it now, delete it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.generic import View

from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Backup, Plan
from trustbackup.operations.plans.spec import suggested_plan
from trustbackup.operations.plans.switch import saved_plan, switch_plan
from trustbackup.views import notices
from trustbackup.views.base import ADD, PLAN, VIEW, Page
from trustbackup.views.labels import translate
from trustbackup.views.plans.pages import find, no_such_plan
from trustbackup.views.responses import audit, start_run_response


class PlanSwitchView(Page, View):
    """Switch a saved plan on or off: whichever the button said."""

    permission_required = (VIEW, PLAN)
    http_method_names = ["post"]

    def post(self, request: HttpRequest, name: str) -> HttpResponseRedirect:
        row, on = saved(name), "on" in request.POST
        if row.enabled != on:
            try:
                switch_plan(name, on=on)
            except TrustbackupError as error:
                notices.error(request, translate(error))
                return redirect("trustbackup:plan", name=name)
            audit(request, "switch on plan" if on else "switch off plan", name)
        text = _("Plan %(name)s is on.") if on else _("Plan %(name)s is off: it runs no more.")
        notices.success(request, text % {"name": name})
        return redirect("trustbackup:plans")


class PlanAcceptView(Page, View):
    """Save the plan that a new site is offered, switched on."""

    permission_required = (VIEW, PLAN)
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponseRedirect:
        spec = suggested_plan()
        if spec is None:
            notices.info(request, _("There is a plan already."))
        else:
            switch_plan(spec.name, on=True)
            audit(request, "add plan", spec.name)
            notices.success(request, _("Plan %(name)s is on.") % {"name": spec.name})
        return redirect("trustbackup:plans")


class PlanRunView(Page, View):
    """Run a plan now, whether it is due or not, on or off."""

    permission_required = (VIEW, ADD)
    http_method_names = ["post"]

    def post(self, request: HttpRequest, name: str) -> HttpResponseRedirect:
        spec, problem = find(name)
        if spec is None:
            notices.error(request, translate(problem))
            return redirect("trustbackup:plan", name=name)
        return start_run_response(request, "create", {"plan": name}, plan=name)


class PlanDeleteView(Page, View):
    """Delete a plan, after a page that asks; its backups stay, under the rules they have."""

    permission_required = (VIEW, PLAN)
    http_method_names = ["post"]

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        row = saved(name)
        if "confirmed" not in request.POST:
            context = self.get_context_data(
                plan=row,
                backups=Backup.objects.filter(plan=name).count(),
                title=_("Delete plan %(name)s?") % {"name": name},
            )
            return render(request, "settings/backups/delete_plan.html", context)
        row.delete()
        audit(request, "delete plan", name)
        notices.success(request, _("Plan %(name)s was deleted; its backups stay.") % {"name": name})
        return redirect("trustbackup:plans")


def saved(name: str) -> Plan:
    """A plan's row. Raises Http404, and UsageError for one that stands in the settings alone."""
    row = saved_plan(name)
    if row is None:
        raise no_such_plan()
    return row
