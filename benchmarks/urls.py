"""The web shop's URLs, and the same bytes without any archive around them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import islice
from pathlib import Path

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import path

from webshop.urls import urlpatterns as webshop

BLOCK = 256 << 10


def concatenate(request: HttpRequest) -> StreamingHttpResponse:
    """Every dump in the backup folder, one after the other: what a bundle is measured beside."""
    paths = sorted(Path(settings.TRUSTBACKUP["BACKUP_DIR"]).glob("*.dump.gz"))
    blocks = _blocks(paths)
    asynchronous = isinstance(request, ASGIRequest)
    response = StreamingHttpResponse(_asynchronous(blocks) if asynchronous else blocks)
    response["Content-Length"] = str(sum(item.stat().st_size for item in paths))
    return response


def _blocks(paths: list[Path]) -> Iterator[bytes]:
    for item in paths:
        with item.open("rb", buffering=0) as file:
            while block := file.read(BLOCK):
                yield block


async def _asynchronous(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    following = sync_to_async(lambda: list(islice(blocks, 4)), thread_sensitive=False)
    while taken := await following():
        for block in taken:
            yield block


urlpatterns = [path("concatenate/", concatenate), *webshop]
