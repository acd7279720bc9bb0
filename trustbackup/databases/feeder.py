"""Feeding a program's standard input from a stream, without a file between."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from typing import BinaryIO, Self

from trustbackup.store import pipes
from trustbackup.store.streams import BLOCK, Readable


class Feeder:
    """Feeds a stream into a pipe from a thread; ``read_end`` is a program's standard input.

    A reader that leaves early (as ``pg_restore --list`` does) is no error. Leaving the context
    waits for the thread and raises what reading the source raised: damage in a backup is the
    cause of what the program complains about.
    """

    def __init__(self, source: Readable) -> None:
        self._source = source
        descriptor, self._write_end = os.pipe()
        pipes.prepare(self._write_end)
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, BLOCK)
        self.read_end: BinaryIO = os.fdopen(descriptor, "rb", buffering=0)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._feed, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.read_end.close()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _feed(self) -> None:
        try:
            while block := self._source.read(BLOCK):
                pipes.write_all(self._write_end, block)
        except BrokenPipeError:
            pass
        except BaseException as error:
            self._error = error
        finally:
            pipes.close(self._write_end)
