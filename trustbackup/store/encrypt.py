"""Encrypt a stream to public keys while it is written; nothing is kept but a few blocks.

pyrage pulls what it encrypts, and a backup is pushed, so that a thread stands between. It keeps the
error that writing raised: pyrage makes an EncryptError of it, which has lost its number
(``findings/pyrage-full-disk-without-errno.sh``). Pieces are small, as pyrage holds the
interpreter's lock for each (``findings/pyrage-holds-the-interpreter.sh``).
"""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Sequence
from typing import Protocol

from trustbackup.exceptions import DumpError
from trustbackup.phrases import gettext as _
from trustbackup.store import age
from trustbackup.store.scheduling import has_green_threads, schedule_as_batch

_WAITING = 4
"""Pieces of at most a MiB that may wait to be encrypted."""


class Writable(Protocol):
    """Anything bytes can be written to; it may take fewer than it was given."""

    def write(self, data: bytes | memoryview, /) -> int: ...


class Encryptor:
    """Takes plain bytes, and writes encrypted ones. ``close()`` ends the file, ``abandon()``
    gives it up.

    ``size`` and ``digest`` are of what was written, once it is closed.
    """

    def __init__(self, target: Writable, recipients: Sequence[str]) -> None:
        self._target = target
        self._keys = age.keys_of(recipients)
        self.digest = hashlib.sha256()
        self.size = 0
        self._error: BaseException | None = None
        self._abandoned = False
        self._queue: queue.Queue[bytes | None] = queue.Queue(_WAITING)
        self._left = memoryview(b"")
        self._at_end = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="trustbackup-encrypt", daemon=True)
        self._thread.start()

    def write(self, data: bytes | memoryview) -> None:
        """Raises what writing raised meanwhile."""
        if self._error is not None:
            raise self._error
        if data:
            self._queue.put(bytes(data))  # of a view that is about to be used again, a copy

    def close(self) -> None:
        """Write the end. Raises what writing raised; DumpError when it can't be encrypted."""
        self._queue.put(None)
        self._ended.wait()
        if self._error is not None:
            raise self._error

    def abandon(self) -> None:
        """Write nothing more; returns when nothing writes to the target any more."""
        self._abandoned = True
        self._queue.put(None)
        self._ended.wait()

    def _run(self) -> None:
        if not has_green_threads():
            schedule_as_batch(threading.get_native_id())
        try:
            age.library().encrypt_io(_Source(self), _Sink(self), self._keys)
        except BaseException as error:
            if self._error is None:
                self._error = DumpError(_("Encrypting failed"), why=str(error))
        finally:
            while not self._at_end:  # nobody may wait for room in the queue
                self._at_end = self._queue.get() is None
            self._ended.set()

    def next_bytes(self, size: int) -> bytes:
        """At most ``size`` plain bytes; ``b""`` at the end."""
        while not self._left:
            if self._at_end or (piece := self._queue.get()) is None:
                self._at_end = True
                return b""
            self._left = memoryview(piece)
        data = bytes(self._left[:size])
        self._left = self._left[size:]
        return data

    def put_out(self, data: bytes) -> None:
        """Write encrypted bytes."""
        try:
            if self._abandoned:
                raise _Abandoned
            view = memoryview(data)
            while view:
                view = view[self._target.write(view) :]
        except BaseException as error:
            self._error = error
            raise
        self.digest.update(data)
        self.size += len(data)


class _Abandoned(Exception):
    """The caller has ended: nothing more may be written."""


class _Source:
    """What pyrage reads from."""

    def __init__(self, encryptor: Encryptor) -> None:
        self._encryptor = encryptor

    def read(self, size: int = 8192) -> bytes:
        return self._encryptor.next_bytes(size)


class _Sink:
    """What pyrage writes to."""

    def __init__(self, encryptor: Encryptor) -> None:
        self._encryptor = encryptor

    def write(self, data: bytes) -> int:
        self._encryptor.put_out(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""
