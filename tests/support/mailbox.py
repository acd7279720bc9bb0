"""A mail server: real SMTP, a mailbox for everybody but those who bounce."""

from __future__ import annotations

import asyncio
import email
import email.policy
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

import django
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


@dataclass
class Mailbox:
    """What has arrived."""

    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list)
    bouncing: set[str] = field(default_factory=set)
    """Addresses that are refused for good."""
    busy: set[str] = field(default_factory=set)
    """Addresses that are refused for now."""

    farewells: int = 0
    """Connections that their clients ended as they should."""

    def settings(self, user: str = "", password: str = "") -> dict[str, Any]:
        """Django's settings that lead here: from 6.1 on MAILERS, beside which no other may be."""
        backend = "django.core.mail.backends.smtp.EmailBackend"
        options: dict[str, Any] = {"host": "127.0.0.1", "port": self.port}
        if user:
            options.update(username=user, password=password)
        if django.VERSION >= (6, 1):
            return {"MAILERS": {"default": {"BACKEND": backend, "OPTIONS": options}}}
        names = {"username": "HOST_USER", "password": "HOST_PASSWORD"}
        given = {f"EMAIL_{names.get(key, key.upper())}": value for key, value in options.items()}
        return {"EMAIL_BACKEND": backend, **given}

    def recipients(self) -> list[str]:
        return [str(message["To"]) for message in self.messages]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address in self.bouncing:
            return f"550 5.1.1 <{address}> is unknown here"
        if address in self.busy:
            return "450 4.2.1 Come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_QUIT(  # noqa: N802
        self, _server: Any, _session: Any, _envelope: Any
    ) -> str:
        self.farewells += 1
        return "221 Bye"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 OK"


class _Controller(Controller):
    """Takes whichever port is free."""

    server: asyncio.Server

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def running_mailbox(largest: int = 33_554_432) -> Iterator[Mailbox]:
    """A server on a free port of 127.0.0.1, where nobody can sign in.

    Messages of more than ``largest`` bytes are refused.
    """
    mailbox = Mailbox()
    controller = _Controller(
        mailbox,
        hostname="127.0.0.1",
        port=0,
        data_size_limit=largest,
        auth_require_tls=False,
        authenticator=lambda *_asked: AuthResult(success=False, handled=False),
    )
    controller.start()
    mailbox.port = controller.port
    try:
        yield mailbox
    finally:
        controller.stop()


@contextmanager
def silent_server() -> Iterator[int]:
    """The port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        closing = threading.Event()
        taken: list[socket.socket] = []

        def take() -> None:
            while not closing.is_set():
                try:
                    taken.append(server.accept()[0])
                except TimeoutError:
                    continue

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            closing.set()
            thread.join()
            for connection in taken:
                connection.close()
