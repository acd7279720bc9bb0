"""Backups: which there are, all that is known of one, protecting, deleting, downloading."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from trustbackup.api.base import ApiView
from trustbackup.api.described import IDEMPOTENCY_KEY, described
from trustbackup.api.problems import Problem
from trustbackup.api.serializers import (
    BackupDetailSerializer,
    BackupPageSerializer,
    BackupQuery,
    BackupSerializer,
    ChangeSerializer,
    CreateSerializer,
    RunSerializer,
    WaitQuery,
)
from trustbackup.api.starting import start_run
from trustbackup.exceptions import TrustbackupError
from trustbackup.models import AccessToken, Backup, Copy
from trustbackup.operations.backup.delete import Outcome, delete_backups
from trustbackup.operations.backup.describe import Description, describe_backup
from trustbackup.operations.backup.keep import keep_backup
from trustbackup.operations.context import Context
from trustbackup.operations.plans.spec import find_plan
from trustbackup.runs.recorder import record_event, record_run
from trustbackup.store import catalog
from trustbackup.store.manifest import table_label
from trustbackup.views.backups.listing import ordering
from trustbackup.views.base import (
    ADD,
    CHANGE,
    DELETE,
    DOWNLOAD,
    VIEW,
    actor_of,
    address_of,
)
from trustbackup.views.forms import CreateForm
from trustbackup.views.sending import goes_out, send_file

Scope = AccessToken.Scope
_TOO_LATE = "This backup was changed since you read it: read it again."


def listed(found: QuerySet[Any], query: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """One page of it, and what is said about that. Raises Problem for a page behind the last."""
    paginator = Paginator(found, query["page_size"])
    number = query["page"]
    if number > paginator.num_pages:
        raise Problem(404, "not_found", f"There is no page {number}.")
    page = paginator.page(number)
    following = page.next_page_number() if page.has_next() else None
    return list(page.object_list), {"count": paginator.count, "next": following}


def with_copies(backups: Iterable[Backup]) -> None:
    """Give each of them its ``copies``; one query for all."""
    shown = {backup.identifier: backup for backup in backups}
    for backup in shown.values():
        backup.copies = []
    for copy in Copy.objects.of(*shown):
        shown[copy.identifier].copies.append(copy)


@extend_schema_view(
    get=described(
        "list_backups",
        "List backups",
        {200: BackupPageSerializer},
        400,
        404,
        parameters=[BackupQuery],
    ),
    post=described(
        "create_backup",
        "Back up now",
        {201: RunSerializer, 202: RunSerializer},
        422,
        request=CreateSerializer,
        parameters=[WaitQuery, IDEMPOTENCY_KEY],
    ),
)
class BackupsView(ApiView):
    scopes = {"POST": Scope.CREATE}
    rights = {"POST": (VIEW, ADD)}

    def get(self, request: Request) -> Response:
        query = BackupQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        catalog.synchronise_if_changed(Context.current().folder)
        backups, about = listed(_chosen(query.validated_data), query.validated_data)
        with_copies(backups)
        return Response({**about, "results": BackupSerializer(backups, many=True).data})

    def post(self, request: Request) -> Response:
        body = CreateSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        plan = body.validated_data["plan"]
        return start_run(
            request,
            "create",
            lambda: (_options(body.validated_data), ""),
            plan=plan,
            made=201,
        )


def _chosen(query: dict[str, Any]) -> QuerySet[Backup]:
    found = Backup.objects.created_between(query["since"], query["until"])
    if text := query["text"]:
        found = found.named_like(text)
    if alias := query["database"]:
        found = found.of_database(alias)
    for name in ("state", "kind", "plan"):
        if query[name]:
            found = found.filter(**{name: query[name]})
    return found.order_by(*ordering(query["order"]))


def _options(body: dict[str, Any]) -> dict[str, Any]:
    """What a run is asked for, by the page's own form. Raises Problem, UsageError."""
    if body["plan"]:
        return {"plan": find_plan(body["plan"]).name}
    given = {name: body[name] for name in ("name", "databases", "app", "compression")}
    form = CreateForm({"type": body["kind"], "keep": body["protect"], **given})
    if not form.is_valid():
        names = {"type": "kind", "keep": "protect", "__all__": "kind"}
        errors = {
            names.get(field, field): list(map(str, found)) for field, found in form.errors.items()
        }
        raise Problem(400, "invalid", "What was asked for can't be done like this.", errors=errors)
    return form.options()


