"""Runs: how far they are, what they said, stopping them; and the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.generic import DetailView, View

from trustbackup import phrases
from trustbackup.models import AuditEvent, Run
from trustbackup.phrases import joined
from trustbackup.runs.queue import cancel, fail_stale_runs
from trustbackup.views import labels, notices
from trustbackup.views.backups.listing import Listing
from trustbackup.views.base import ADD, CHANGE, DELETE, DESTINATION, RESTORE, VIEW, Page, has_right
from trustbackup.views.destinations.connection_test import ACTION as TEST
from trustbackup.views.destinations.connection_test import form_of_test, result_of
from trustbackup.views.forms import ActivityForm
from trustbackup.views.responses import find_run

RIGHTS = {
    "create": ADD,
    "upload": ADD,
    "copy": CHANGE,
    "fetch": CHANGE,
    "verify": CHANGE,
    "verify_copy": CHANGE,
    "drill": CHANGE,
    "prove key": CHANGE,
    "scrub": CHANGE,
    "sync": CHANGE,
    "prune": DELETE,
    "test destination": DESTINATION,
    "notify": DESTINATION,
    "test notification": DESTINATION,
}
"""The right to start such a run is the right to stop it; of others, the right to restore."""


class ActivityView(Listing):
    """All runs, newest first, and the last of the audit trail."""

    model = Run
    template_name = "settings/backups/activity.html"
    context_object_name = "runs"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ANN401
        fail_stale_runs()
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Run]:
        self.filters = ActivityForm(self.request.GET)
        self.filters.is_valid()
        wanted = self.filters.cleaned_data
        chosen = {"action": wanted.get("verb"), "state": wanted.get("state")}
        return Run.objects.filter(**{name: value for name, value in chosen.items() if value})

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
        fail_stale_runs()
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        may_cancel = has_right(self.request, RIGHTS.get(self.object.action, RESTORE))
        databases = self.object.outcome.get("databases") or []
        return super().get_context_data(
            **kwargs,
            may_cancel=may_cancel,
            # All of a restore is undone at once, whichever of it is named.
            result=result_of(self.object) if self.object.action == TEST else None,
            notes=[
                joined([item["alias"], phrases.loads(note)], ": ")
                for item in databases
                for note in item.get("notes", ())
            ]
            + self.object.outcome.get("hooks", []),
            undo=next((item["undo"] for item in databases if item.get("undo")), ""),
            title=labels.run_title(self.object.action),
        )


class RunProgressView(RunView):
    """Only the part that changes, for a page that asks again and again."""

    template_name = "settings/backups/progress.html"


class RunCancelView(Page, View):
    """Stop a run."""

    http_method_names = ["post"]

    def get_permission_required(self) -> Sequence[str]:
        run = Run.objects.filter(pk=self.kwargs["pk"]).first()
        return [VIEW, RIGHTS.get(run.action, RESTORE) if run else ADD]

    def post(self, request: HttpRequest, pk: str) -> HttpResponseRedirect:
        run = find_run(pk)
        if run.is_active:
            cancel(run)
            notices.info(request, _("The run is being stopped."))
        return redirect(form_of_test(request, run) or reverse("trustbackup:run", args=[run.pk]))
