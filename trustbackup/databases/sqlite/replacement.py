"""A new SQLite file beside the live one, checked and then copied in.

Swapping copies the new content into the live file through SQLite's own backup, which is one
transaction: a reader sees the old rows or the new ones, a crash leaves the old ones, and a
stale -wal of the old file can't come back. Replacing the file itself would leave every open
connection on the old one.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from django.db import connections

from trustbackup.databases.base import Replacement
from trustbackup.databases.sqlite.file import (
    MAGIC,
    checked_facts,
    connect,
    copy_database,
    create_private,
    list_tables,
    quoted,
    snapshot,
    translate,
)
from trustbackup.databases.values import Facts, LoadRequest
from trustbackup.exceptions import RestoreError
from trustbackup.phrases import gettext as _
from trustbackup.store.streams import BLOCK

_CAREFUL = 64
"""Pages a step while the live file is locked: too few for any to be written out early."""
COMPANIONS = ("", "-journal", "-wal", "-shm")


class SQLiteReplacement(Replacement):
    """See Replacement."""

    def __init__(self, alias: str, live: Path, path: Path, wait: float, *, existing: bool) -> None:
        self.alias = alias
        self.live = live
        self.name = str(path)
        self.path = path
        self.wait = wait
        self.what = _("Database %(alias)r was not restored", alias=alias)
        self._stays = existing

    def create(self) -> None:
        with translate(RestoreError, self.what):
            os.close(create_private(self.path))

    def load(self, request: LoadRequest) -> None:
        with (
            translate(RestoreError, self.what),
            request.open_raw() as source,
            self.path.open("r+b", buffering=0) as file,
        ):
            while block := source.read(BLOCK):
                view = memoryview(block)
                while view:
                    view = view[file.write(view) :]
            os.fsync(file.fileno())
        with self.path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise RestoreError(
                    self.what,
                    why=_("the backup holds no SQLite database"),
                    todo=_("Choose a backup of this database."),
                )
        if request.tables:
            self._keep_only(request.tables)

    def _keep_only(self, tables: Sequence[str]) -> None:
        with self._open() as new:
            there = list_tables(new)
            if missing := [name for name in tables if name not in there]:
                raise RestoreError(
                    self.what,
                    why=_("the backup has no table %(table)r", table=missing[0]),
                    todo=_("See show_backup for those that it has."),
                )
            for name in there:
                if name not in tables:
                    new.execute(f"DROP TABLE {quoted(name)}")
            new.execute("VACUUM")

    def facts(self, *, content: bool = False) -> Facts:
        return checked_facts(self.path, self.alias, self.wait, RestoreError, content=content)

    def problems(self) -> list[str]:
        with self._open() as new:
            broken = new.execute("PRAGMA foreign_key_check").fetchall()
            tables = sorted({str(row[0]) for row in broken})
        return [
            _("Table %(table)s has rows whose foreign key points nowhere.", table=table)
            for table in tables
        ]

    def carry_over(self, tables: Sequence[str], app: str) -> None:
        if not self.live.exists() or not self.live.stat().st_size:
            return
        with self._open() as new:
            new.execute("ATTACH ? AS live", [f"file:{quote(str(self.live.absolute()))}?mode=rw"])
            new.execute("BEGIN")
            present = new.execute(
                "SELECT name FROM live.sqlite_master WHERE type = 'table'"
            ).fetchall()
            mine = [table for table in tables if (table,) in present]
            for table in mine:
                _take_table(new, table)
            if mine and ("django_migrations",) in present:
                _take_migrations(new, app)
            new.execute("COMMIT")
            new.execute("DETACH live")

    def empty(self, table: str) -> None:
        with self._open() as new:
            if table in list_tables(new):
                new.execute(f"DELETE FROM {quoted(table)}")  # noqa: S608

    def marker(self) -> str:
        """The schema version: a copy into a file raises it, and rows never do."""
        return schema_version(self.live, self.wait)

    def swap(self, kept_name: str) -> None:
        connections[self.alias].close()
        with translate(RestoreError, self.what), contextlib.ExitStack() as stack:
            new = stack.enter_context(contextlib.closing(connect(self.path, "rw", self.wait)))
            keep_old = _nothing_to_keep
            if self.live.exists() and self.live.stat().st_size:
                keep_old = stack.enter_context(
                    contextlib.closing(_OldCopy(self.live, Path(kept_name), self.wait))
                ).make
            live = stack.enter_context(contextlib.closing(connect(self.live, "rwc", self.wait)))
            live.execute("PRAGMA cache_size = -20000")
            live.execute("PRAGMA wal_autocheckpoint = 0")
            (total,) = new.execute("PRAGMA page_count").fetchone()
            # Two steps at least: the old content is copied between them, and the last commits.
            pages = max(1, min(_CAREFUL, total - 1))
            copy_database(new, live, self.wait, pages=pages, on_first=keep_old)
            # What was committed goes from the WAL into the file before anybody else writes;
            # a reader with an open transaction puts that off, which is no error.
            live.execute("PRAGMA busy_timeout = 1000")
            live.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self._stays = False

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with (
            translate(RestoreError, self.what),
            contextlib.closing(connect(self.path, "rw", self.wait)) as new,
        ):
            yield new

    def stay(self) -> None:
        self._stays = True

    def drop(self) -> None:
        if not self._stays:
            remove_file(self.path)


def _nothing_to_keep() -> None:
    """There is no live content yet."""


class _OldCopy:
    """The live content, copied away while the live file is locked for its replacement.

    So nobody can commit between the copy and the replacement: whatever was committed is in
    the one or in the other.
    """

    def __init__(self, live: Path, kept: Path, wait: float) -> None:
        self._live, self._kept, self._wait = live, kept, wait
        with contextlib.closing(connect(live, "rw", wait)) as connection:
            (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        self._wal = mode == "wal"
        self._target = create_private(kept)
        # Stays open to the end: closing any descriptor of a file frees all of this
        # process's POSIX locks on it, SQLite's among them.
        self._source = os.open(live, os.O_RDONLY | os.O_CLOEXEC)

    def make(self) -> None:
        if self._wal:
            self._await_checkpoint()
            # Readers go on beside the writer, and still see the old content.
            with (
                snapshot(self._live, self._wait) as old,
                contextlib.closing(connect(self._kept, "rw", self._wait)) as copy,
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
        os.fsync(self._target)

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
                    raise sqlite3.OperationalError(_("database was locked by a checkpoint"))
                time.sleep(0.01)

    def close(self) -> None:
        os.close(self._source)
        os.close(self._target)


def _take_table(new: sqlite3.Connection, table: str) -> None:
    name = quoted(table)
    new.execute(f"DROP TABLE IF EXISTS main.{name}")
    statements = new.execute(
        "SELECT sql FROM live.sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL"
        " ORDER BY type = 'table' DESC",
        [table],
    ).fetchall()
    for (sql,) in statements[:1]:
        new.execute(sql)
    new.execute(f"INSERT INTO main.{name} SELECT * FROM live.{name}")  # noqa: S608
    for (sql,) in statements[1:]:
        new.execute(sql)
    has = new.execute("SELECT 1 FROM live.sqlite_master WHERE name = 'sqlite_sequence'").fetchone()
    if has and "AUTOINCREMENT" in statements[0][0].upper():
        new.execute("DELETE FROM main.sqlite_sequence WHERE name = ?", [table])
        new.execute(
            "INSERT INTO main.sqlite_sequence SELECT * FROM live.sqlite_sequence WHERE name = ?",
            [table],
        )


def _take_migrations(new: sqlite3.Connection, app: str) -> None:
    new.execute(
        "CREATE TABLE IF NOT EXISTS main.django_migrations (id integer NOT NULL PRIMARY KEY"
        " AUTOINCREMENT, app varchar(255) NOT NULL, name varchar(255) NOT NULL,"
        " applied datetime NOT NULL)"
    )
    new.execute("DELETE FROM main.django_migrations WHERE app = ?", [app])
    new.execute(
        "INSERT INTO main.django_migrations (app, name, applied)"
        " SELECT app, name, applied FROM live.django_migrations WHERE app = ? ORDER BY id",
        [app],
    )


def schema_version(path: Path, wait: float) -> str:
    """SQLite's schema cookie; "" when there is no file, or nothing in it."""
    if not path.exists() or not path.stat().st_size:
        return ""
    with contextlib.closing(connect(path, "rw", wait)) as live:
        (version,) = live.execute("PRAGMA schema_version").fetchone()
    return str(version)


def remove_file(path: Path) -> None:
    for suffix in COMPANIONS:
        Path(f"{path}{suffix}").unlink(missing_ok=True)
