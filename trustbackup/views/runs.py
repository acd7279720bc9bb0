"""Runs: how far they are, what they said, stopping them; and the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.generic import DetailView, View

from trustbackup.models import AuditEvent, Run
from trustbackup.runs.engine import cancel, end_lost_runs
from trustbackup.views import words
from trustbackup.views.access import ADD, CHANGE, RESTORE, VIEW, Page
from trustbackup.views.forms import ActivityForm
from trustbackup.views.listing import Listing

RIGHTS = {
    "create": ADD,
    "copy": CHANGE,
    "fetch": CHANGE,
    "verify": CHANGE,
    "verify_copy": CHANGE,
    "drill": CHANGE,
}
"""Whoever may start such a run may stop it; what changes a database, who may restore."""


class ActivityView(Listing):
    """All runs, newest first, and the last of the audit trail."""

    model = Run
    template_name = "settings/backups/activity.html"
    context_object_name = "runs"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ANN401
        end_lost_runs()
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Run]:
        self.filters = ActivityForm(self.request.GET)
        self.filters.is_valid()
        chosen = self.filters.cleaned_data.items()
        return Run.objects.filter(**{name: value for name, value in chosen if value})

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        return super().get_context_data(
            **kwargs,
            filters=self.filters,
            query=self.query("page"),
            events=AuditEvent.objects.all()[:50],
            title=_("Activity"),
        )


class RunView(Page, DetailView):  # type: ignore[type-arg]
    """One run; while it goes on, the page follows it."""

    model = Run
    template_name = "settings/backups/run.html"
    context_object_name = "run"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ANN401
        end_lost_runs()
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        may_cancel = self.request.user.has_perm(RIGHTS.get(self.object.verb, RESTORE))
        return super().get_context_data(
            **kwargs, may_cancel=may_cancel, title=words.run_title(self.object.verb)
        )


class RunProgressView(RunView):
    """Only the part that changes, for a page that asks again and again."""

    template_name = "settings/backups/progress.html"


class RunCancelView(Page, View):
    """Stop a run."""

    http_method_names = ["post"]

    def get_permission_required(self) -> Sequence[str]:
        run = Run.objects.filter(pk=self.kwargs["pk"]).first()
        return [VIEW, RIGHTS.get(run.verb, RESTORE) if run else ADD]

    def post(self, request: HttpRequest, pk: str) -> HttpResponseRedirect:
        run = Run.objects.filter(pk=pk).first()
        if run is None:
            raise Http404(_("There is no such run."))
        if run.is_active:
            cancel(run)
            messages.info(request, _("The run is being stopped."))
        return redirect("trustbackup:run", pk=run.pk)
