"""Starting a run for who asks, and waiting for its end where that is wished for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, close_old_connections
from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from trustbackup.api.idempotency import once, read_key
from trustbackup.api.problems import Problem
from trustbackup.api.serializers import RunSerializer, WaitQuery
from trustbackup.models import Run
from trustbackup.runs.queue import fail_stale_runs, start
from trustbackup.views.base import actor_of, address_of

_PAUSE = 0.2
"""Seconds between two looks at a run."""


def start_run(
    request: Request,
    action: str,
    prepare: Callable[[], tuple[dict[str, Any], str]],
    *,
    plan: str = "",
    made: int = 200,
    keyed: bool = True,
) -> Response:
    """202 with the run, or ``made`` when it has succeeded within ``?wait=`` seconds.

    ``prepare`` makes the options and the target; with an Idempotency-Key that was seen before it is
    not asked, unless this is not ``keyed``. Raises Problem when the run failed in that time, and
    what ``prepare`` does.
    """
    wait = check_how(request)

    def begin() -> Run:
        options, target = prepare()
        run, _new = start(
            action,
            options,
            actor=actor_of(request),
            address=address_of(request),
            target=target,
            plan=plan,
        )
        return run

    run = _waited_for(once(request, begin) if keyed else begin(), wait)
    if run.state in (Run.State.FAILED, Run.State.CANCELLED):
        raise Problem(
            409, "run_failed", str(run.error) or f"The run is {run.state}.", run=str(run.pk)
        )
    status = 202 if run.is_active else made
    return Response(RunSerializer(run).data, status, headers={"Location": address_of_run(run)})


def check_how(request: Request) -> int:
    """How many seconds to wait. Raises Problem, ValidationError for that or a key that can't be,
    also where no run is to be started: what is described is the same for all of it."""
    query = WaitQuery(data=request.query_params)
    query.is_valid(raise_exception=True)
    read_key(request)
    return int(query.validated_data["wait"])


def address_of_run(run: Run) -> str:
    """Its path on this site."""
    return reverse("trustbackup:api:run", args=[run.pk])


def _waited_for(run: Run, seconds: float) -> Run:
    """The run as it is at its end, or when the time is over."""
    until = time.monotonic() + seconds
    while run.is_active and time.monotonic() < until:
        time.sleep(_PAUSE)
        try:
            fail_stale_runs()
            run = Run.objects.filter(pk=run.pk).first() or run
        except DatabaseError:
            close_old_connections()  # a restore swaps it: it answers again in a moment
    return run
