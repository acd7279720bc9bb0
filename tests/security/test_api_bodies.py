"""Bodies that are too large, and such as break off, at a server that hands them on as they come."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.api_server import PATH, new_token
from tests.support.backups import more_settings, wait_for
from tests.support.ports import free_port
from tests.support.sites import CHECKOUT, Site

HUGE, BLOCK = 100 << 20, bytes(1 << 20)
MOST_MORE = 24 << 20
"""Bytes of memory that a body of 100 MB may cost."""


SERVER = """
import sys
from wsgiref.simple_server import make_server
from webshop.wsgi import application
make_server("127.0.0.1", int(sys.argv[1]), application).serve_forever()
"""


class Raw:
    """Writes a request byte for byte."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token = port, token

    def begin(self, path: str, kind: str, length: int) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), 120)
        head = (
            f"POST {PATH}{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Authorization: Bearer {self.token}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {length}\r\n\r\n"
        )
        connection.sendall(head.encode())
        return connection


def answer_of(connection: socket.socket) -> tuple[int, dict[str, Any]]:
    """The status, and what the body says."""
    told = b""
    with contextlib.suppress(ConnectionResetError):
        while block := connection.recv(1 << 16):
            told += block
    head, _end, body = told.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


@pytest.fixture
def served(sqlite_site: Site) -> Iterator[tuple[Raw, int]]:
    """By Python's own server, which keeps nothing of a body; and its process."""
    # What a site allows its own forms must not be what holds here.
    more_settings(sqlite_site, "DATA_UPLOAD_MAX_MEMORY_SIZE = None")
    token = new_token(sqlite_site)
    port = free_port()
    environment = sqlite_site.environment(PYTHONPATH=f"{CHECKOUT}:{sqlite_site.home}")
    command = [sys.executable, "-W", "ignore", "-c", SERVER, str(port)]
    with subprocess.Popen(
        command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL
    ) as process:
        raw = Raw(port, token)

        def answers() -> bool:
            assert process.poll() is None
            with contextlib.suppress(OSError), raw.begin("runs/", "application/json", 0) as asked:
                return answer_of(asked)[0] == 405  # everything is loaded
            return False

        try:
            wait_for(answers)
            yield raw, process.pid
        finally:
            process.terminate()


def most_memory(pid: int) -> int:
    """Bytes that the process has had at most."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) << 10


def pour(connection: socket.socket, size: int) -> None:
    """Send so many bytes, or as many as are taken."""
    with contextlib.suppress(OSError):
        for _block in range(size // len(BLOCK)):
            connection.sendall(BLOCK)


def test_a_body_of_100_mb_is_refused_in_flat_memory_and_one_cut_off_leaves_nothing(
    sqlite_site: Site, served: tuple[Raw, int]
) -> None:
    raw, pid = served
    before = most_memory(pid)
    for path in ("backups/", "destinations/", "plans/", "prune/"):
        with raw.begin(path, "application/json", HUGE) as connection:
            pouring = threading.Thread(target=pour, args=(connection, HUGE))
            pouring.start()
            status, told = answer_of(connection)
            pouring.join()
        assert (status, told["code"]) == (413, "too_large"), path
    # What may be as large is written as it comes: here until it breaks off.
    with raw.begin("upload/?name=x.dump", "application/octet-stream", HUGE) as connection:
        pour(connection, HUGE - (1 << 20))
        wait_for(lambda: list(sqlite_site.backups.glob(".drafts/upload-*/*/*")))
        connection.shutdown(socket.SHUT_WR)
        status, told = answer_of(connection)
    assert (status, told["code"]) == (400, "malformed")
    assert most_memory(pid) - before < MOST_MORE
    drafts = sqlite_site.backups / ".drafts"
    wait_for(lambda: not drafts.is_dir() or not list(drafts.iterdir()))
    for kind in ("application/octet-stream", "multipart/form-data; boundary=x"):
        with raw.begin("upload/?name=x.dump", kind, HUGE) as connection:
            pour(connection, 4 << 20)  # and the client is gone
        wait_for(lambda: not list(drafts.iterdir()))
    assert not list(sqlite_site.backups.glob("backup_*"))
    assert sqlite_site.query("SELECT count(*) FROM trustbackup_run WHERE action = 'upload'") == [
        (0,)
    ]
