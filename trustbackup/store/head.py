"""The beginning of a stream, remembered while the stream is encrypted: an archive's table of
contents."""

from __future__ import annotations

import gzip
import io
from contextlib import AbstractContextManager

from isal import isal_zlib

from trustbackup.store.streams import Readable, Source

LONGEST = 32 << 20
"""Bytes. A table of contents has about one kilobyte for each table; compressed, they need a
tenth."""


class Head:
    """A source that remembers the first of what was read of it, compressed, in memory."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._compressor = isal_zlib.compressobj(level=1, wbits=31)
        self._remembered = bytearray()
        self._left = LONGEST

    def readinto(self, buffer: memoryview, /) -> int:
        count = self._source.readinto(buffer)
        if self._left > 0:
            self._remembered += self._compressor.compress(buffer[: min(count, self._left)])
            self._left -= count
        return count

    def open(self) -> AbstractContextManager[Readable]:
        """What was remembered; from then on nothing more is."""
        if not self._is_closed:
            self._remembered += self._compressor.flush()
            self._is_closed, self._left = True, 0
        return gzip.open(io.BytesIO(self._remembered), "rb")

    _is_closed = False
