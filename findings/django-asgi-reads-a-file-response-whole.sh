#!/usr/bin/env bash
# Under ASGI Django reads a FileResponse to its end before it sends the first byte.
#
# Django 5.2.9 (PyPI). Seen on 2026-11-29: a FileResponse over a file of 64 MB, asked for through get_asgi_application():
# all 64 MB have been read, and lie in memory, when the first piece of the body is sent; under WSGI it is one piece.
# StreamingHttpResponse does the same with every iterator that is not asynchronous; the only sign is a warning in Python's
# warnings ("must consume synchronous iterators").
# For backups: a download of 20 GB ends the server process. Hand over an asynchronous iterator, or X-Accel-Redirect.
#
# Exit: 0 it is so, 1 it is so no more, 2 it could not be set up.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv --without-pip "$work/venv"
python3 -m pip --python "$work/venv/bin/python" install -q --disable-pip-version-check \
  'django==5.2.9' >"$work/pip.log" 2>&1 ||
  { cat "$work/pip.log"; exit 2; }

"$work/venv/bin/python" -W ignore - <<'PY'
import asyncio
import io
import sys

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import FileResponse
from django.test import RequestFactory
from django.urls import path

SIZE = 64_000_000
read = 0


class Backup(io.RawIOBase):
    """A file of zeros that counts what is read of it."""

    def readable(self):
        return True

    def read(self, size=-1):
        global read
        size = min(size if size >= 0 else SIZE, SIZE - read)
        read += size
        return bytes(size)


urlpatterns = [path("", lambda request: FileResponse(Backup(), filename="backup.dump"))]
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="any")


async def read_before_the_first_piece():
    messages = asyncio.Queue()
    await messages.put({"type": "http.request", "body": b"", "more_body": False})
    first = None

    async def send(message):
        nonlocal first
        if message["type"] == "http.response.body" and message.get("body") and first is None:
            first = read

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [(b"host", b"shop")]}
    await get_asgi_application()(scope, messages.get, send)
    return first


asgi = asyncio.run(read_before_the_first_piece())
read = 0
response = get_wsgi_application()(RequestFactory().get("/").environ, lambda *_: None)
next(iter(response))
print(f"read before the first piece was sent: ASGI {asgi}, WSGI {read}")
sys.exit(not (asgi == SIZE and read < 1_000_000))
PY
