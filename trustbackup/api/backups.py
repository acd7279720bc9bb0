"""Backups: which there are, making one, downloading one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
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
    BackupPageSerializer,
    BackupQuery,
    BackupSerializer,
    CreateSerializer,
    RunSerializer,
    WaitQuery,
)
from trustbackup.api.starting import start_run
from trustbackup.models import AccessToken, Backup, Copy
from trustbackup.operations.context import Context
from trustbackup.operations.plans.spec import find_plan
from trustbackup.runs.recorder import record_event
from trustbackup.store import catalog
from trustbackup.views.backups.listing import ordering
from trustbackup.views.base import (
    ADD,
    DOWNLOAD,
    VIEW,
    actor_of,
    address_of,
)
from trustbackup.views.forms import CreateForm
from trustbackup.views.sending import goes_out, send_file

Scope = AccessToken.Scope


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


FILE = OpenApiResponse(OpenApiTypes.BINARY, description="The file, or the bytes asked for.")


def file_of_part(identifier: str, part: str) -> tuple[str, Path]:
    """The backup's id, and the file that holds the part, which may be elsewhere. Raises
    BackupNotFound, and Problem for a part that it has not."""
    context = Context.current()
    backup = catalog.describe(context.folder.find(identifier))
    for each in backup.files:
        if part in (each["part"], each["file"]):
            return backup.identifier, context.settings.backup_dir / each["file"]
    raise Problem(404, "not_found", "This backup has no such part.")


_BINARY = "application/octet-stream"


@extend_schema_view(
    get=described(
        "download_part",
        "Download one part of a backup",
        {(200, _BINARY): FILE, (206, _BINARY): FILE},
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
        _backup, path = file_of_part(identifier, part)
        try:
            answer = send_file(request, path, Context.current().settings.sendfile)
        except FileNotFoundError:
            raise Problem(404, "not_found", "The file of this part is not here.") from None
        if answer.status_code == 416:
            raise Problem(416, "no_such_range", "The file has no such bytes.")
        if goes_out(request, answer):
            actor, address = actor_of(request), address_of(request)
            record_event("download", path.name, actor=actor, address=address)
        return answer
