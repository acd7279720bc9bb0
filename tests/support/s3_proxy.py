"""A server between a client and a real S3 server that answers, alters and cuts as it is told.

It forwards each request with the Host that the client signed, so that signatures stay valid.
"""

from __future__ import annotations

import contextlib
import http.client
import http.server
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

BLOCK = 1 << 16
OVERLOADED = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code>'
    b"<Message>Please reduce your request rate.</Message></Error>"
)
FAILED = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>InternalError</Code>'
    b"<Message>We encountered an internal error. Please try again.</Message></Error>"
)


@dataclass
class Rule:
    """What happens to the requests of one method whose path and query have a text in them."""

    method: str
    text: str = ""
    times: int = 1_000_000
    status: int = 0
    """Answer with this instead of asking the server; 0 asks it."""
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    flip: int = -1
    """Change the byte of the request's body at this offset."""
    cut_body: int = -1
    """Cut the connection when so many bytes of the request's body have passed."""
    cut_answer: int = -1
    """Cut the connection when so many bytes of the answer's body have passed."""
    answers_as: int = 0
    """Give the server's answer with this status; 0 leaves it as it is."""
    seen: int = 0
    """Requests that it was applied to."""
    before: Callable[[], None] = field(default=lambda: None)


class Proxy:
    """Listens on 127.0.0.1; without rules it changes nothing."""

    def __init__(self, target: str, context: ssl.SSLContext | None = None) -> None:
        self.rules: list[Rule] = []
        self.requests: list[str] = []
        self.connections: set[socket.socket] = set()
        parts = urlsplit(target)
        handler = type(
            "Handler", (_Handler,), {"proxy": self, "target": (parts.hostname, parts.port)}
        )
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = False
        scheme = "http"
        if context is not None:
            scheme = "https"
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.endpoint = f"{scheme}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def rule(self, method: str, text: str = "", **what: object) -> Rule:
        self.rules.append(Rule(method, text, **what))  # type: ignore[arg-type]
        return self.rules[-1]

    def count(self, method: str, text: str = "") -> int:
        """How many requests of a kind came."""
        return sum(line.startswith(f"{method} ") and text in line for line in self.requests)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()


@contextlib.contextmanager
def proxy_to(target: str, context: ssl.SSLContext | None = None) -> Iterator[Proxy]:
    with Proxy(target, context) as proxy:
        yield proxy


class _Cut(Exception):
    """The connection ends here."""


class _Handler(http.server.BaseHTTPRequestHandler):
    proxy: Proxy
    target: tuple[str, int]
    protocol_version = "HTTP/1.1"
    timeout = 20

    def handle(self) -> None:
        self.proxy.connections.add(self.connection)
        try:
            with contextlib.suppress(OSError):  # the client went away
                super().handle()
        finally:
            self.proxy.connections.discard(self.connection)

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""

    def _serve(self) -> None:
        rule = self._rule()
        self.proxy.requests.append(f"{self.command} {self.path}")
        rule.before()
        try:
            if rule.status:
                self._answer_itself(rule)
            else:
                self._forward(rule)
        except _Cut:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _serve  # noqa: N815

    def _rule(self) -> Rule:
        for rule in self.proxy.rules:
            if rule.method == self.command and rule.text in self.path and rule.seen < rule.times:
                rule.seen += 1
                return rule
        return Rule("")

    def _answer_itself(self, rule: Rule) -> None:
        for _block in self._body(Rule("")):
            pass
        self.send_response(rule.status)
        for key, value in {"Content-Type": "application/xml", **rule.headers}.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(rule.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(rule.body)

    def _forward(self, rule: Rule) -> None:
        upstream = http.client.HTTPConnection(*self.target, timeout=20)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for key, value in self.headers.items():
                if key.lower() not in ("connection", "expect"):
                    upstream.putheader(key, value)
            upstream.endheaders()
            for block in self._body(rule):
                upstream.send(block)
            self._pass_on(upstream.getresponse(), rule)
        finally:
            upstream.close()

    def _body(self, rule: Rule) -> Iterator[bytes]:
        left, passed = int(self.headers.get("Content-Length") or 0), 0
        while left:
            block = bytearray(self.rfile.read(min(BLOCK, left)))
            if not block:
                raise _Cut
            if passed <= rule.flip < passed + len(block):
                block[rule.flip - passed] ^= 1
            if 0 <= rule.cut_body <= passed + len(block):
                raise _Cut
            left -= len(block)
            passed += len(block)
            yield bytes(block)

    def _pass_on(self, answer: http.client.HTTPResponse, rule: Rule) -> None:
        self.send_response_only(rule.answers_as or answer.status, answer.reason)
        for key, value in answer.getheaders():
            if key.lower() not in ("connection", "transfer-encoding"):
                self.send_header(key, value)
        body = b""
        if answer.getheader("Content-Length") is None:
            body = answer.read()
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        passed = 0
        while block := (body or answer.read(BLOCK)):
            if 0 <= rule.cut_answer <= passed + len(block):
                self.wfile.write(block[: rule.cut_answer - passed])
                raise _Cut
            passed += len(block)
            self.wfile.write(block)
            body = b""
