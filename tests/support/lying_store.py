"""An HTTP server that tells of an object and sends another: as S3, Azure and Google tell it."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.integration.test_connection_test_runs import answering

TOLD = 38
"""Bytes that the object is said to have."""
NAME = "backup_2026-11-20_02-15-33.dump.gz"
_HEADERS = (
    b'Last-Modified: Fri, 20 Nov 2026 02:15:33 GMT\r\nETag: "abc"\r\n'
    b"x-ms-blob-type: BlockBlob\r\nx-ms-version: 2021-01-01\r\n"
    b"Content-Type: application/octet-stream\r\n"
)
_ABOUT = {
    "kind": "storage#object",
    "name": NAME,
    "size": f"{TOLD}",
    "updated": "2026-11-20T02:15:33Z",
    "generation": "1",
}


@dataclass
class LyingStore:
    """Sends ``most`` bytes at most, whatever it is asked for: lists without an end, too."""

    endpoint: str
    sent: int = 0


Way = Callable[[socket.socket, bytes], Iterator[int]]


def with_a_length(connection: socket.socket, status: bytes) -> Iterator[int]:
    connection.sendall(_begin(status, b"Content-Length: 900000000000\r\n"))
    while True:
        connection.sendall(b"x" * 0x8000)
        yield 0x8000


def in_pieces(connection: socket.socket, status: bytes) -> Iterator[int]:
    connection.sendall(_begin(status, b"Transfer-Encoding: chunked\r\n"))
    while True:
        connection.sendall(b"8000\r\n%b\r\n" % (b"x" * 0x8000))
        yield 0x8000


def drop_by_drop(connection: socket.socket, status: bytes) -> Iterator[int]:
    connection.sendall(_begin(status, b"Content-Length: %d\r\n" % TOLD))
    for _number in range(TOLD - 1):
        connection.sendall(b"x")
        yield 1
        time.sleep(0.2)


def _begin(status: bytes, length: bytes) -> bytes:
    told = b"Content-Range: bytes 0-%d/%d\r\n" % (TOLD - 1, TOLD)
    return b"HTTP/1.1 %b\r\n%b%b%b\r\n" % (status, length, told, _HEADERS)


@contextlib.contextmanager
def lying_store(way: Way, most: int) -> Iterator[LyingStore]:
    store = LyingStore("")

    def answer(connection: socket.socket) -> None:
        with connection.makefile("rb") as source:
            while request := source.readline().decode():
                headers = {}
                while (line := source.readline().decode().strip()) != "":
                    name, _colon, value = line.partition(":")
                    headers[name.lower()] = value
                if request.startswith("HEAD"):
                    length = b"Content-Length: %d\r\n" % TOLD
                    connection.sendall(b"HTTP/1.1 200 OK\r\n%b%b\r\n" % (length, _HEADERS))
                elif (
                    "/storage/v1/b/" in request and "/o?" not in request and "media" not in request
                ):
                    about = json.dumps(_ABOUT).encode()
                    told = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(about)
                    connection.sendall(b"HTTP/1.1 200 OK\r\n%b\r\n%b" % (told, about))
                else:
                    is_range = "range" in headers or "x-ms-range" in headers
                    for count in way(connection, b"206 Partial" if is_range else b"200 OK"):
                        store.sent += count
                        if store.sent > most:
                            return
                    return

    with answering(answer) as port:
        store.endpoint = f"http://127.0.0.1:{port}"
        yield store
