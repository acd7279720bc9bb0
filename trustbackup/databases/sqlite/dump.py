"""A consistent copy of one SQLite file while others write, and that copy as a dump."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

from django.db import connections

from trustbackup.databases.base import Dump
from trustbackup.databases.sqlite.file import (
    StillLocked,
    copy_database,
    met_size_limit,
    quoted,
    readable_mode,
    snapshot,
)
from trustbackup.databases.sqlite.references import references
from trustbackup.databases.sqlite.site_connection import connect_as_site
from trustbackup.databases.values import Facts, OpenRaw
from trustbackup.exceptions import REMEDIES, DumpError
from trustbackup.phrases import gettext as _
from trustbackup.phrases import joined
from trustbackup.store.sqlite_name import file_of

SQLITE_FILE = "sqlite file"


class SQLiteDump(Dump):
    """The finished copy, read as a stream while a second thread checks and counts it."""

    def __init__(
        self,
        name: str,
        path: Path,
        connector: str,
        checking: Future[Facts],
        *,
        excluded: Sequence[str] = (),
    ) -> None:
        self._name = name
        self._excluded = set(excluded)
        self.connector = connector
        self.format = SQLITE_FILE
        self.suffix = "dump"
        self.tool_version = f"SQLite {sqlite3.sqlite_version}"
        self.estimate = path.stat().st_size
        self._file = path.open("rb", buffering=0)
        self._checking = checking

    def readinto(self, buffer: memoryview, /) -> int:
        return self._file.readinto(buffer)

    def facts(self, open_raw: OpenRaw) -> Facts:
        found = self._checking.result()
        excluded = tuple(table.name for table in found.tables if table.name in self._excluded)
        return replace(found, database=self._name, excluded=excluded)

    def close(self) -> None:
        self._file.close()


class Source:
    """The live file of an alias, to be copied."""

    def __init__(self, alias: str, path: Path, wait: float) -> None:
        self.alias = alias
        self.path = path
        self.wait = wait

    def copy_to(
        self, target: Path, exclude: Sequence[str] = (), excluded: Sequence[str] = ()
    ) -> None:
        """Copy it as it is at one instant, without the rows of the tables in either list.

        Rows that refer to those of ``excluded`` are refused. Raises sqlite3.Error, OSError, and
        DumpError, also when the target's disk is full.
        """
        mode = readable_mode(self.path)
        before = self._state()
        with (
            snapshot(self.path, self.wait, mode) as source,
            self._named_if_full(target),
            contextlib.closing(sqlite3.connect(target, isolation_level=None)) as copy,
        ):
            copy.execute("PRAGMA synchronous = OFF")
            copy_database(source, copy, self.wait)
            # A copy of a WAL database would want a -wal of its own when it is opened.
            copy.execute("PRAGMA journal_mode = DELETE")
        if mode != "rw" and before != self._state():
            raise StillLocked(_("somebody changed it where it can't be locked"))
        if exclude or excluded:
            with self._named_if_full(target):
                self._leave_out(target, exclude, excluded)

    def _state(self) -> tuple[int, int, int]:
        """Changes whenever somebody opens it for writing, or has written to it."""
        status = self.path.stat()
        log = Path(f"{self.path}-wal")
        return status.st_size, status.st_mtime_ns, log.stat().st_size if log.exists() else -1

    def _leave_out(self, target: Path, exclude: Sequence[str], excluded: Sequence[str]) -> None:
        """Empty these tables, and only them: no trigger fires, no foreign key follows."""
        with connect_as_site(self.alias, target, "rw", self.wait) as copy:
            # The copy is a draft: after a crash nobody wants it back.
            copy.execute("PRAGMA journal_mode = OFF").fetchone()
            copy.execute("PRAGMA synchronous = OFF")
            # What is left out must not be found in the pages that it leaves free.
            copy.execute("PRAGMA secure_delete = ON").fetchone()
            triggers = copy.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
            ).fetchall()
            there = {
                name
                for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            }
            chosen = there.intersection([*exclude, *excluded])
            for child, parent in references(copy, there.intersection(excluded), chosen):
                raise DumpError(
                    _("Database %(alias)r was not dumped", alias=self.alias),
                    why=_(
                        "rows of %(table)s refer to those of %(to)s, which are left out",
                        table=child,
                        to=parent,
                    ),
                    todo=_("Leave both out, or none of them."),
                )
            copy.execute("BEGIN")
            for name, _sql in triggers:
                copy.execute(f"DROP TRIGGER {quoted(name)}")
            for table in chosen:
                copy.execute(f"DELETE FROM {quoted(table)}")  # noqa: S608
            for _name, sql in triggers:
                copy.execute(sql)
            copy.execute("COMMIT")

    @contextlib.contextmanager
    def _named_if_full(self, target: Path) -> Iterator[None]:
        """SQLite does not say which disk is full: the database's or the backup's."""
        try:
            yield
        except sqlite3.Error as error:
            if met_size_limit(error):
                number = errno.EFBIG
            elif getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                number = errno.ENOSPC
            else:
                raise
            raise DumpError(
                _("Database %(alias)r was not dumped", alias=self.alias),
                why=_(
                    "copying it to %(target)s failed, %(reason)s",
                    target=target,
                    reason=os.strerror(number),
                ),
                todo=REMEDIES[number],
            ) from error


def check_source(alias: str, name: str) -> None:
    """Refuse what would give an empty or a torn success. Raises DumpError."""
    what = _("Database %(alias)r was not dumped", alias=alias)
    if connections[alias].in_atomic_block:
        raise DumpError(
            what,
            why=_("a transaction of this very process is open on it"),
            todo=_("Make the backup outside of transaction.atomic()."),
        )
    path = file_of(name)
    if path is None:
        raise DumpError(
            what,
            why=_("it lives in memory"),
            todo=_("Only databases in a file can be backed up."),
        )
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DumpError(
            what,
            why=joined([name, os.strerror(error.errno or 0)], ": "),
            todo=_("Check NAME in DATABASES, or run migrate first."),
        ) from error
    if size == 0:
        raise DumpError(what, why=_("%(name)s is empty", name=name), todo=_("Run migrate first."))
