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
from collections.abc import Iterator, Sequence
from pathlib import Path

from django.db import connections

from trustbackup.databases.base import Replacement
from trustbackup.databases.sqlite.app_tables import take_migrations, take_table
from trustbackup.databases.sqlite.file import (
    MAGIC,
    checked_facts,
    connect,
    copy_database,
    create_private,
    list_tables,
    quoted,
    translate,
)
from trustbackup.databases.sqlite.old_copy import OldCopy
from trustbackup.databases.sqlite.site_connection import connect_as_site, file_uri
from trustbackup.databases.sqlite.swap_sign import (
    FITTING,
    finish_old_copy,
    leave_sign,
    remove_file,
)
from trustbackup.databases.values import Facts, LoadRequest, Options
from trustbackup.exceptions import RestoreError
from trustbackup.phrases import gettext as _
from trustbackup.store.durable import name_exclusively, sync_folder
from trustbackup.store.streams import BLOCK

_CAREFUL = 64
"""Pages a step while the live file is locked: too few for any to be written out early."""


class SQLiteReplacement(Replacement):
    """See Replacement."""

    def __init__(
        self, alias: str, live: Path, path: Path, options: Options, *, existing: bool
    ) -> None:
        self.alias = alias
        self.label = options.label
        self.live = live
        self.name = str(path)
        self.path = path
        self.wait = options.wait
        self.what = _("Database %(alias)r was not restored", alias=alias)
        self._made = False
        self._stays = existing
        self.notes = []

    def create(self) -> None:
        with translate(RestoreError, self.what):
            os.close(create_private(self.path))
            self._made = True

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
        """None: a foreign key that points nowhere did so in the file that was backed up; a note."""
        with (
            translate(RestoreError, self.what),
            connect_as_site(self.alias, self.path, "ro&immutable=1", self.wait) as new,
        ):
            broken = new.execute("PRAGMA foreign_key_check").fetchall()
            tables = sorted({str(row[0]) for row in broken})
        self.notes += [
            _("Table %(table)s has rows whose foreign key points nowhere.", table=table)
            for table in tables
        ]
        return []

    def carry_over(self, tables: Sequence[str], app: str) -> None:
        if not self.live.exists() or not self.live.stat().st_size:
            return
        with self._open() as new:
            new.execute("ATTACH ? AS live", [file_uri(self.live, "rw")])
            new.execute("BEGIN")
            present = new.execute(
                "SELECT name FROM live.sqlite_master WHERE type = 'table'"
            ).fetchall()
            mine = [table for table in tables if (table,) in present]
            for table in mine:
                self.notes += take_table(new, table)
            if mine and ("django_migrations",) in present:
                take_migrations(new, app)
            new.execute("COMMIT")
            new.execute("DETACH live")

    def empty(self, table: str) -> None:
        with self._open() as new:
            if table in list_tables(new):
                new.execute(f"DELETE FROM {quoted(table)}")  # noqa: S608

    def marker(self) -> str:
        """The restore's id, in a table that comes into the live file with all the rest."""
        with self._open() as new:
            leave_sign(new, self.label)
        return self.label

    def previous_marker(self) -> str:
        return self.label

    def swap(self, previous_name: str) -> None:
        connections[self.alias].close()
        self._fit_pages()
        with translate(RestoreError, self.what), contextlib.ExitStack() as stack:
            new = stack.enter_context(contextlib.closing(connect(self.path, "rw", self.wait)))
            # Made empty where it is not there: what comes into it until it is locked is kept.
            connect(self.live, "rwc", self.wait).close()
            keep_old = stack.enter_context(
                contextlib.closing(OldCopy(self.live, Path(previous_name), self.label, self.wait))
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
            self._stays = True
            finish_old_copy(Path(previous_name))
        with translate(RestoreError, self.what):
            remove_file(self.path)

    def _fit_pages(self) -> None:
        """Give the new file pages as large as the live one's, where those can't change.

        In WAL mode they can't: https://www.sqlite.org/c3ref/backup_finish.html
        """
        if not self.live.exists() or not self.live.stat().st_size:
            return
        with (
            translate(RestoreError, self.what),
            contextlib.closing(connect(self.live, "rw", self.wait)) as live,
        ):
            (mode,) = live.execute("PRAGMA journal_mode").fetchone()
            (size,) = live.execute("PRAGMA page_size").fetchone()
        if mode != "wal":
            return
        with self._open() as new:
            if new.execute("PRAGMA page_size").fetchone() == (size,):
                return
            fitting = Path(f"{self.path}{FITTING}")
            remove_file(fitting)
            descriptor = create_private(fitting)
            try:
                new.execute(f"PRAGMA page_size = {size}")
                # Not VACUUM alone, which numbers rows without a key of their own anew.
                new.execute("VACUUM INTO ?", [str(fitting)])
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            fitting.replace(self.path)
            sync_folder(self.path.parent)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with (
            translate(RestoreError, self.what),
            connect_as_site(self.alias, self.path, "rw", self.wait) as new,
        ):
            # A receiver of the site may have asked for WAL, whose files would be left behind.
            new.execute("PRAGMA journal_mode = DELETE").fetchone()
            yield new

    def stay(self, name: str) -> None:
        with translate(RestoreError, self.what):
            # A rename alone would replace what has come there meanwhile.
            name_exclusively(self.path, Path(name))
            self._stays = True
            sync_folder(self.path.parent)

    def drop(self) -> None:
        if self._made and not self._stays:
            remove_file(self.path)
