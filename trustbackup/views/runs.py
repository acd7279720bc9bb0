"""Runs: how far they are, what they said, stopping them; and the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.generic import DetailView, ListView, View

from trustbackup.models import AuditEvent, Run
from trustbackup.runs.engine import cancel, end_lost_runs
from trustbackup.views.access import ADD, CHANGE, RESTORE, VIEW, Page


def right_to_cancel(run: Run) -> str:
    """Whoever may start such a run may stop it; of what changes a database, restorers."""
    return {"create": ADD, "verify": CHANGE, "drill": CHANGE}.get(run.verb, RESTORE)


class ActivityView(Page, ListView):  # type: ignore[type-arg]
    """All runs, newest first, and the last of the audit trail."""

    model = Run
    template_name = "settings/backups/activity.html"
    context_object_name = "runs"
    paginate_by = 20

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ANN401
        end_lost_runs()
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        return super().get_context_data(
            **kwargs, events=AuditEvent.objects.all()[:50], title=_("Activity")
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
        may_cancel = self.request.user.has_perms([VIEW, right_to_cancel(self.object)])
        return super().get_context_data(**kwargs, may_cancel=may_cancel, title=_("Run"))


class RunProgressView(RunView):
    """Only the part that changes, for a page that asks again and again."""

    template_name = "settings/backups/progress.html"


class RunCancelView(Page, View):
    """Stop a run."""

    http_method_names = ["post"]

    def get_permission_required(self) -> Sequence[str]:
        run = Run.objects.filter(pk=self.kwargs["pk"]).first()
        return [VIEW, right_to_cancel(run) if run else ADD]

    def post(self, request: HttpRequest, pk: str) -> HttpResponseRedirect:
        run = get_object_or_404(Run, pk=pk)
        if run.is_active:
            cancel(run)
            messages.info(request, _("The run is being stopped."))
        return redirect("trustbackup:run", pk=run.pk)
