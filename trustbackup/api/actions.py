"""What is done with backups and runs besides: check, drill, cancel."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from trustbackup.api.base import ApiView
from trustbackup.api.described import IDEMPOTENCY_KEY, described
from trustbackup.api.runs import run_named
from trustbackup.api.serializers import (
    RunSerializer,
    VerifySerializer,
    WaitQuery,
)
from trustbackup.api.starting import start_run
from trustbackup.models import AccessToken
from trustbackup.operations.context import Context
from trustbackup.runs.queue import cancel
from trustbackup.views.base import ADD, CHANGE, RESTORE, VIEW
from trustbackup.views.runs import RIGHTS

Scope = AccessToken.Scope
_STARTED = {200: RunSerializer, 202: RunSerializer}
_HOW = [WaitQuery, IDEMPOTENCY_KEY]


@extend_schema_view(
    post=described(
        "verify_backup",
        "Check a backup, or prove by a drill that it restores",
        _STARTED,
        404,
        422,
        request=VerifySerializer,
        parameters=_HOW,
    )
)
class VerifyView(ApiView):
    scopes = {"POST": Scope.CREATE}
    rights = {"POST": (VIEW, CHANGE)}

    def post(self, request: Request, identifier: str) -> Response:
        body = VerifySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        action = "drill" if body.validated_data["drill"] else "verify"

        def prepare() -> tuple[dict[str, Any], str]:
            name = Context.current().folder.find(identifier).id
            return {"backups": [name]}, name

        return start_run(request, action, prepare)


@extend_schema_view(
    post=described("cancel_run", "Stop a run", {202: RunSerializer}, 404, request=None)
)
class CancelView(ApiView):
    """Needs the right to start such a run, and any scope that starts one of this kind."""

    def needs(self, request: Request) -> tuple[str, Any]:
        run = run_named(self.kwargs["pk"])
        right = RIGHTS.get(run.action, RESTORE)
        scope = {ADD: Scope.CREATE, CHANGE: Scope.CREATE, RESTORE: Scope.RESTORE}
        return scope.get(right, Scope.MANAGE), (VIEW, right)

    def post(self, request: Request, pk: str) -> Response:
        run = run_named(pk)
        if run.is_active:
            cancel(run)
        return Response(RunSerializer(run_named(pk)).data, 202)
