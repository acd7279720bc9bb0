"""An HTTP server that notes what it is asked, and answers as a test wants: also never."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    """What came in."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Listener:
    """What a server was asked, and what it answers next."""

    port: int
    scheme: str = "http"
    requests: list[Request] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    """Statuses, the next one first; then 200 for ever."""
    silent: bool = False
    """Takes requests and never answers, nor closes."""
    dribbles: bool = False
    """Sends a byte of a header now and then, without an end."""
    location: str = ""
    """Where a redirect leads."""
    body: bytes = b"OK"
    garbage: bytes = b""
    """Is said instead of HTTP."""
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def paths(self) -> list[str]:
        return [request.path for request in self.requests]


class _Server(http.server.ThreadingHTTPServer):
    listener: Listener

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up is what some tests want."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        listener = self.server.listener
        length = int(self.headers.get("Content-Length", 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        listener.requests.append(Request(self.path, headers, self.rfile.read(length)))
        if listener.silent:
            listener.closing.wait()
        elif listener.garbage:
            self.wfile.write(listener.garbage)
        elif listener.dribbles:
            self._dribble()
        else:
            self._answer()

    do_GET = do_POST  # noqa: N815 - as its parent calls it

    def _answer(self) -> None:
        listener = self.server.listener
        self.send_response(listener.answers.pop(0) if listener.answers else 200)
        if listener.location:
            self.send_header("Location", listener.location)
        self.send_header("Content-Length", str(len(listener.body)))
        self.end_headers()
        self.wfile.write(listener.body)

    def _dribble(self) -> None:
        try:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
            while not self.server.listener.closing.wait(0.02):
                self.wfile.write(b"x")
                self.wfile.flush()
        except OSError:
            return

    def log_message(self, *args: Any) -> None:
        """Says nothing."""


@contextmanager
def running_listener(context: ssl.SSLContext | None = None) -> Iterator[Listener]:
    """A server on a free port of 127.0.0.1, encrypted with a context."""
    listener = Listener(port=0)
    server = _Server(("127.0.0.1", 0), _Handler)
    server.listener = listener
    if context is not None:
        listener.scheme = "https"
        server.socket = context.wrap_socket(server.socket, server_side=True)
    listener.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        listener.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
