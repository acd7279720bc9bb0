"""A file that is read again must be what was looked at: it is compared before it is used.

A restore reads a backup's files once to check them, and again to load them, by their names. Who may
write into the folder could put something else there in between. So the check remembers the
hash as it was at the end of each block, and each block that is read again is compared with that.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from trustbackup.exceptions import ManifestError
from trustbackup.phrases import gettext as _
from trustbackup.store.durable import open_regular

if TYPE_CHECKING:
    from typing_extensions import Buffer

BLOCK = 1 << 20
"""Bytes. A hundred gigabytes have three megabytes of hashes."""
_LENGTH = hashlib.sha256().digest_size


@dataclass(frozen=True)
class BlockHashes:
    """What was read of a file: ``sha256`` of all of it, as 64 hex digits."""

    sha256: str
    ends: bytes
    """For each block the SHA-256 of everything up to its end."""

    def at(self, number: int) -> bytes:
        """``b""`` after the last block."""
        return self.ends[number * _LENGTH : (number + 1) * _LENGTH]


def hashes_of(path: Path, on_bytes: Callable[[int], None] = lambda _: None) -> BlockHashes:
    """Read a regular file to its end; ``on_bytes`` gets the bytes read so far.

    Raises FolderError, OSError.
    """
    digest, ends, done = hashlib.sha256(), bytearray(), 0
    with open_regular(path, buffering=0) as file:
        while block := _read_block(file):
            digest.update(block)
            ends += digest.digest()
            done += len(block)
            on_bytes(done)
    return BlockHashes(digest.hexdigest(), bytes(ends))


def _read_block(file: BinaryIO) -> bytes:
    """A whole block, or what is left: the system may give less than was asked for."""
    block = file.read(BLOCK)
    while block and len(block) < BLOCK and (more := file.read(BLOCK - len(block))):
        block += more
    return block


def open_checked(path: Path, known: BlockHashes) -> io.BufferedReader:
    """Open a file that was read before; reading raises ManifestError where it has changed since.

    Raises FolderError.
    """
    return io.BufferedReader(_CheckedFile(path, known), BLOCK)


class _CheckedFile(io.RawIOBase):
    def __init__(self, path: Path, known: BlockHashes) -> None:
        super().__init__()
        self._path, self._known = path, known
        self._file = open_regular(path, buffering=0)
        self._digest = hashlib.sha256()
        self._number = 0
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        if not self._left:
            self._left = memoryview(self._next_block())
        target = memoryview(buffer).cast("B")
        count = min(len(target), len(self._left))
        target[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def _next_block(self) -> bytes:
        block = _read_block(self._file)
        self._digest.update(block)
        expected = self._known.at(self._number)
        self._number += 1
        if expected != (self._digest.digest() if block else b""):
            raise ManifestError(
                _("%(name)s is not restored", name=self._path.name),
                why=_("it was changed after it had been checked"),
                todo=_("Find out who writes there, then restore another backup."),
            )
        return block

    def close(self) -> None:
        self._file.close()
        super().close()
