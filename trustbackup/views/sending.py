"""Large answers in pieces, under WSGI and under ASGI, and HTTP ranges of a file.

Under ASGI Django reads a synchronous iterator to its end before it sends the first byte, so
there the pieces come from an asynchronous one.
https://docs.djangoproject.com/en/5.2/ref/request-response/#django.http.StreamingHttpResponse
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header, http_date

from trustbackup.conf.values import X_SENDFILE
from trustbackup.operations.transfer.bundle import Bundle, FileBlocks
from trustbackup.store.durable import open_regular

_AT_ONCE = 4
"""Pieces of 256 KiB that are read before they are sent, under ASGI."""
_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})", re.ASCII)


def send_bundle(request: HttpRequest, bundle: Bundle) -> StreamingHttpResponse:
    return _stream(request, bundle.blocks, bundle.length, bundle.name, bundle.content_type)


def send_file(
    request: HttpRequest, path: Path, sendfile: str = "", *, ranges: bool = True
) -> HttpResponseBase:
    """A whole file, or the one range of it that was asked for, unless there are no ``ranges``.

    Raises FileNotFoundError, FolderError.

    ``sendfile`` is the setting of that name: who sends it.
    """
    if sendfile:
        path.stat()
        return _let_server_send(path, sendfile)
    file = open_regular(path)
    try:
        # A delete at this moment does not cut the download short: an open file stays whole.
        return _send_open(request, file, path, ranges=ranges)
    except BaseException:
        file.close()
        raise


def goes_out(request: HttpRequest, answer: HttpResponseBase) -> bool:
    """Whether somebody gets the file by this answer, or a part of it."""
    return request.method == "GET" and answer.status_code in (200, 206)


def _send_open(
    request: HttpRequest, file: BinaryIO, path: Path, *, ranges: bool
) -> HttpResponseBase:
    status = os.fstat(file.fileno())
    tag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
    start, end = 0, status.st_size
    wanted = request.headers.get("Range", "") if ranges else ""
    partial = bool(wanted) and request.headers.get("If-Range", tag) == tag
    if partial and (match := _RANGE.fullmatch(wanted)) and any(match.groups()):
        first, last = match.groups()
        if first:
            start, end = int(first), min(int(last) + 1 if last else end, end)
        else:
            start = max(0, end - int(last))
        if start >= end:
            file.close()
            response = HttpResponse(status=416)
            response["Content-Range"] = f"bytes */{status.st_size}"
            return response
    else:
        partial = False
    blocks = FileBlocks(file, end - start, start)
    answer = _stream(request, blocks, end - start, path.name, "application/octet-stream")
    answer["Accept-Ranges"] = "bytes" if ranges else "none"
    answer["ETag"] = tag
    answer["Last-Modified"] = http_date(status.st_mtime)
    if partial:
        answer.status_code = 206
        answer["Content-Range"] = f"bytes {start}-{end - 1}/{status.st_size}"
    return answer


def _stream(
    request: HttpRequest, blocks: Iterator[bytes], length: int | None, name: str, content_type: str
) -> StreamingHttpResponse:
    # The API's requests are wrapped in one of the framework's own.
    asynchronous = isinstance(getattr(request, "_request", request), ASGIRequest)
    response = StreamingHttpResponse(
        _one_by_one(blocks) if asynchronous else blocks, content_type=content_type
    )
    if length is not None:
        response["Content-Length"] = str(length)
    _name_download(response, name)
    return response


def _let_server_send(path: Path, sendfile: str) -> HttpResponse:
    """Let the web server send it: it knows ranges, and no worker of the site is kept busy.

    https://nginx.org/en/docs/http/ngx_http_core_module.html#internal and
    https://github.com/nmaier/mod_xsendfile say what the headers mean.
    """
    response = HttpResponse(content_type="application/octet-stream")
    if sendfile == X_SENDFILE:
        response["X-Sendfile"] = quote(str(path))
    else:
        response["X-Accel-Redirect"] = f"{sendfile}{quote(path.name)}"
    _name_download(response, path.name)
    return response


def _name_download(response: HttpResponseBase, name: str) -> None:
    response["Content-Disposition"] = content_disposition_header(True, name) or ""  # noqa: FBT003
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"


async def _one_by_one(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Several are taken at a time: asking a thread costs as much as reading one."""
    following = sync_to_async(lambda: list(islice(blocks, _AT_ONCE)), thread_sensitive=False)
    while taken := await following():
        for block in taken:
            yield block
