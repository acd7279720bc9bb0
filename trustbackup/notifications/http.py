"""One request to somebody else's server: to a checked address, within a time, no further.

A redirect is an answer, never followed: it would lead to an address that nobody has checked.
Sentences name the server, never the rest of the address, which is a secret with many services.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

import trustbackup
from trustbackup.destinations import network
from trustbackup.destinations.base import DestinationError
from trustbackup.notifications.channel import Limits, NotificationError
from trustbackup.phrases import gettext as _

_LARGEST_ANSWER = 8192
"""Bytes that are read of an answer."""
_UNFIT = re.compile(r"[^\x21-\x7e]")
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Address:
    """A URL, checked; what is behind the host is secret."""

    scheme: str
    host: str
    port: int
    target: str = field(repr=False)
    """Path and query."""

    @classmethod
    def parse(cls, url: str) -> Address:
        """Raises NotificationError, whose text does not repeat the URL."""
        what = _("The address can't be used")
        if not url or _UNFIT.search(url):
            raise _wrong(what, _("it is blank, or has a space or a special character in it"))
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise _wrong(what, _("its host or port is not valid")) from None
        if parts.scheme not in PORTS:
            raise _wrong(what, _("it does not begin with https:// or http://"))
        if not parts.hostname:
            raise _wrong(what, _("it names no host"))
        if parts.username is not None or parts.password is not None:
            raise _wrong(what, _("it has a user or a password before the host"))
        return cls(parts.scheme, parts.hostname, port or PORTS[parts.scheme], _target(parts))

    def with_suffix(self, suffix: str, query: str = "") -> Address:
        """The same one with ``suffix`` behind the path, and ``query`` behind the query."""
        path, _mark, known = self.target.partition("?")
        both = "&".join(part for part in (known, query) if part)
        target = f"{path.rstrip('/') if suffix else path}{suffix}"
        return Address(self.scheme, self.host, self.port, f"{target}?{both}" if both else target)

    @property
    def shown(self) -> str:
        """What of it may be seen."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


def _wrong(what: str, why: str) -> NotificationError:
    todo = _("Write it as the service shows it: https://host/path.")
    return NotificationError(what, why=why, todo=todo, permanent=True)


def _target(parts: SplitResult) -> str:
    path = parts.path or "/"
    return f"{path}?{parts.query}" if parts.query else path


@dataclass(frozen=True)
class Answer:
    """What a server said: its status, and the first 8 KiB of the rest."""

    status: int
    body: bytes


def post(address: Address, body: bytes, headers: Mapping[str, str], limits: Limits) -> Answer:
    """Send one POST request. Raises NotificationError when there is no answer in time."""
    connection = http.client.HTTPConnection(address.host, address.port)
    try:
        with _connected(address, limits) as sock, _ended_in_time(sock, limits.seconds) as end:
            connection.sock = sock
            try:
                connection.request("POST", address.target, body=body, headers=_complete(headers))
                with connection.getresponse() as response:
                    if end.is_set():  # its headers were cut short by us
                        raise TimeoutError
                    return Answer(response.status, response.read(_LARGEST_ANSWER))
            except (OSError, http.client.HTTPException) as error:
                raise _no_answer(address, limits, error, late=end.is_set()) from None
    finally:
        connection.close()


def must_be_good(address: Address, answer: Answer) -> None:
    """Raises NotificationError unless the answer is 200 to 299."""
    if 200 <= answer.status < 300:
        return
    what = _("The message was not taken by %(address)s", address=address.shown)
    if 300 <= answer.status < 400:
        raise NotificationError(
            what,
            why=_("it sends us to another address (status %(status)d)", status=answer.status),
            todo=_("Redirects are not followed: enter the address where it ends."),
            permanent=True,
        )
    raise NotificationError(
        what,
        why=_("it answers with status %(status)d", status=answer.status),
        todo=_("Check the address, and what the service says of it."),
        permanent=answer.status == http.client.GONE,
    )


def _complete(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        "User-Agent": f"trustbackup/{trustbackup.__version__}",
        "Connection": "close",
        **headers,
    }


@contextlib.contextmanager
def _connected(address: Address, limits: Limits) -> Iterator[socket.socket]:
    """A connection, encrypted where the address says so. Raises NotificationError."""
    try:
        found = network.endpoints(
            address.host,
            address.port,
            timeout=limits.seconds,
            allowed_hosts=limits.allowed_hosts,
        )
        plain = network.connect(address.host, address.port, found, timeout=limits.seconds)
    except DestinationError as error:
        todo = _("Check the address, and this machine's network.")
        if error.permanent and limits.allowed_hosts:
            todo = _('Add it to TRUSTBACKUP["NOTIFICATION_HOSTS"], or choose another address.')
        raise NotificationError(
            error.what, why=error.why, todo=todo, permanent=error.permanent
        ) from None
    with plain:
        plain.settimeout(limits.seconds)
        if address.scheme == "http":
            yield plain
            return
        try:
            context = ssl.create_default_context()
            with _ended_in_time(plain, limits.seconds):
                encrypted = context.wrap_socket(plain, server_hostname=address.host)
        except (OSError, ValueError) as error:
            raise NotificationError(
                _("%(address)s was not trusted", address=address.shown),
                why=getattr(error, "verify_message", "") or _reason(error),
                todo=_("Check the server's certificate, and the host's spelling."),
            ) from None
        with encrypted:
            yield encrypted


@contextlib.contextmanager
def _ended_in_time(sock: socket.socket, seconds: float) -> Iterator[threading.Event]:
    """End the exchange by then, whatever dribbles in; the event says that it was ended so."""
    ended = threading.Event()

    def end() -> None:
        ended.set()
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield ended
    finally:
        timer.cancel()
        timer.join()


def _no_answer(
    address: Address, limits: Limits, error: Exception, *, late: bool
) -> NotificationError:
    why: str = _reason(error)
    if late or isinstance(error, TimeoutError):
        why = _("there was no answer within %(timeout)g seconds", timeout=limits.seconds)
    return NotificationError(
        _("%(address)s did not answer", address=address.shown),
        why=why,
        todo=_("Look whether the service runs; it is tried again."),
    )


def _reason(error: Exception) -> str:
    """What kind of error it was: its own words may repeat what was sent."""
    if isinstance(error, OSError) and error.strerror and not isinstance(error, ssl.SSLError):
        return error.strerror
    return type(error).__name__
