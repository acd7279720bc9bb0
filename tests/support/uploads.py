"""Uploads: what is sent, and a browser's way of sending it without a browser."""

from __future__ import annotations

import gzip
import http.client
import io
import re
import sqlite3
import tarfile
import urllib.parse
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.support.backups import snapshot

BOUNDARY = "a-boundary-of-the-tests"
PAGE = "/settings/backups/upload/"


def send(client: Client, *files: tuple[str, bytes], **options: Any) -> Any:
    """Upload files with the page's own form; the answer of the page that follows."""
    sent = [SimpleUploadedFile(name, data) for name, data in files]
    return client.post(PAGE, {"files": sent, "complete": "1"}, follow=True, **options)


def sqlite_bytes(rows: int = 100) -> bytes:
    """A small SQLite database file."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE TABLE things (id integer PRIMARY KEY, note text)")
        connection.executemany("INSERT INTO things (note) VALUES (?)", [("x" * 50,)] * rows)
        connection.commit()
        return connection.serialize()
    finally:
        connection.close()


def zipped(
    members: dict[str, bytes],
    change: Callable[[zipfile.ZipInfo], None] = lambda _: None,
    compression: int = zipfile.ZIP_STORED,
) -> bytes:
    """A zip archive; ``change`` may spoil each member's head."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = compression
            change(info)
            archive.writestr(info, data)
    return target.getvalue()


def tarred(members: list[tuple[tarfile.TarInfo, bytes]], packed: bool = True) -> bytes:
    """A tar archive, compressed or not."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return gzip.compress(target.getvalue(), 1) if packed else target.getvalue()


def plain(name: str, data: bytes) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    return info, data


def multipart(fields: dict[str, str], files: list[tuple[str, bytes]]) -> bytes:
    """The body of a form as a browser sends it, ``complete`` last if it is among the fields."""
    parts = []
    last = {key: value for key, value in fields.items() if key == "complete"}
    first = {key: value for key, value in fields.items() if key not in last}
    for key, value in first.items():
        parts.append(_part(f'name="{key}"', value.encode()))
    for name, data in files:
        parts.append(_part(f'name="files"; filename="{name}"', data))
    for key, value in last.items():
        parts.append(_part(f'name="{key}"', value.encode()))
    return b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


def _part(disposition: str, data: bytes) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n"
    return head.encode("utf-8", "surrogateescape") + data + b"\r\n"


@dataclass
class Visitor:
    """Somebody who is signed in at a site's real server."""

    address: str
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(
        self, method: str, path: str, body: bytes = b"", content_type: str = "", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of an answer; cookies are remembered."""
        connection = self.connect()
        try:
            connection.request(method, path, body or None, self.headers(content_type, **headers))
            answer = connection.getresponse()
            for cookie in answer.headers.get_all("Set-Cookie") or []:
                name, _, value = cookie.partition(";")[0].partition("=")
                self.cookies[name] = value
            return answer.status, dict(answer.headers), answer.read()
        finally:
            connection.close()

    def connect(self) -> http.client.HTTPConnection:
        host = urllib.parse.urlsplit(self.address).netloc
        return http.client.HTTPConnection(host, timeout=60)

    def headers(self, content_type: str = "", **more: str) -> dict[str, str]:
        found = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if content_type:
            found["Content-Type"] = content_type
        return {**found, **more}

    def log_in(self, name: str, password: str) -> None:
        fields = {"username": name, "password": password}
        status, _, _ = self.submit(
            "/login/", {"csrfmiddlewaretoken": self.token("/login/"), **fields}
        )
        assert status == 302

    def token(self, path: str = PAGE) -> str:
        _, _, page = self.ask("GET", path)
        found = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert found, page
        return found[1].decode()

    def submit(
        self, path: str, fields: dict[str, str] | list[tuple[str, str]]
    ) -> tuple[int, dict[str, str], bytes]:
        body = urllib.parse.urlencode(fields).encode()
        return self.ask("POST", path, body, "application/x-www-form-urlencoded")

    def upload(self, *files: tuple[str, bytes]) -> tuple[int, dict[str, str], bytes]:
        fields = {"csrfmiddlewaretoken": self.token(), "complete": "1"}
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        return self.ask("POST", PAGE, multipart(fields, list(files)), kind)


ID = "2026-11-20_10-00-00"


NAME = f"backup_{ID}.dump.gz"


GOOD = gzip.compress(sqlite_bytes(), mtime=0)


def assert_nothing_written(folder: Path) -> None:
    """Neither in the backup folder nor beside it."""
    assert set(snapshot(folder.parent)) <= {"backups", "backups/.drafts", "backups/.deleted"}


def assert_refused(response: Any, folder: Path, *words: str) -> None:
    page = response.content.decode()
    assert response.status_code == 422, page
    for word in words:
        assert word in page
    assert str(folder.parent) not in page
    assert_nothing_written(folder)
