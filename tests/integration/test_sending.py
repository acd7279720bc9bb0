"""One file over HTTP: whole, a range of it, and under ASGI without reading it first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import AsyncRequestFactory, Client, RequestFactory
from rest_framework.request import Request as ApiRequest

from tests.support.api import Caller, caller
from tests.support.loops import run_async
from trustbackup.conf import get_settings
from trustbackup.exceptions import ConfigurationError
from trustbackup.models import AuditEvent
from trustbackup.operations.backup.create import create_backup
from trustbackup.views.sending import send_file

DATA = bytes(range(256)) * 8000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "backup_2026-11-20_10-00-00.dump"
    file.write_bytes(DATA)
    return file


def get(path: Path, **headers: str) -> Any:
    return send_file(RequestFactory().get("/", headers=headers), path)


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=100-", 100, len(DATA)),
        ("bytes=-7", len(DATA) - 7, len(DATA)),
        (f"bytes=5-{len(DATA) * 2}", 5, len(DATA)),
        (f"bytes=-{len(DATA) * 2}", 0, len(DATA)),
    ],
)
def test_a_range(path: Path, wanted: str, start: int, end: int) -> None:
    answer = get(path, range=wanted)
    assert answer.status_code == 206
    assert answer["Content-Range"] == f"bytes {start}-{end - 1}/{len(DATA)}"
    assert b"".join(answer.streaming_content) == DATA[start:end]
    assert int(answer["Content-Length"]) == end - start


@pytest.mark.parametrize("wanted", [f"bytes={len(DATA)}-", "bytes=9-3", "bytes=-0"])
def test_a_range_that_is_not_there(path: Path, wanted: str) -> None:
    answer = get(path, range=wanted)
    assert answer.status_code == 416
    assert answer["Content-Range"] == f"bytes */{len(DATA)}"


@pytest.mark.parametrize("wanted", ["", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=0-1,4-5"])
def test_what_is_no_range_gets_the_whole(path: Path, wanted: str) -> None:
    answer = get(path, range=wanted)
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content) == DATA
    assert "attachment" in answer["Content-Disposition"]


def test_a_download_goes_on_only_if_the_file_is_the_same(path: Path) -> None:
    tag = get(path)["ETag"]
    assert get(path, **{"range": "bytes=5-", "if-range": tag}).status_code == 206
    path.write_bytes(DATA[::-1])
    assert get(path, **{"range": "bytes=5-", "if-range": tag}).status_code == 200


@pytest.mark.parametrize("wrapped", [lambda request: request, ApiRequest], ids=["page", "api"])
def test_under_asgi_the_first_piece_comes_before_the_last_is_read(path: Path, wrapped: Any) -> None:
    answer: Any = send_file(wrapped(AsyncRequestFactory().get("/")), path)
    assert answer.is_async

    async def first_then_change() -> bytes:
        pieces = aiter(answer.streaming_content)
        first: bytes = await anext(pieces)
        with path.open("r+b") as file:
            file.seek(len(DATA) - 1)
            file.write(b"!")
        rest = [piece async for piece in pieces]
        return first + b"".join(rest)

    assert run_async(first_then_change()) == DATA[:-1] + b"!"


@pytest.mark.parametrize(
    ("sendfile", "header", "value"),
    [
        ("/internal/", "X-Accel-Redirect", "/internal/backup_2026-11-20_10-00-00.dump"),
        ("X-Sendfile", "X-Sendfile", "FOLDER/backup_2026-11-20_10-00-00.dump"),
    ],
)
def test_a_web_server_may_send_it(path: Path, sendfile: str, header: str, value: str) -> None:
    answer = send_file(RequestFactory().get("/"), path, sendfile)
    assert answer[header] == value.replace("FOLDER", str(path.parent))
    assert "attachment" in answer["Content-Disposition"]
    assert not answer.streaming
    assert answer.content == b""  # type: ignore[attr-defined]


@pytest.mark.parametrize("value", ["internal", "/internal", 7, "x-sendfile"])
def test_an_unknown_way_to_send_is_refused(settings: Any, tmp_path: Path, value: Any) -> None:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path, "SENDFILE": value}
    with pytest.raises(ConfigurationError, match="SENDFILE"):
        get_settings()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("place", ["page", "api"])
def test_whoever_gets_a_file_or_a_piece_of_it_is_in_the_audit_trail(
    folder: Path, tmp_path: Path, settings: Any, place: str
) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.MEDIA_ROOT.mkdir()
    (settings.MEDIA_ROOT / "a").write_bytes(DATA)
    made = create_backup(kind="media")
    name = next(part.file for part in made.parts if part.part == "media")
    by = caller()
    path = f"backups/{made.id}/files/media/"
    if place == "page":
        client = Client()
        client.force_login(User.objects.get(username="robot"))
        by, path = Caller(client=client), f"/settings/backups/download/{name}/"

    def ask(method: str, **headers: str) -> int:
        status, _value, answer = by.call(method, path, **headers)
        answer.close()
        return status

    def noted() -> int:
        return AuditEvent.objects.filter(action="download", target=name, actor="robot").count()

    assert (ask("GET"), noted()) == (200, 1)
    assert (ask("GET", Range="bytes=0-"), noted()) == (206, 2)
    assert (ask("GET", Range="bytes=1-2"), noted()) == (206, 3)
    for answer in (ask("HEAD"), ask("HEAD", Range="bytes=1-2"), ask("GET", Range="bytes=9-3")):
        assert answer in (200, 206, 416)
    assert noted() == 3
