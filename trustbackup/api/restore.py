"""Going back to a backup, and taking that back."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from trustbackup.api.base import ApiView
from trustbackup.api.described import IDEMPOTENCY_KEY, described
from trustbackup.api.problems import Problem
from trustbackup.api.restore_serializers import (
    RestorePlanQuery,
    RestorePlanSerializer,
    RestoreSerializer,
    UndoSerializer,
)
from trustbackup.api.restoring import PlannedRestore, Wanted, plan_wanted
from trustbackup.api.serializers import RunSerializer, WaitQuery
from trustbackup.api.starting import start_run
from trustbackup.api.trail import token_of
from trustbackup.models import AccessToken
from trustbackup.operations.context import Context
from trustbackup.operations.restore.doors import API, closed_because
from trustbackup.operations.restore.sessions import hash_of
from trustbackup.operations.restore.undo import find_undoable
from trustbackup.views.base import RESTORE, VIEW, takes_secrets
from trustbackup.views.confirmation import ConfirmForm, names_to_type

Scope = AccessToken.Scope
_STARTED = {200: RunSerializer, 202: RunSerializer}
_HOW = [WaitQuery, IDEMPOTENCY_KEY]


def _wanted(asked: dict[str, Any]) -> Wanted:
    return Wanted(
        parts=tuple(asked["parts"]),
        strategy=asked["strategy"] or "",
        migrate=asked.get("migrate", False),
        mode=asked["mode"] or "",
    )


@extend_schema_view(
    get=described(
        "plan_restore",
        "What a restore would do",
        {200: RestorePlanSerializer},
        400,
        404,
        parameters=[RestorePlanQuery],
    )
)
class PlanOfRestoreView(ApiView):
    rights = {"GET": (VIEW, RESTORE)}

    def get(self, request: Request, identifier: str) -> Response:
        query = RestorePlanQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        plan = plan_wanted(identifier, _wanted(query.validated_data))
        return Response(RestorePlanSerializer(plan).data)


class _RestoringView(ApiView):
    """Where the site lets its API do so."""

    scopes = {"POST": Scope.RESTORE}
    rights = {"POST": (VIEW, RESTORE)}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().initial(request, *args, **kwargs)
        if (reason := closed_because(API)) is not None:
            raise Problem(403, "restore_closed", str(reason))


@extend_schema_view(
    post=described(
        "restore_backup",
        "Go back to a backup",
        _STARTED,
        404,
        422,
        request=RestoreSerializer,
        parameters=_HOW,
    )
)
@takes_secrets
class RestoreView(_RestoringView):
    def post(self, request: Request, identifier: str) -> Response:
        body = RestoreSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data

        def prepare() -> tuple[dict[str, Any], str]:
            plan = plan_wanted(identifier, _wanted(asked))
            if plan.refusals:
                raise Problem(409, "refused", " ".join(map(str, plan.refusals)))
            form = plan.form(request, _typed(asked), names_only=token_of(request) is not None)
            session = _confirmed(request, form, _also_shown(plan, asked))
            confirmed = {"session": session, "environment": plan.environment}
            return {**plan.options, **confirmed}, plan.entry.id

        return start_run(request, "restore", prepare)


def _also_shown(plan: PlannedRestore, asked: dict[str, Any]) -> dict[str, list[str]]:
    """What is wrong with it when rows of other apps fare otherwise than was looked at."""
    if asked["shown"] == plan.shown or not plan.shown:
        return {}
    return {"shown": ["Rows of other apps change with these: send what the plan has as `shown`."]}


def _typed(asked: dict[str, Any]) -> dict[str, str]:
    of_restore = {"environment": asked.get("environment", "")}
    return {"typed": asked["confirm"], "password": asked["password"], **of_restore}


def _confirmed(request: Request, form: ConfirmForm, more: dict[str, list[str]]) -> str:
    """The session that stays; "" for a token. Raises Problem.

    A session may be in other hands: it shows what it shows on the page. A token that may restore
    was made for that, and only says that it means this.
    """
    errors = dict(more)
    if not form.is_valid():
        names = {"typed": "confirm", "__all__": "password"}
        for name, found in form.errors.items():
            errors[names.get(name, name)] = list(map(str, found))
    if errors:
        raise Problem(
            409, "not_confirmed", "Nothing was done: this is not confirmed.", errors=errors
        )
    session = getattr(request, "session", None)
    return hash_of(session.session_key) if token_of(request) is None and session else ""


@extend_schema_view(
    post=described(
        "undo_restore",
        "Take a restore back",
        _STARTED,
        404,
        422,
        request=UndoSerializer,
        parameters=_HOW,
    )
)
@takes_secrets
class UndoView(_RestoringView):
    def post(self, request: Request) -> Response:
        body = UndoSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data

        def prepare() -> tuple[dict[str, Any], str]:
            entries = find_undoable(Context.current(), asked["restore"])
            form = ConfirmForm(
                names_to_type([entry.alias for entry in entries]),
                request,
                _typed(asked),
                has_folders=any(entry.is_folder for entry in entries),
                names_only=token_of(request) is not None,
            )
            session = _confirmed(request, form, {})
            restore = entries[0].restore
            return {"restore": restore, "session": session}, restore

        return start_run(request, "undo", prepare)
