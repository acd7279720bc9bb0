"""How bytes flow under paramiko: without moving them about, and not waiting for ever."""

from __future__ import annotations

import socket
import time

from paramiko.buffered_pipe import BufferedPipe


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


class Impatient(socket.socket):
    """A socket that gives up when the other side takes nothing; paramiko never would."""

    limit = 0.0
    _stuck_since: float | None = None

    @classmethod
    def adopt(cls, other: socket.socket, limit: float) -> Impatient:
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
