"""A file as the parts in which it goes to S3: read once in order, hashed, sent side by side."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Self

from trustbackup.exceptions import file_operation
from trustbackup.phrases import gettext as _
from trustbackup.store import durable

if TYPE_CHECKING:
    from typing_extensions import Buffer

SMALLEST = 16 << 20
"""Bytes of a part, and of the largest file that goes in one piece."""
MOST = 10_000
"""Parts of an object (Amazon S3's own limit)."""
_BLOCK = 1 << 20


def part_size(length: int) -> int:
    """Bytes of each part but the last of a file of ``length`` bytes: whole MiB, 16 or more."""
    return max(SMALLEST, -(-length // (MOST << 20)) << 20)


class Stopped(BaseException):
    """A part's reader was told to stop.

    Not an Exception: botocore takes each of those for a cut connection and tries again.
    """


class Part(io.RawIOBase):
    """One part of an open file: a body that several threads can send side by side."""

    def __init__(self, descriptor: int, number: int, start: int, size: int) -> None:
        self.number = number
        self.size = size
        self.md5 = b""
        self.stopped = threading.Event()
        self._descriptor = descriptor
        self._start = start
        self._position = 0

    @property
    def content_md5(self) -> str:
        """For the Content-MD5 header (RFC 1864): a server refuses what is not the same."""
        return base64.b64encode(self.md5).decode()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Buffer, /) -> int:
        if self.stopped.is_set():
            raise Stopped
        view = memoryview(buffer)[: max(0, self.size - self._position)]
        if not view:
            return 0
        count = os.preadv(self._descriptor, [view], self._start + self._position)
        self._position += count
        return count


class Source:
    """A file on its way. ``sha256`` and ``etag`` are known once all parts were read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = durable.open_regular(path)
        self._descriptor = self._file.fileno()
        self.size = os.fstat(self._descriptor).st_size
        self._whole = hashlib.sha256()
        self._md5s: list[bytes] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def is_small(self) -> bool:
        """Whether it goes in one piece."""
        return self.size <= SMALLEST

    @property
    def sha256(self) -> str:
        return self._whole.hexdigest()

    @property
    def etag(self) -> str:
        """What a server calls this content where it does as Amazon S3 does without KMS.

        The MD5 of the whole, or, of an object in parts, the MD5 of the parts' MD5s and their
        number.
        """
        if self.is_small:
            return self._md5s[0].hex()
        joined = hashlib.md5(b"".join(self._md5s), usedforsecurity=False).hexdigest()
        return f"{joined}-{len(self._md5s)}"

    def parts(self, read: Callable[[int], None]) -> Iterator[Part]:
        """The parts in order, each hashed; ``read`` gets each block's bytes and may raise."""
        size = part_size(self.size)
        for number, start in enumerate(range(0, max(self.size, 1), size), 1):
            part = Part(self._descriptor, number, start, min(size, self.size - start))
            digest = hashlib.md5(usedforsecurity=False)
            with file_operation(_("Reading"), self.path):
                while block := part.read(_BLOCK):
                    digest.update(block)
                    self._whole.update(block)
                    read(len(block))
            part.seek(0)
            part.md5 = digest.digest()
            self._md5s.append(part.md5)
            yield part
