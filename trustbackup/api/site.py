"""The site: is it safe, what goes on, and what describes the API."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from trustbackup.api.base import ApiView
from trustbackup.api.described import described
from trustbackup.api.description import shipped
from trustbackup.api.problems import Problem
from trustbackup.api.serializers import (
    HealthSerializer,
    RunSerializer,
    StatusSerializer,
)
from trustbackup.models import Run
from trustbackup.operations.context import Context
from trustbackup.operations.health import site_health
from trustbackup.runs.queue import fail_stale_runs
from trustbackup.store import catalog
from trustbackup.views.monitoring import STATUS


def _health() -> dict[str, str]:
    catalog.synchronise_if_changed(Context.current().folder)
    health = site_health()
    return {"status": STATUS[health.level], "sentence": str(health.sentence)}


@extend_schema_view(get=described("get_health", "Is this site safe?", {200: HealthSerializer}))
class HealthView(ApiView):
    def get(self, request: Request) -> Response:
        return Response(_health())


@extend_schema_view(get=described("get_status", "What goes on now", {200: StatusSerializer}))
class StatusView(ApiView):
    def get(self, request: Request) -> Response:
        fail_stale_runs()
        last = Run.objects.first()
        return Response(
            {
                **_health(),
                "runs": RunSerializer(Run.objects.active(), many=True).data,
                "last": RunSerializer(last).data if last else None,
            }
        )


@extend_schema_view(
    get=described("get_schema", "This description, as OpenAPI 3", {200: OpenApiTypes.OBJECT})
)
class SchemaView(ApiView):
    def get(self, request: Request) -> Response:
        here = reverse("trustbackup:api:schema").removesuffix("/schema/")
        return Response({**shipped(), "servers": [{"url": here}]})


class NothingView(ApiView):
    """An address below the API's that is none of its own."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().initial(request, *args, **kwargs)
        raise Problem(404, "not_found", "There is nothing of this name here.")
