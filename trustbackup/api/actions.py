"""What is done with backups: check, drill, restore, undo, cancel."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from trustbackup.api.base import ApiView
from trustbackup.api.described import IDEMPOTENCY_KEY, described
from trustbackup.api.problems import Problem
from trustbackup.api.runs import run_named
from trustbackup.api.serializers import (
    RestorePlanSerializer,
    RestoreSerializer,
    RunSerializer,
    UndoSerializer,
    VerifySerializer,
    WaitQuery,
)
from trustbackup.api.starting import start_run
from trustbackup.api.trail import token_of
from trustbackup.models import AccessToken
from trustbackup.operations.context import Context
from trustbackup.operations.restore.doors import API, closed_because
from trustbackup.operations.restore.plan import RestorePlan, plan_restore
from trustbackup.operations.restore.sessions import hash_of
from trustbackup.operations.restore.undo import find_undoable
from trustbackup.runs.queue import cancel
from trustbackup.views.base import ADD, CHANGE, RESTORE, VIEW, takes_secrets
from trustbackup.views.confirmation import ConfirmForm, names_to_type
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
    get=described("plan_restore", "What a restore would do", {200: RestorePlanSerializer}, 404)
)
class PlanOfRestoreView(ApiView):
    rights = {"GET": (VIEW, RESTORE)}

    def get(self, request: Request, identifier: str) -> Response:
        plan = plan_restore(_id_of(identifier), hashes=False)
        plan_data = RestorePlanSerializer(_Shown(plan)).data
        return Response(plan_data)


def _id_of(identifier: str) -> str:
    """No path: what lies elsewhere on this machine is nothing for an address. Raises
    BackupNotFound."""
    return Context.current().folder.find(identifier).id


class _Shown:
    """A plan, with what must be sent to confirm it."""

    def __init__(self, plan: RestorePlan) -> None:
        self.plan = plan
        self.confirm = _names(plan)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self.plan, name)


def _names(plan: RestorePlan) -> str:
    return names_to_type([part.alias for part in plan.parts])


def _confirmed(request: Request, expected: str, body: dict[str, Any]) -> str:
    """The session that stays; "" for a token. Raises Problem.

    A session may be in other hands: it shows what it shows on the page. A token that may restore
    was made for that, and only says that it means this database.
    """
    form = ConfirmForm(expected, request, {"typed": body["confirm"], "password": body["password"]})
    if token_of(request) is not None:
        form = _OnlyNames(expected, request, {"typed": body["confirm"]})
    if not form.is_valid():
        errors = {
            {"typed": "confirm", "__all__": "password"}.get(field, field): list(map(str, found))
            for field, found in form.errors.items()
        }
        raise Problem(
            409, "not_confirmed", "Nothing was done: this is not confirmed.", errors=errors
        )
    session = getattr(request, "session", None)
    return hash_of(session.session_key) if token_of(request) is None and session else ""


class _OnlyNames(ConfirmForm):
    """For who has no password here, and no session to sign in anew."""

    def __init__(self, expected: str, request: Request, data: dict[str, str]) -> None:
        super().__init__(expected, request, data)
        self.fields.pop("password", None)

    def clean(self) -> dict[str, Any]:
        return self.cleaned_data


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
            plan = plan_restore(_id_of(identifier), hashes=False)
            if plan.refusals:
                raise Problem(409, "refused", " ".join(map(str, plan.refusals)))
            session = _confirmed(request, _names(plan), asked)
            how = {"strategy": asked["strategy"] or "", "migrate": asked["migrate"]}
            return {"backup": plan.entry.id, **how, "session": session}, plan.entry.id

        return start_run(request, "restore", prepare)


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

        def prepare() -> tuple[dict[str, Any], str]:
            entries = find_undoable(Context.current(), body.validated_data["restore"])
            expected = names_to_type([entry.alias for entry in entries])
            session = _confirmed(request, expected, body.validated_data)
            restore = entries[0].restore
            return {"restore": restore, "session": session}, restore

        return start_run(request, "undo", prepare)


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
