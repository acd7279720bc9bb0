"""One SQLite database: a consistent copy while others write.

The copy goes through SQLite's own online backup inside a read transaction: on a WAL
database writers go on, on a rollback journal they wait until the copy is made. The copy is
checked, counted and compressed after that, so nobody waits for those.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from dbbackup.db.base import get_connector
from django.db import connections

from trustbackup.databases.base import Database, Dump, Facts, Replacement
from trustbackup.databases.sqlite.file import (
    MAGIC,
    checked_facts,
    connect,
    copy_database,
    read_facts,
    translate,
)
from trustbackup.databases.sqlite.replacement import SQLiteReplacement
from trustbackup.exceptions import REMEDIES, DumpError, RestoreError
from trustbackup.store.streams import BLOCK, Readable


class SQLiteDump(Dump):
    """The finished copy, read as a stream while a second thread checks and counts it."""

    def __init__(self, name: str, path: Path, connector: str, checking: Future[Facts]) -> None:
        self._name = name
        self.connector = connector
        self.tool_version = f"SQLite {sqlite3.sqlite_version}"
        self.estimate = path.stat().st_size
        self._file = path.open("rb", buffering=0)
        self._checking = checking

    def read(self, size: int = -1, /) -> bytes:
        return self._file.read(size) or b""

    def facts(self, archive: Callable[[], AbstractContextManager[Readable]]) -> Facts:
        return replace(self._checking.result(), database=self._name)

    def close(self) -> None:
        self._file.close()


class SQLite(Database):
    """An SQLite file."""

    engine = "sqlite"
    format = "sqlite file"
    magic = MAGIC

    @property
    def name(self) -> str:
        return str(connections[self.alias].settings_dict["NAME"])

    @property
    def path(self) -> Path:
        return Path(self.name)

    @contextlib.contextmanager
    def dump(self, workdir: Path) -> Iterator[Dump]:
        connector = get_connector(self.alias)
        self._check_source()
        copy = workdir / "copy.sqlite3"
        # A descriptor of our own first: SQLite would create the file with the umask's mode.
        os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
        connector.create_dump = lambda: self._copy_to(copy)
        with translate(DumpError, f"Database {self.alias!r} was not dumped"):
            connector.create_dump()
        with ThreadPoolExecutor(1, "trustbackup-facts") as pool:
            checking = pool.submit(checked_facts, copy, self.alias, self.options.wait, DumpError)
            dump = SQLiteDump(self.name, copy, _dotted(connector), checking)
            try:
                yield dump
            finally:
                dump.close()
        copy.unlink()

    def _check_source(self) -> None:
        """Refuse what would give an empty or a torn success."""
        what = f"Database {self.alias!r} was not dumped"
        if connections[self.alias].in_atomic_block:
            raise DumpError(
                what,
                why="a transaction of this very process is open on it",
                todo="Make the backup outside of transaction.atomic().",
            )
        if _in_memory(self.name):
            raise DumpError(
                what, why="it lives in memory", todo="Only databases in a file can be backed up."
            )
        try:
            size = self.path.stat().st_size
        except OSError as error:
            raise DumpError(
                what,
                why=f"{self.name}: {os.strerror(error.errno or 0)}",
                todo="Check NAME in DATABASES, or run migrate first.",
            ) from error
        if size == 0:
            raise DumpError(what, why=f"{self.name} is empty", todo="Run migrate first.")

    def _copy_to(self, target: Path) -> None:
        with contextlib.closing(connect(self.path, "rw", self.options.wait)) as source:
            # The read transaction keeps writers from restarting the copy again and again.
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            with (
                self._named_if_full(target),
                contextlib.closing(sqlite3.connect(target, isolation_level=None)) as copy,
            ):
                copy.execute("PRAGMA synchronous = OFF")
                copy_database(source, copy, self.options.wait)
                # A copy of a WAL database would want a -wal of its own when it is opened.
                copy.execute("PRAGMA journal_mode = DELETE")

    @contextlib.contextmanager
    def _named_if_full(self, target: Path) -> Iterator[None]:
        """SQLite does not say which disk is full: the database's or the backup's."""
        try:
            yield
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_FULL:
                raise
            raise DumpError(
                f"Database {self.alias!r} was not dumped",
                why=f"copying it to {target} failed, {os.strerror(errno.ENOSPC)}",
                todo=REMEDIES[errno.ENOSPC],
            ) from error

    def rows(self) -> int:
        if not self.path.exists() or self.path.stat().st_size == 0:
            return 0
        with (
            translate(RestoreError, f"Database {self.alias!r} can't be read"),
            contextlib.closing(connect(self.path, "rw", self.options.wait)) as live,
        ):
            return sum(table.rows for table in read_facts(live, self.name).tables)

    def names_for_restore(self, stamp: str) -> tuple[str, str]:
        stem, suffix = self.path.stem, self.path.suffix
        folder = self.path.parent
        return (
            str(folder / f"{stem}_restore_{stamp}{suffix}"),
            str(folder / f"{stem}_before_{stamp}{suffix}"),
        )

    def replacement(self, name: str, workdir: Path) -> Replacement:
        return SQLiteReplacement(self.alias, self.path, Path(name), self.options.wait)

    def inspect(self, archive: Readable) -> str:
        head = archive.read(len(MAGIC))
        while archive.read(BLOCK):
            pass
        return "" if head == MAGIC else "it is not an SQLite database"


def _in_memory(name: str) -> bool:
    return not name or ":memory:" in name or "mode=memory" in name


def _dotted(connector: object) -> str:
    return f"{type(connector).__module__}.{type(connector).__qualname__}"
