"""Several backups out as one archive, and backups that were made elsewhere in."""

from __future__ import annotations

import contextlib
from typing import Any

from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.utils.datastructures import MultiValueDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema_view
from rest_framework import serializers
from rest_framework.parsers import BaseParser, DataAndFiles
from rest_framework.request import Request
from rest_framework.response import Response

from trustbackup.api.base import ApiView
from trustbackup.api.described import described
from trustbackup.api.fields import ListQuery, Text
from trustbackup.api.problems import Problem
from trustbackup.api.serializers import RunSerializer, WaitQuery
from trustbackup.api.starting import start_run
from trustbackup.exceptions import TrustbackupError
from trustbackup.models import AccessToken
from trustbackup.operations.context import Context
from trustbackup.operations.transfer.bundle import FORMATS, bundle_backups
from trustbackup.runs.recorder import record_event
from trustbackup.store import staging
from trustbackup.store.staging import StagingArea
from trustbackup.views.backups.receiving import StagingHandler
from trustbackup.views.base import ADD, DOWNLOAD, VIEW, actor_of, address_of
from trustbackup.views.sending import send_bundle

Scope = AccessToken.Scope
_RAW, _MULTIPART = "application/octet-stream", "multipart/form-data"
_BLOCK = 1 << 20
_NOTHING = "No file was sent."
_CUT_OFF = "The upload was cut off before its last byte: nothing was taken over. Send it again."


class BundleSerializer(serializers.Serializer):
    backups = serializers.ListField(child=Text(max_length=200), min_length=1, max_length=500)
    format = serializers.ChoiceField(list(FORMATS), default="zip")


class BundleQuery(BundleSerializer, ListQuery):
    lists = ("backups",)


_ARCHIVE = OpenApiResponse(OpenApiTypes.BINARY, description="The archive.")
_ARCHIVES = {(200, content_type): _ARCHIVE for content_type, *_rest in FORMATS.values()}


@extend_schema_view(
    get=described(
        "download_bundle",
        "Download several backups as one archive",
        _ARCHIVES,
        404,
        413,
        parameters=[BundleQuery],
    ),
    post=described(
        "make_bundle",
        "Download several backups as one archive",
        _ARCHIVES,
        404,
        request=BundleSerializer,
    ),
)
class BundleView(ApiView):
    """By POST for more of them than an address has room for."""

    scopes = {"GET": Scope.DOWNLOAD, "POST": Scope.DOWNLOAD}
    rights = {"GET": (DOWNLOAD,), "POST": (DOWNLOAD,)}

    def get(self, request: Request) -> HttpResponseBase:
        query = BundleQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        return _bundle(request, query.validated_data)

    def post(self, request: Request) -> HttpResponseBase:
        body = BundleSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return _bundle(request, body.validated_data)


def _bundle(request: Request, asked: dict[str, Any]) -> HttpResponseBase:
    answer = send_bundle(request._request, bundle_backups(asked["backups"], asked["format"]))  # noqa: SLF001 - it tells ASGI by it
    if request.method != "HEAD":
        names = ", ".join(asked["backups"])
        record_event("download", names, actor=actor_of(request), address=address_of(request))
    return answer


class _Unread(BaseParser):
    """Reads nothing, also where Django's protection against forged requests looks for a form's
    token: a session sends it as a header."""

    def parse(self, *args: Any, **kwargs: Any) -> DataAndFiles:  # noqa: ANN401
        return DataAndFiles(QueryDict(), MultiValueDict())


class _UnreadFile(_Unread):
    media_type = _RAW


class _UnreadForm(_Unread):
    media_type = _MULTIPART


class UploadQuery(WaitQuery):
    name = Text(
        max_length=200,
        default="upload",
        help_text="What a file that is sent by itself is called: a dump, a manifest, or a bundle.",
    )


@extend_schema_view(
    post=described(
        "upload_backup",
        "Bring a backup in",
        {200: RunSerializer, 202: RunSerializer},
        411,
        request={
            _RAW: OpenApiTypes.BINARY,
            _MULTIPART: {
                "type": "object",
                "properties": {"file": {"type": "string", "format": "binary"}},
                "required": ["file"],
            },
        },
        parameters=[UploadQuery],
    )
)
class UploadView(ApiView):
    """One file as the body, or several as a form's: written as they arrive, then left to a run."""

    parser_classes = [_UnreadFile, _UnreadForm]
    scopes = {"POST": Scope.CREATE}
    rights = {"POST": (VIEW, ADD)}

    def post(self, request: Request) -> Response:
        query = UploadQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        sent: HttpRequest = request._request  # noqa: SLF001 - the framework's would read it whole
        length = _length(sent)
        if not length:
            raise Problem(409, "refused", _NOTHING)
        with staging.begin(Context.current().settings.backup_dir) as area:
            try:
                area.must_fit(length)
            except TrustbackupError as error:
                raise Problem(413, "too_large", str(error)) from error
            _receive(sent, area, query.validated_data["name"], length)
            if not area.received:
                raise Problem(409, "refused", _NOTHING)
            left = area.leave_to_run()
        return start_run(request, "upload", lambda: ({"upload": left}, ""), keyed=False)


def _length(sent: HttpRequest) -> int:
    """Bytes. Raises Problem: without it nobody could tell whether all of it came."""
    text = str(sent.META.get("CONTENT_LENGTH") or "")
    if not (text.isascii() and text.isdigit()):
        raise Problem(411, "length_required", "Send a Content-Length.")
    return int(text)


def _receive(sent: HttpRequest, area: StagingArea, name: str, length: int) -> None:
    """Raises Problem, TrustbackupError; then the area is given up."""
    if sent.content_type == _MULTIPART:
        _receive_form(sent, area, length)
    elif sent.content_type == _RAW:
        _receive_file(sent, area, name, length)
    else:
        raise Problem(415, "unsupported_media_type", f"Send {_RAW}, or {_MULTIPART}.")


def _receive_file(sent: HttpRequest, area: StagingArea, name: str, length: int) -> None:
    left = length
    with area.receive(name) as target:
        while left and (block := sent.read(min(_BLOCK, left))):
            target.write(block)
            left -= len(block)
        if left:
            raise Problem(400, "malformed", _CUT_OFF)


class _CountedBody:
    """The body, and how much of it has come."""

    def __init__(self, sent: HttpRequest) -> None:
        self._sent, self.count = sent, 0

    def read(self, size: int | None = None) -> bytes:
        block = self._sent.read() if size is None else self._sent.read(size)
        self.count += len(block)
        return block


def _receive_form(sent: HttpRequest, area: StagingArea, length: int) -> None:
    handler = StagingHandler(area)
    body = _CountedBody(sent)
    with contextlib.closing(handler):
        try:
            MultiPartParser(sent.META, body, [handler], sent.encoding or "utf-8").parse()  # type: ignore[arg-type]
        except MultiPartParserError as error:
            raise Problem(400, "malformed", "What was sent is no form.") from error
        if not body.count and sent.FILES:  # a middleware of the site has read the body already
            handler.take_over(sent.FILES)
            body.count = length
    if handler.problem:
        raise handler.problem
    if handler.interrupted or body.count < length:
        raise Problem(400, "malformed", _CUT_OFF)
