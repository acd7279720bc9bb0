"""A file at an SFTP server, read from its begin to its end."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from trustbackup.destinations.base import DestinationError


class Reader(io.RawIOBase):
    """Pieces as a file. A piece that can't be had is an error now and at every later call.

    ``guard`` turns what goes wrong into a DestinationError; ``size`` bytes must come.
    """

    def __init__(
        self,
        pieces: Iterator[bytes],
        size: int,
        guard: Callable[[], AbstractContextManager[Any]],
        cut_short: DestinationError,
    ) -> None:
        self._pieces = pieces
        self._left = size
        self._guard = guard
        self._cut_short = cut_short
        self._piece = memoryview(b"")
        self._error: DestinationError | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        if self._error:
            raise self._error
        if not self._piece:
            self._piece = memoryview(self._next())
        count = min(len(buffer), len(self._piece))
        buffer[:count] = self._piece[:count]
        self._piece = self._piece[count:]
        return count

    def _next(self) -> bytes:
        try:
            with self._guard():
                piece = next(self._pieces, b"")
            self._left -= len(piece)
            if not piece and self._left > 0:
                raise self._cut_short
        except DestinationError as error:
            self._error = error
            raise
        return piece