def etag_of(backup: Backup) -> str:
    """Changes whenever one of its files does."""
    return f'"{backup.fingerprint}"'


def _answer(found: Description) -> Response:
    backup = found.backup
    with_copies([backup])
    backup.tables = [  # type: ignore[attr-defined]
        {"part": part.part, "table": table_label(table.schema, table.name), "rows": table.rows}
        for part in (found.manifest.parts if found.manifest else ())
        for table in part.tables
    ]
    return Response(BackupDetailSerializer(backup).data, headers={"ETag": etag_of(backup)})


@extend_schema_view(
    get=described(
        "get_backup", "All that is known of a backup", {200: BackupDetailSerializer}, 404
    ),
    patch=described(
        "change_backup",
        "Protect a backup, or release it",
        {200: BackupDetailSerializer},
        404,
        412,
        request=ChangeSerializer,
        parameters=[
            OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description="Its ETag.")
        ],
    ),
    delete=described("delete_backup", "Delete a backup", {204: None}, 404),
)
class BackupView(ApiView):
    scopes = {"PATCH": Scope.MANAGE, "DELETE": Scope.MANAGE}
    rights = {"PATCH": (VIEW, CHANGE), "DELETE": (VIEW, DELETE)}

    def get(self, request: Request, identifier: str) -> Response:
        return _answer(describe_backup(identifier))

    def patch(self, request: Request, identifier: str) -> Response:
        body = ChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        backup = describe_backup(identifier).backup
        wanted = request.headers.get("If-Match", "*")
        if wanted != "*" and etag_of(backup) not in [each.strip() for each in wanted.split(",")]:
            raise Problem(412, "changed_meanwhile", _TOO_LATE)
        protected = body.validated_data["protected"]
        name = keep_backup(backup.identifier, protected=protected)
        action = "keep" if protected else "release"
        record_event(action, name, actor=actor_of(request), address=address_of(request))
        catalog.synchronise(Context.current().folder)
        return _answer(describe_backup(name))

    def delete(self, request: Request, identifier: str) -> Response:
        """The last good one of its sort stays: no flag of this address lets it go."""
        name = Context.current().folder.find(identifier).id
        actor, address = actor_of(request), address_of(request)
        with record_run("delete", name, actor=actor, address=address) as recorder:
            result = delete_backups([name])[0]
            if result.outcome is not Outcome.DELETED:
                raise TrustbackupError(result.error.rstrip("."))
            recorder.outcome["deleted"] = [name]
        return Response(status=204)


_BYTES = OpenApiResponse(OpenApiTypes.BINARY, description="The file, or the bytes asked for.")
_BINARY = "application/octet-stream"


@extend_schema_view(
    get=described(
        "download_part",
        "Download one part of a backup",
        {(200, _BINARY): _BYTES, (206, _BINARY): _BYTES},
        404,
        416,
        parameters=[
            OpenApiParameter("Range", str, OpenApiParameter.HEADER, description="bytes=0-99")
        ],
    )
)
class PartView(ApiView):
    scopes = {"GET": Scope.DOWNLOAD}
    rights = {"GET": (DOWNLOAD,)}

    def get(self, request: Request, identifier: str, part: str) -> HttpResponseBase:
        context = Context.current()
        backup = catalog.describe(context.folder.find(identifier))
        names = [each["file"] for each in backup.files if part in (each["part"], each["file"])]
        if not names:
            raise Problem(404, "not_found", "This backup has no such part.")
        settings = context.settings
        try:
            answer = send_file(request, settings.backup_dir / names[0], settings.sendfile)
        except FileNotFoundError:
            raise Problem(404, "not_found", "The file of this part is not here.") from None
        if answer.status_code == 416:
            raise Problem(416, "no_such_range", "The file has no such bytes.")
        if goes_out(request, answer):
            actor, address = actor_of(request), address_of(request)
            record_event("download", names[0], actor=actor, address=address)
        return answer
