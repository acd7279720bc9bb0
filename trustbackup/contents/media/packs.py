"""Contents become objects: a large file one of its own, small ones together in packs.

Writing and the hash of a whole object happen in a second thread, so that the next file is read
meanwhile. What an object is called is known at its end only: until then its place has a number.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections.abc import Collection, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from trustbackup.contents.media.reading import BLOCK
from trustbackup.store.durable import DurableFile
from trustbackup.store.objects import ObjectStore, StoredObject
from trustbackup.store.scheduling import has_green_threads, schedule_as_batch

ALONE = 8 << 20
"""Bytes from which on a file is an object of its own."""
PACK = 64 << 20
"""Bytes. A pack that has so many is closed; it may have nearly one small file more."""
_PLACE = re.compile(rb'"object":"@(\d+)"')
_MARK = b'"object":"@'


@dataclass
class _Open:
    """An object that is being written."""

    number: int
    file: DurableFile
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    bytes: int = 0


class ObjectWriter:
    """Writes objects below ``workdir`` and publishes them in a store that is held ``in_use``."""

    def __init__(self, store: ObjectStore, workdir: Path, damaged: Collection[str] = ()) -> None:
        """``damaged`` are objects that are written anew though one of that name is there."""
        self.written: dict[str, StoredObject] = {}
        """What this backup has brought, whether it was there already or not."""
        self.new_bytes = 0
        """Bytes of those that were not there."""
        self._store, self._workdir, self._damaged = store, workdir, frozenset(damaged)
        self._pool = ThreadPoolExecutor(1, "trustbackup-objects", _as_batch)
        self._waiting: Future[None] | None = None
        self._pack: _Open | None = None
        self._open: list[_Open] = []
        self._pieces: list[bytes] = []
        self._size = self._offset = 0
        self._names: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._close_pack()
                self._wait()
                self._store.sync()
        finally:
            self._pool.shutdown(cancel_futures=True)
            for left in self._open:
                with contextlib.suppress(Exception):
                    left.file.__exit__(Exception)
            for number in range(len(self._names)):  # another folder's objects are written here next
                with contextlib.suppress(OSError):
                    self._path(number).unlink(missing_ok=True)

    def add(self, content: bytes) -> tuple[str, int]:
        """Put a small content into a pack: its place, and the bytes before it there."""
        if self._pack is None:
            self._pack, self._offset = self._begin(), 0
        place, offset = f"@{self._pack.number}", self._offset
        self._pieces.append(content)
        self._offset += len(content)
        self._size += len(content)
        if self._size >= BLOCK:
            self._flush()
        if self._offset >= PACK:
            self._close_pack()
        return place, offset

    def add_large(self, blocks: Iterable[bytes]) -> tuple[str, str]:
        """Write an object of its own: its place, and its SHA-256. Raises what reading raises."""
        self._flush()
        item = self._begin()
        try:
            for block in blocks:
                self._submit(item, [block])
        except BaseException:
            self._wait()
            item.file.__exit__(Exception)
            self._open.remove(item)
            item.file.path.unlink()  # another folder's objects are written here next
            raise
        self._end(item)
        self._wait()
        return f"@{item.number}", self._names[item.number]

    def name_places(self, line: bytes) -> bytes:
        """A line of the index with the name in the stead of the place; all must be written."""
        if _MARK not in line:
            return line
        return _PLACE.sub(
            lambda match: b'"object":"%s"' % self._names[int(match[1])].encode(), line
        )

    def _begin(self) -> _Open:
        number = len(self._names)
        self._names.append("")
        item = _Open(number, DurableFile(self._path(number)))
        self._open.append(item)
        return item

    def _path(self, number: int) -> Path:
        return self._workdir / f"object-{number}"

    def _flush(self) -> None:
        if self._pack is not None and self._pieces:
            self._submit(self._pack, self._pieces)
        self._pieces, self._size = [], 0

    def _close_pack(self) -> None:
        self._flush()
        if self._pack is not None:
            self._end(self._pack)
        self._pack = None

    def _submit(self, item: _Open, pieces: list[bytes]) -> None:
        self._wait()
        self._waiting = self._pool.submit(_write, item, pieces)

    def _end(self, item: _Open) -> None:
        self._wait()
        self._waiting = self._pool.submit(self._publish, item)

    def _wait(self) -> None:
        """One job at a time: what is under way is bounded. Raises what writing raised."""
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            waiting.result()

    def _publish(self, item: _Open) -> None:
        self._open.remove(item)
        item.file.__exit__(None)
        stored = StoredObject(item.digest.hexdigest(), item.bytes)
        anew = stored.sha256 in self._damaged
        if self._store.publish(item.file.path, stored, anew=anew):
            self.new_bytes += stored.bytes
        self.written[stored.sha256] = stored
        self._names[item.number] = stored.sha256


def _write(item: _Open, pieces: list[bytes]) -> None:
    for piece in pieces:
        item.digest.update(piece)
        item.bytes += item.file.write(piece)


def _as_batch() -> None:
    if not has_green_threads():  # else it would be the whole process
        schedule_as_batch(threading.get_native_id())
