"""What a storage is given to save: a file that tells how far it was read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from django.core.files import File

from trustbackup.destinations.base import Written
from trustbackup.exceptions import Cancelled

_BLOCK = 1 << 20


class WatchedFile(File):  # type: ignore[type-arg]
    """A file that tells how far it was read, and may be read by threads of the storage's own."""

    def __init__(self, file: BinaryIO, name: str, written: Written) -> None:
        super().__init__(file, name)
        self._source = file
        self._written = written
        self.cancelled: Cancelled | None = None

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        try:
            self._written(self._source.tell())
        except Cancelled as error:
            # s3transfer 0.19 calls an upload done whose threads met with what is no Exception.
            self.cancelled = error
            raise InterruptedError from error
        return data

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        self._source.seek(0)
        while block := self.read(chunk_size or _BLOCK):
            yield block
