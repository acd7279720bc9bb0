"""Pipes between us and programs, read and written where threads may be green, too.

gevent and eventlet replace threads by greenlets of one thread: whoever blocks in the system then
stops all of them, and may wait for ever for what another one was to do. There a pipe does not
block, and who must wait does so by ``select``, which those libraries have replaced, too.
"""

from __future__ import annotations

import os
import select
import time
from typing import Self

from trustbackup.store.scheduling import has_green_threads

_TURN = 0.001
"""Seconds that let a loop of greenlets turn once."""


def prepare(descriptor: int) -> None:
    """Let our end of a pipe not block where that would stop more than the caller."""
    if has_green_threads():
        os.set_blocking(descriptor, False)


def read_into(descriptor: int, buffer: memoryview) -> int:
    """Read what is there, at least a byte, into the buffer; how many. 0 is the end."""
    while True:
        try:
            return os.readv(descriptor, [buffer])
        except BlockingIOError:
            wait_until_readable(descriptor)


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write all of it. Raises BrokenPipeError when nobody reads any more."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.writev(descriptor, [view]) :]
        except BlockingIOError:
            _wait(descriptor, writing=True)


def close(descriptor: int) -> None:
    """Close our end, so that who reads the other one sees the end now."""
    os.close(descriptor)
    if has_green_threads():
        time.sleep(_TURN)  # gevent has only noted it, for when its loop turns next


class WriteEnd:
    """Our end of a pipe, for who writes to a file: every write is whole."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, data: bytes | memoryview) -> int:
        write_all(self._descriptor, data)
        return len(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        close(self._descriptor)


def wait_until_readable(descriptor: int, seconds: float | None = None) -> bool:
    """Wait for a byte or the end, at most so long; whether it came."""
    return _wait(descriptor, writing=False, seconds=seconds)


def _wait(descriptor: int, *, writing: bool, seconds: float | None = None) -> bool:
    if not hasattr(select, "poll"):  # eventlet takes it away
        ours = [descriptor]
        readable, writable, _ = select.select(
            [] if writing else ours, ours if writing else [], [], seconds
        )
        return bool(readable or writable)
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT if writing else select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1000))
