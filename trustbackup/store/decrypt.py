"""The plain stream of an encrypted file, read as any other file is.

pyrage pushes what it decrypts, 8 KiB at a time, and what restores pulls, so that a thread stands
between. Each 64 KiB are authenticated before they come out, but those before a damaged one are
out by then (``findings/pyrage-damage-is-an-oserror.sh``): the error comes behind them, as a
ManifestError, and who reads must not use what came before it. A restore compares the stored bytes
with the signed hash first, anyway.
"""

from __future__ import annotations

import io
import queue
import threading
from typing import TYPE_CHECKING, BinaryIO

from trustbackup.exceptions import ManifestError, TrustbackupError
from trustbackup.phrases import gettext as _
from trustbackup.store import age, identities
from trustbackup.store.scheduling import has_green_threads, schedule_as_batch

if TYPE_CHECKING:
    from typing_extensions import Buffer

_PIECE = 256 << 10
"""Bytes that are handed over at a time."""
_WAITING = 8
"""Pieces that may wait to be read."""


def open_decrypted(file: BinaryIO, name: str) -> io.BufferedReader:
    """The plain bytes of an encrypted file, opened by the identities in use.

    Raises IdentityNeeded where none of them opens it; ``name`` is the file's, for sentences.
    Closing leaves ``file`` open.
    """
    known = identities.in_use()
    if not known:
        raise identities.needed(name)
    stream = _Decryptor(file, name, known)
    try:
        stream.begin()
    except BaseException:
        stream.close()
        raise
    return io.BufferedReader(stream, _PIECE)


class _Decryptor(io.RawIOBase):
    def __init__(self, file: BinaryIO, name: str, known: identities.Identities) -> None:
        super().__init__()
        self._file, self._name, self._known = file, name, known
        self._pieces: queue.Queue[bytes | None] = queue.Queue(_WAITING)
        self._collected = bytearray()
        self._left = memoryview(b"")
        self._error: BaseException | None = None
        self._read_error: BaseException | None = None
        self._abandoned = False
        self._at_end = False
        self._thread = threading.Thread(target=self._run, name="trustbackup-decrypt", daemon=True)

    def begin(self) -> None:
        """Raises what opening the file raises."""
        self._thread.start()
        self._fetch()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        if not self._left:
            self._fetch()
        target = memoryview(buffer).cast("B")
        count = min(len(target), len(self._left))
        target[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def _fetch(self) -> None:
        if self._at_end:
            if self._error is not None:
                raise self._error
            return
        piece = self._pieces.get()
        if piece is not None:
            self._left = memoryview(piece)
            return
        self._at_end = True
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        if not self.closed:
            self._abandoned = True
            while not self._at_end and self._thread.ident is not None:
                self._at_end = self._pieces.get() is None
            if self._thread.ident is not None:
                self._thread.join()
        super().close()

    # ------------------------------------------------------------ in the thread

    def _run(self) -> None:
        if not has_green_threads():
            schedule_as_batch(threading.get_native_id())
        pyrage = age.library()
        try:
            pyrage.decrypt_io(_Source(self), _Sink(self), list(self._known.keys))
            self._pass_on()
        except BaseException as error:
            self._error = self._read_error or self._sentence(error, pyrage.DecryptError)
        finally:
            self._pieces.put(None)

    def _sentence(self, error: BaseException, refused: type[BaseException]) -> TrustbackupError:
        if isinstance(error, refused) and "matching keys" in str(error):
            return identities.wrong(self._name, self._known)
        return ManifestError(
            _("%(name)s can't be decrypted", name=self._name),
            why=_("it is truncated or damaged (%(error)s)", error=error),
            todo=_("Use another backup, or another copy of this one."),
        )

    def take(self, size: int) -> bytes:
        """Encrypted bytes for pyrage."""
        if self._abandoned:
            raise _Abandoned
        try:
            return self._file.read(size)
        except BaseException as error:
            self._read_error = error
            raise

    def give(self, data: bytes) -> None:
        """Plain bytes from pyrage."""
        if self._abandoned:
            raise _Abandoned
        self._collected += data
        if len(self._collected) >= _PIECE:
            self._pass_on()

    def _pass_on(self) -> None:
        if self._collected:
            self._pieces.put(bytes(self._collected))
            self._collected.clear()


class _Abandoned(Exception):
    """The reader has ended: nothing more is to be decrypted."""


class _Source:
    """What pyrage reads from."""

    def __init__(self, stream: _Decryptor) -> None:
        self._stream = stream

    def read(self, size: int = 65536) -> bytes:
        return self._stream.take(size)


class _Sink:
    """What pyrage writes to."""

    def __init__(self, stream: _Decryptor) -> None:
        self._stream = stream

    def write(self, data: bytes) -> int:
        self._stream.give(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back but what makes a piece."""
