"""How bytes flow under paramiko: without moving them about, and not without an end."""

from __future__ import annotations

import socket
import time

from paramiko.buffered_pipe import BufferedPipe

_BEFORE_SIGN_IN = 1 << 20
"""Bytes that a server may send before anybody has signed in: its banner and its keys are 20 KB."""
_LARGEST_READ = 1 << 20
"""Bytes that paramiko may ask the socket for at once; a packet has 128 KB."""


class Pipe(BufferedPipe):  # type: ignore[misc]  # it has no types
    """What has arrived and was not read yet. paramiko moves all of it whenever some is read."""

    def __init__(self) -> None:
        super().__init__()
        self._buffer = bytearray()

    def _buffer_frombytes(self, data: bytes) -> None:
        self._buffer += data

    def _buffer_tobytes(self, limit: int | None = None) -> bytes:
        with memoryview(self._buffer) as view:
            return bytes(view[:limit])


class SendTimeoutSocket(socket.socket):
    """A socket that gives up when the other side takes nothing; paramiko never would."""

    limit = 0.0
    _stuck_since: float | None = None
    _left: int | None = _BEFORE_SIGN_IN
    """Bytes that may still arrive; None when somebody has signed in."""

    @classmethod
    def adopt(cls, other: socket.socket, limit: float) -> SendTimeoutSocket:
        adopted = cls(other.family, other.type, other.proto, fileno=other.detach())
        adopted.limit = limit
        return adopted

    def send(self, data: bytes, flags: int = 0, /) -> int:  # type: ignore[override]
        began = time.monotonic()
        try:
            count = super().send(data, flags)
        except TimeoutError:  # after a tenth of a second; paramiko asks again
            self._stuck_since = self._stuck_since or began
            if time.monotonic() - self._stuck_since > self.limit:
                raise BrokenPipeError from None
            raise
        self._stuck_since = None
        return count

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        if size > _LARGEST_READ:
            raise ConnectionAbortedError("a packet is larger than any may be")
        data = super().recv(size, flags)
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                raise ConnectionAbortedError("more was sent than an SSH server has to say")
        return data

    def signed_in(self) -> None:
        """What now comes is the session's, which has limits of its own."""
        self._left = None
