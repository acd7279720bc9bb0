"""The copy of a live SQLite file's content that a restore keeps, for its undo."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from trustbackup.databases.sqlite.file import (
    StillLocked,
    connect,
    copy_database,
    create_private,
    snapshot,
)
from trustbackup.databases.sqlite.swap_sign import UNFINISHED, leave_sign
from trustbackup.phrases import gettext as _
from trustbackup.store.durable import sync_folder
from trustbackup.store.streams import BLOCK


class OldCopy:
    """The live content, copied away while the live file is locked for its replacement.

    So nobody can commit between the copy and the replacement: whatever was committed is in
    the one or in the other. Until that is committed the copy has a name that nobody undoes.
    """

    def __init__(self, live: Path, previous: Path, label: str, wait: float) -> None:
        self._live, self._label, self._wait = live, label, wait
        self._previous = previous.with_name(previous.name + UNFINISHED)
        with contextlib.closing(connect(live, "rw", wait)) as connection:
            (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        self._wal = mode == "wal"
        self._target = create_private(self._previous)
        # Stays open to the end: closing any descriptor of a file frees all of this
        # process's POSIX locks on it, SQLite's among them.
        self._source = os.open(live, os.O_RDONLY | os.O_CLOEXEC)

    def make(self) -> None:
        if self._wal:
            self._await_checkpoint()
            # Readers go on beside the writer, and still see the old content.
            with (
                snapshot(self._live, self._wait) as old,
                contextlib.closing(connect(self._previous, "rw", self._wait)) as copy,
            ):
                copy.execute("PRAGMA synchronous = OFF")
                copy_database(old, copy, self._wait)
        else:
            # No reader gets in, but nothing was written to the file yet.
            offset = 0
            while block := os.pread(self._source, BLOCK, offset):
                view = memoryview(block)
                while view:
                    view = view[os.write(self._target, view) :]
                offset += len(block)
        with contextlib.closing(connect(self._previous, "rw", self._wait)) as copy:
            # Without files beside it, for which a disk that is nearly full may have no room.
            copy.execute("PRAGMA locking_mode = EXCLUSIVE")
            copy.execute("PRAGMA journal_mode = MEMORY")
            copy.execute("PRAGMA synchronous = OFF")
            leave_sign(copy, self._label)
        os.fsync(self._target)
        sync_folder(self._previous.parent)

    def _await_checkpoint(self) -> None:
        """Until no checkpoint of another connection is under way; no new one begins then.

        A commit that restarts the WAL while somebody's second checkpoint runs loses pages, in
        every SQLite before 3.51.3: https://sqlite.org/wal.html#walresetbug
        """
        until = time.monotonic() + self._wait
        with contextlib.closing(connect(self._live, "rw", self._wait)) as connection:
            while True:
                busy, _frames, _done = connection.execute("PRAGMA wal_checkpoint").fetchone()
                if not busy:
                    return
                if time.monotonic() > until:
                    raise StillLocked(_("database was locked by a checkpoint"))
                time.sleep(0.01)

    def close(self) -> None:
        os.close(self._source)
        os.close(self._target)
