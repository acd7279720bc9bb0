"""A connection test on the page: a run, followed on the form that it tests."""

from __future__ import annotations

import time
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.generic import View

from trustbackup.destinations.base import Step
from trustbackup.models import Run
from trustbackup.operations.offsite.connection_test import ConnectionTestResult
from trustbackup.phrases import gettext as _
from trustbackup.runs.queue import fail_stale_runs, start
from trustbackup.views.base import DESTINATION, VIEW, Page, actor_of, address_of
from trustbackup.views.destinations.draft import owner_of
from trustbackup.views.responses import find_run

ACTION = "test destination"
WAIT_SECONDS = 5.0
"""So long the answer waits for the end of a test, which most have reached by then."""
_LOOK_EVERY = 0.1


def start_test(
    request: HttpRequest, asked: dict[str, Any], target: str, action: str = ACTION
) -> Run:
    """Start it, and wait a moment for its end. Raises TrustbackupError."""
    run, _new = start(
        action, asked, actor=actor_of(request), address=address_of(request), target=target
    )
    until = time.monotonic() + WAIT_SECONDS
    run.refresh_from_db()
    while run.is_active and time.monotonic() < until:
        time.sleep(_LOOK_EVERY)
        run.refresh_from_db()
    return run


def result_of(run: Run | None) -> ConnectionTestResult | None:
    """How a test ended; None while it goes on."""
    if run is None or run.is_active:
        return None
    result = ConnectionTestResult.from_outcome(run.outcome)
    if result.steps:
        return result
    why = run.error
    if run.state == Run.State.CANCELLED or not why:
        why = _("The test was stopped.")
    return ConnectionTestResult([Step("connection", ok=False, seconds=run.seconds, detail=why)])


def form_of_test(request: HttpRequest, run: Run) -> str:
    """The address of the form that a run tests for this visitor, as it stood; "" for none."""
    owner = owner_of(request, str(run.pk))
    if not owner:
        return ""
    kind = owner.removeprefix("/")
    name = "add_destination" if kind != owner else "destination"
    return f"{reverse(f'trustbackup:{name}', args=[kind])}?test={run.pk}"


class TestProgressView(Page, View):
    """Only the part of the form that changes, for a page that asks again and again."""

    permission_required = (VIEW, DESTINATION)

    def get(self, request: HttpRequest, pk: str) -> HttpResponse:
        fail_stale_runs()
        run = find_run(pk, ACTION)
        context = self.get_context_data(test=run, result=result_of(run))
        return render(request, "settings/backups/test.html", context)
