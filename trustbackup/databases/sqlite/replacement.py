"""A new SQLite file beside the live one, checked and then copied in."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from django.db import connections

from trustbackup.databases.base import Facts, Replacement
from trustbackup.databases.sqlite.file import (
    MAGIC,
    checked_facts,
    connect,
    copy_database,
    translate,
)
from trustbackup.exceptions import RestoreError
from trustbackup.store.streams import BLOCK, Readable


class SQLiteReplacement(Replacement):
    """A new file beside the live one; swapping copies it in through SQLite's own backup,

    which is one transaction: a reader sees the old rows or the new ones, a crash leaves the
    old ones, and a stale -wal of the old file can't come back.
    """

    def __init__(self, alias: str, live: Path, path: Path, wait: float) -> None:
        self.alias = alias
        self.live = live
        self.name = str(path)
        self.path = path
        self.wait = wait
        self.what = f"Database {alias!r} was not restored"
        with translate(RestoreError, self.what):
            self._descriptor = os.open(
                path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600
            )

    def load(self, source: Readable) -> None:
        with translate(RestoreError, self.what):
            while block := source.read(BLOCK):
                view = memoryview(block)
                while view:
                    view = view[os.write(self._descriptor, view) :]
            os.fsync(self._descriptor)

    def facts(self) -> Facts:
        with self.path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise RestoreError(
                    self.what,
                    why="the backup holds no SQLite database",
                    todo="Choose a backup of this database.",
                )
        return checked_facts(self.path, self.alias, self.wait, RestoreError)

    def swap(self, kept_name: str) -> None:
        live, wait = self.live, self.wait
        connections[self.alias].close()
        with translate(RestoreError, self.what):
            if live.exists() and live.stat().st_size:
                os.close(os.open(kept_name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
                _copy_file(live, Path(kept_name), wait)
            _copy_file(self.path, live, wait)

    def drop(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._descriptor)
        self._descriptor = -1
        for suffix in ("", "-journal", "-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)


def _copy_file(source: Path, target: Path, wait: float) -> None:
    with (
        contextlib.closing(connect(source, "rw", wait)) as old,
        contextlib.closing(connect(target, "rwc", wait)) as new,
    ):
        copy_database(old, new, wait)
