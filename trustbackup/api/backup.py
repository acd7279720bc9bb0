"""One backup: all that is known of it, protecting and naming it, deleting it."""

from __future__ import annotations

from collections.abc import Sequence

from drf_spectacular.utils import OpenApiParameter, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from trustbackup.api.backups import with_copies
from trustbackup.api.base import ApiView
from trustbackup.api.described import described
from trustbackup.api.serializers import (
    BackupDetailSerializer,
    ChangeSerializer,
    DeleteQuery,
)
from trustbackup.exceptions import TrustbackupError
from trustbackup.models import AccessToken
from trustbackup.operations.backup.delete import Outcome, delete_backups
from trustbackup.operations.backup.describe import describe_backup
from trustbackup.operations.backup.keep import change_backup, version_of
from trustbackup.operations.context import Context
from trustbackup.runs.recorder import record_event, record_run
from trustbackup.store import catalog
from trustbackup.store.manifest import table_label
from trustbackup.views.base import CHANGE, DELETE, VIEW, actor_of, address_of

Scope = AccessToken.Scope


def _answer(identifier: str) -> Response:
    entry = Context.current().folder.find(identifier)
    # Before all else: what changes in between is refused later, and not overwritten.
    tag = f'"{version_of(entry)}"'
    found = describe_backup(entry.id)
    backup = found.backup
    with_copies([backup])
    backup.label = entry.record().label  # type: ignore[attr-defined]
    known = found.manifest
    backup.environment = known.environment if known else ""  # type: ignore[attr-defined]
    backup.tables = [  # type: ignore[attr-defined]
        {"part": part.part, "table": table_label(table.schema, table.name), "rows": table.rows}
        for part in (found.manifest.parts if found.manifest else ())
        for table in part.tables
    ]
    return Response(BackupDetailSerializer(backup).data, headers={"ETag": tag})


def _expected(request: Request) -> Sequence[str] | None:
    """The versions that the client knows; None for any. A weak tag is none of them.

    https://www.rfc-editor.org/rfc/rfc9110#field.if-match
    """
    sent = request.headers.get("If-Match", "*").strip()
    if sent == "*":
        return None
    tags = [each.strip() for each in sent.split(",")]
    return [tag[1:-1] for tag in tags if len(tag) > 1 and tag[0] == tag[-1] == '"']


@extend_schema_view(
    get=described(
        "get_backup", "All that is known of a backup", {200: BackupDetailSerializer}, 404
    ),
    patch=described(
        "change_backup",
        "Protect a backup or release it; say what it is called",
        {200: BackupDetailSerializer},
        404,
        412,
        request=ChangeSerializer,
        parameters=[
            OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description="Its ETag.")
        ],
    ),
    delete=described(
        "delete_backup", "Delete a backup", {204: None}, 400, 404, parameters=[DeleteQuery]
    ),
)
class BackupView(ApiView):
    scopes = {"PATCH": Scope.MANAGE, "DELETE": Scope.MANAGE}
    rights = {"PATCH": (VIEW, CHANGE), "DELETE": (VIEW, DELETE)}

    def get(self, request: Request, identifier: str) -> Response:
        return _answer(identifier)

    def patch(self, request: Request, identifier: str) -> Response:
        body = ChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        protected = body.validated_data.get("protected")
        label = body.validated_data.get("label")
        name = change_backup(
            Context.current().folder.find(identifier).id,
            protected=protected,
            label=label,
            expected=_expected(request),
        )
        done = [] if protected is None else ["keep" if protected else "release"]
        for action in [*done, *([] if label is None else ["label"])]:
            record_event(action, name, actor=actor_of(request), address=address_of(request))
        catalog.synchronise(Context.current().folder)
        return _answer(name)

    def delete(self, request: Request, identifier: str) -> Response:
        """The last good one of its sort stays unless that is asked for."""
        query = DeleteQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        name = Context.current().folder.find(identifier).id
        actor, address = actor_of(request), address_of(request)
        with record_run("delete", name, actor=actor, address=address) as recorder:
            result = delete_backups([name], last_good_too=query.validated_data["last_good_too"])[0]
            if result.outcome is not Outcome.DELETED:
                raise TrustbackupError(result.error.rstrip("."))
            recorder.outcome["deleted"] = [name]
        return Response(status=204)
