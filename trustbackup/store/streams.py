"""Streams of a backup: compress, hash and count on the way in, and back again.

Memory stays flat: at most 16 blocks of 1 MiB are under way at any time, and they are used
over and over. Compressing, hashing and writing happen in a second thread, so that the
dumper never waits for them while a core is free. What is cut (``store/cuts.py``) goes through
one more MiB, and is the same file for the same bytes, however these came.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from trustbackup.exceptions import ManifestError, TrustbackupError
from trustbackup.phrases import gettext as _
from trustbackup.store import cuts
from trustbackup.store.age import MAGIC, is_encrypted
from trustbackup.store.checked_file import BlockHashes, open_checked
from trustbackup.store.compression import DAMAGE, Compression, sniff_compression
from trustbackup.store.decrypt import open_decrypted
from trustbackup.store.durable import open_regular
from trustbackup.store.encrypt import Encryptor
from trustbackup.store.scheduling import has_green_threads, schedule_as_batch

BLOCK = 1 << 20
"""Bytes that are read and written at a time."""
_UNDER_WAY = 16
"""Blocks. So many may wait for the compressor while others need its processor."""


class Readable(Protocol):
    """Anything a stream can be read from; an empty result is its end."""

    def read(self, size: int = -1, /) -> bytes: ...


class Source(Protocol):
    """Anything that fills a buffer from its start and tells how far; 0 is the end."""

    def readinto(self, buffer: memoryview, /) -> int: ...


class Writable(Protocol):
    """Anything bytes can be written to; it may take fewer than it was given."""

    def write(self, data: bytes | memoryview, /) -> int: ...


@dataclass(frozen=True)
class Written:
    """What was written: sizes in bytes, and the SHA-256 of the file as 64 hex digits.

    What is plain is what ``age -d`` makes of an encrypted file; 0 and "" of any other.
    """

    size: int
    raw_size: int
    sha256: str
    plain_size: int = 0
    plain_sha256: str = ""


def write_compressed(
    source: Source,
    target: Writable,
    compression: Compression,
    on_bytes: Callable[[int], None] = lambda _count: None,
    *,
    step: int = BLOCK,
    is_packed: Callable[[], bool] | None = None,
) -> Written:
    """Copy ``source`` to its end into ``target``, compressed, hashed and counted.

    After ``step`` bytes at most, others may have the processor: a dumper, for instance.
    ``is_packed`` tells of the block that was read last whether to leave it as it is, where the
    compression can; nothing is cut then.

    ``on_bytes`` gets the number of raw bytes read so far, in the calling thread, and may
    raise to stop. Whatever reading, compressing or writing raises comes out unchanged.
    """
    with _Writer(target, compression, step, mixed=is_packed is not None) as writer:
        raw_size = 0
        while count := source.readinto(block := writer.empty_block()):
            writer.put(block, count, packed=is_packed is not None and is_packed())
            raw_size += count
            on_bytes(raw_size)
    plain = writer.size, raw_size, writer.digest.hexdigest()
    if (encryptor := writer.encryptor) is None:
        return Written(*plain)
    return Written(encryptor.size, raw_size, encryptor.digest.hexdigest(), plain[0], plain[2])


class _Writer:
    """Compresses, hashes and writes in a thread of its own."""

    def __init__(
        self, target: Writable, compression: Compression, step: int, *, mixed: bool
    ) -> None:
        self.encryptor = (
            Encryptor(target, compression.recipients) if compression.recipients else None
        )
        self.target = target
        self.compression = compression
        self.compressor = compression.compressor()
        self.packing = False
        """Whether the compressor at work is the one that leaves everything as it is."""
        mode = None if mixed else compression.cut_mode
        self.cut_mode = mode if mode is not None and cuts.can_cut() else None
        self.step = step
        self.digest = hashlib.sha256()
        self.size = 0
        self.error: BaseException | None = None
        # The block that was given back last is the one that a processor still has in its cache.
        self._empty: queue.LifoQueue[memoryview] = queue.LifoQueue()
        self._made = 0
        self._full: queue.SimpleQueue[tuple[memoryview, int, bool] | None] = queue.SimpleQueue()
        self._packed = False
        self._abandoned = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="trustbackup-write", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._abandoned = kind is not None
        self._full.put(None)
        # Not join(): an exception from a signal in the midst of that leaves it useless.
        try:
            self._ended.wait()
        except BaseException:
            # The caller closes the target next; nothing may write to it then.
            self._abandoned = True
            self._ended.wait()
            raise
        finally:
            if self.encryptor is not None and (self._abandoned or self.error is not None):
                self.encryptor.abandon()
        if kind is None and self.error is not None:
            raise self.error
        if kind is None and self.encryptor is not None:
            self.encryptor.close()

    def empty_block(self) -> memoryview:
        """A block to fill, as soon as one is free; a small source needs few."""
        with contextlib.suppress(queue.Empty):
            return self._empty.get_nowait()
        if self._made == _UNDER_WAY:
            return self._empty.get()
        self._made += 1
        return memoryview(bytearray(BLOCK))

    def put(self, block: memoryview, count: int, *, packed: bool) -> None:
        """Hand over a block that has ``count`` bytes. Raises what writing raised meanwhile."""
        if self.error is not None:
            raise self.error
        self._full.put((block, count, packed))

    def _run(self) -> None:
        try:
            self._work()
        finally:
            self._ended.set()

    def _work(self) -> None:
        if not has_green_threads():  # else it would be the whole process
            schedule_as_batch(threading.get_native_id())
        blocks = self._blocks()
        try:
            self._compress(blocks)
        except BaseException as error:
            self.error = error
            # The queue is still emptied: nobody may wait for a free block.
            for _block in blocks:
                pass

    def _blocks(self) -> Iterator[memoryview]:
        """What was put, to its end. A block is free again when the next one is asked for."""
        while (item := self._full.get()) is not None:
            block, count, self._packed = item
            yield block[:count]
            self._empty.put(block)

    def _compress(self, blocks: Iterator[memoryview]) -> None:
        for number, piece in enumerate(blocks if self.cut_mode is None else cuts.pieces(blocks)):
            if number and self.cut_mode is not None:
                self._write(self.compressor.flush(self.cut_mode))
            if self._packed is not self.packing:
                self._change_over()
            for start in range(0, len(piece), self.step):
                self._write(self.compressor.compress(piece[start : start + self.step]))
                # The dumper's turn, if it waits: it does not interrupt anybody.
                os.sched_yield()
        self._write(self.compressor.flush())

    def _change_over(self) -> None:
        """End what compresses, and go on with what leaves as it is, or the other way round."""
        self.packing = self._packed
        if (store := self.compression.store) is not None:
            self._write(self.compressor.flush())
            self.compressor = store() if self.packing else self.compression.compressor()

    def _write(self, data: bytes | memoryview) -> None:
        if self._abandoned:
            raise _Abandoned
        self.digest.update(data)
        self.size += len(data)
        if self.encryptor is not None:
            self.encryptor.write(data)
            return
        view = memoryview(data)
        while view:
            view = view[self.target.write(view) :]


class _Abandoned(Exception):
    """The caller has ended: nothing more may be written."""


def sha256_of(path: Path, on_bytes: Callable[[int], None] = lambda _: None) -> str:
    """The SHA-256 of a regular file, as 64 hex digits; ``on_bytes`` gets the bytes read so far.

    Raises FolderError, OSError.
    """
    digest = hashlib.sha256()
    done = 0
    with open_regular(path, buffering=0) as file:
        while block := file.read(BLOCK):
            digest.update(block)
            done += len(block)
            on_bytes(done)
    return digest.hexdigest()


class Decompressed:
    """The raw stream of a compressed file; damage is a ManifestError, not a traceback.

    With ``known`` it must be what was read before, which is compared before it is used.
    """

    def __init__(self, path: Path, known: BlockHashes | None = None) -> None:
        self.path = path
        with ExitStack() as stack:
            file = stack.enter_context(
                open_regular(path) if known is None else open_checked(path, known)
            )
            self.encrypted = is_encrypted(file.peek(len(MAGIC)))  # type: ignore[attr-defined]
            if self.encrypted:
                file = stack.enter_context(open_decrypted(file, path.name))
            self.compression = sniff_compression(file.peek(8))  # type: ignore[attr-defined]
            self._reader = stack.enter_context(self.compression.reader(file))
            self._files = stack.pop_all()

    def read(self, size: int = -1, /) -> bytes:
        """At most ``size`` bytes. Raises ManifestError when the file is damaged."""
        try:
            return self._reader.read(size)
        except TrustbackupError:
            raise
        except DAMAGE as error:
            raise ManifestError(
                _("%(name)s can't be decompressed", name=self.path.name),
                why=_("it is truncated or damaged (%(error)s)", error=error),
                todo=_("Use another backup, or another copy of this one."),
            ) from error

    def close(self) -> None:
        self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
