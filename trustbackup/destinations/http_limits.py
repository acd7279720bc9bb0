"""The end of every exchange by HTTP: so many seconds, so many bytes.

A time limit of a socket is one for each silence: a server that sends a byte now and then keeps
it. Here a watch cuts the connections when a request has taken too long for what it carries, and
an answer that a library reads whole has a length that it can't exceed.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from trustbackup.destinations.base import DestinationError, TooLong
from trustbackup.phrases import gettext as _

REQUEST_SECONDS = 60.0
"""For a request and its answer, beside what its data may take."""
SLOWEST = 20_000
"""Bytes a second that a request's data must reach."""
LONGEST_ANSWER = 4 << 20
"""Bytes: a page of 1000 keys of 1024 bytes each, all of them escaped."""
_MOST_WATCHED = 16
"""Connections of one client; it opens fewer at a time."""
SHORT_ANSWER = 256 << 10
"""Bytes, where one key is asked for."""


class Refused(BaseException):
    """Wraps an error that must not be tried again.

    Not an Exception: botocore takes each of those for a cut connection and tries again.
    """

    def __init__(self, error: DestinationError) -> None:
        self.error = error


class TooMuch(DestinationError):
    """A server sent more than it may, or for longer; says what, not of what."""


class ObjectTooLong(TooMuch, TooLong):
    """An object goes on after its known end; says the same."""


class Limits:
    """Of one client, whose connections it can cut from another thread."""

    def __init__(self, longest_answer: int = LONGEST_ANSWER, *, final: bool = True) -> None:
        """``final`` errors are not tried again."""
        self.longest_answer = longest_answer
        self.final = final
        self.longest_object: int | None = None
        """Bytes; None where whoever reads an object counts them."""
        self._ended: DestinationError | None = None
        self._descriptors: list[int] = []
        self._lock = threading.Lock()
        self._local = threading.local()

    def watch(self, connection: socket.socket) -> None:
        """Know a new connection. TLS takes the socket over, so a duplicate is kept."""
        with self._lock:
            while len(self._descriptors) >= _MOST_WATCHED:
                os.close(self._descriptors.pop(0))
            self._descriptors.append(os.dup(connection.fileno()))

    def abort(self) -> None:
        """Cut all connections: whoever waits for one gets an error."""
        with self._lock:
            for descriptor in self._descriptors:
                with (
                    contextlib.suppress(OSError),
                    socket.socket(fileno=os.dup(descriptor)) as known,
                ):
                    known.shutdown(socket.SHUT_RDWR)

    def end(self, why: DestinationError | None = None) -> None:
        """Cut all connections, and let no request go out any more: a library tries again."""
        self._ended = why or DestinationError(_("The test was ended"))
        self.abort()

    def must_not_be_over(self) -> None:
        """Raises DestinationError after ``end()``."""
        if self._ended is not None:
            raise self._ended

    def close(self) -> None:
        """Forget the connections."""
        with self._lock:
            while self._descriptors:
                os.close(self._descriptors.pop())

    def __del__(self) -> None:
        self.close()

    @contextlib.contextmanager
    def timed(self, size: int) -> Iterator[None]:
        """Cut the connections when ``size`` bytes have taken too long."""
        timer = threading.Timer(REQUEST_SECONDS + size / SLOWEST, self.abort)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    @contextlib.contextmanager
    def reading(self, size: int) -> Iterator[None]:
        """While a library reads an object that is to have ``size`` bytes: no byte more, and an end.

        Whatever the server says of it now: it may say something else than it has said before.
        """
        self.longest_object = size
        seconds = REQUEST_SECONDS + size / SLOWEST
        timer = threading.Timer(seconds, self.end, [_too_slow(seconds)])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            self.longest_object = None

    def bound(self, send: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """botocore's way to send a request, with an end: the answer's, too, if it is read whole."""

        def bounded(request: Any) -> Any:  # noqa: ANN401 - botocore's own
            self.must_not_be_over()
            # An answer that comes before the data was sent would be one of botocore's own, with no
            # end: whoever asks for "100 Continue" gets it.
            if "Expect" in request.headers:
                del request.headers["Expect"]
            length = request.headers.get("Content-Length", 0)
            self.expect(an_object=bool(request.stream_output))
            with self.timed(int(length or 0)):
                return send(request)

        return bounded

    def response_class(self) -> type[http.client.HTTPResponse]:
        """An answer that ends: unless it is an object that somebody reads piece by piece."""
        return type("BoundedResponse", (_BoundedResponse,), {"limits": self})

    def expect(self, *, an_object: bool) -> None:
        """Say what this thread asks for next: an object is read piece by piece."""
        self._local.an_object = an_object

    def is_object(self, status: int) -> bool:
        """Whether the answer that this thread has got is an object."""
        return bool(getattr(self._local, "an_object", False)) and status in (200, 206)


class _BoundedResponse(http.client.HTTPResponse):
    limits: Limits
    left: int | None = None
    is_object = False

    def begin(self) -> None:
        super().begin()
        self.is_object = self.limits.is_object(self.status)
        limits = self.limits
        self.left = limits.longest_object if self.is_object else limits.longest_answer
        # Azure's library makes a list as long as the server says.
        if self.left is not None and (self.length or 0) > self.left:
            self._refuse()

    def read(self, amt: int | None = None) -> bytes:
        if self.left is not None and (amt is None or amt > self.left + 1):
            amt = self.left + 1
        data = super().read(amt)
        return data if self.chunked else self._counted(data)  # pieces are counted below

    def read1(self, n: int = -1) -> bytes:
        return self._counted(super().read1(n))

    def _safe_read(self, amt: int) -> bytes:
        """By what the pieces of a body without a length are read, of what size they say."""
        if self.left is not None and amt > self.left:
            self._refuse()
        return self._counted(super()._safe_read(amt))  # type: ignore[misc]

    def _counted(self, data: bytes) -> bytes:
        if self.left is not None:
            self.left -= len(data)
            if self.left < 0:
                self._refuse()
        return data

    def _refuse(self) -> NoReturn:
        # Whatever the library would still read of it.
        self.close()
        error = _object_too_long(self.limits.longest_object) if self.is_object else _too_long()
        raise Refused(error) if self.limits.final else error


def _too_long() -> TooMuch:
    return TooMuch(
        _("its answer is longer than any of such a service"),
        todo=_(
            "Check the endpoint: it is the service's address for programs, not that of its pages."
        ),
        permanent=True,
    )


def _object_too_long(size: int | None) -> ObjectTooLong:
    return ObjectTooLong(
        _("it is longer than the %(size)d bytes that it should have", size=size or 0),
        todo=_("Verify the backup at that destination."),
        permanent=True,
    )


def _too_slow(seconds: float) -> TooMuch:
    return TooMuch(
        _("it was not over within %(seconds)d seconds", seconds=seconds),
        todo=_("Check the server and the network: it answers, but never to the end."),
    )
