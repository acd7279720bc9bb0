"""paramiko's transport, which asks once for the right to sign in (RFC 4252, 5).

Its usual one asks before each method, and some servers hang up then. The one that does not waits
on when the connection is lost, and misses an answer that comes at once (both seen in paramiko 5.1).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import paramiko
from paramiko.auth_handler import AuthOnlyHandler
from paramiko.common import cMSG_SERVICE_REQUEST, cMSG_USERAUTH_REQUEST
from paramiko.message import Message

from trustbackup.destinations.sftp.transport_limits import SendTimeoutSocket


class _SignIn(AuthOnlyHandler):  # type: ignore[misc]  # it has no types
    def send_auth_request(
        self, username: str, method: str, finish_message: Callable[[Message], None] | None = None
    ) -> Any:  # noqa: ANN401 - paramiko's own
        """The same; what waits for the answer is there before the question is asked."""
        self.auth_method, self.username = method, username
        request = Message()
        request.add_byte(cMSG_USERAUTH_REQUEST)
        for text in (username, "ssh-connection", method):
            request.add_string(text)
        if finish_message is not None:
            finish_message(request)
        self.auth_event = answered = threading.Event()
        with self.transport.lock:
            self.transport._send_message(request)  # noqa: SLF001
        return self.wait_for_response(answered)


class Transport(paramiko.ServiceRequestingTransport):  # type: ignore[misc]  # it has no types
    """For one sign-in; its socket is a SendTimeoutSocket."""

    def __init__(self, connection: SendTimeoutSocket) -> None:
        self._may_sign_in = threading.Event()
        super().__init__(connection)

    def _parse_service_accept(self, message: Message) -> None:
        super()._parse_service_accept(message)
        self._may_sign_in.set()

    def ensure_session(self) -> None:
        """Raises paramiko.SSHException, EOFError."""
        if not (self.active and self.initial_kex_done):
            raise paramiko.SSHException("No existing session")
        if self._service_userauth_accepted:
            return
        request = Message()
        request.add_byte(cMSG_SERVICE_REQUEST)
        request.add_string("ssh-userauth")
        self._send_message(request)
        while not self._may_sign_in.wait(0.1):
            if not self.is_active():
                raise self.get_exception() or EOFError()
        self.auth_handler = self.get_auth_handler()

    def get_auth_handler(self) -> _SignIn:
        return _SignIn(self)
