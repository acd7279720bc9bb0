"""Runs: which there were, and how one goes on."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from trustbackup.api.backups import listed
from trustbackup.api.base import ApiView
from trustbackup.api.described import described
from trustbackup.api.problems import Problem
from trustbackup.api.serializers import RunPageSerializer, RunQuery, RunSerializer
from trustbackup.models import Run
from trustbackup.runs.queue import fail_stale_runs


def run_named(pk: Any) -> Run:  # noqa: ANN401
    """Raises Problem."""
    run = Run.objects.filter(pk=pk).first()
    if run is None:
        raise Problem(404, "not_found", "There is no such run.")
    return run


@extend_schema_view(
    get=described(
        "list_runs", "List runs", {200: RunPageSerializer}, 400, 404, parameters=[RunQuery]
    )
)
class RunsView(ApiView):
    def get(self, request: Request) -> Response:
        query = RunQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        fail_stale_runs()
        chosen = {name: query.validated_data[name] for name in ("action", "state")}
        found = Run.objects.filter(**{name: value for name, value in chosen.items() if value})
        runs, about = listed(found, query.validated_data)
        return Response({**about, "results": RunSerializer(runs, many=True).data})


@extend_schema_view(get=described("get_run", "How a run goes on", {200: RunSerializer}, 404))
class RunView(ApiView):
    def get(self, request: Request, pk: str) -> Response:
        fail_stale_runs()
        return Response(RunSerializer(run_named(pk)).data)
