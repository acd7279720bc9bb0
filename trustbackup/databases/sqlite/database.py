"""One SQLite database: a consistent copy while others write.

The copy goes through SQLite's own online backup inside a read transaction: on a WAL
database writers go on, on a rollback journal they wait until the copy is made. The copy is
checked, counted and compressed after that, so nobody waits for those.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from dbbackup.db.base import get_connector
from django.db import connections

from trustbackup.databases.base import Database, Dump, Replacement, no_room
from trustbackup.databases.sqlite.file import (
    MAGIC,
    checked_facts,
    connect,
    copy_database,
    create_private,
    has_row,
    list_tables,
    read_facts,
    size_in_header,
    snapshot,
    translate,
)
from trustbackup.databases.sqlite.replacement import (
    SQLiteReplacement,
    remove_file,
    schema_version,
)
from trustbackup.databases.values import NOT_YET, DumpRequest, Facts, Interrupted, OpenRaw
from trustbackup.exceptions import REMEDIES, DumpError, RestoreError, UsageError
from trustbackup.phrases import Grouped, joined
from trustbackup.phrases import gettext as _
from trustbackup.store.streams import BLOCK, Readable

SQLITE_FILE = "sqlite file"


class SQLiteDump(Dump):
    """The finished copy, read as a stream while a second thread checks and counts it."""

    def __init__(self, name: str, path: Path, connector: str, checking: Future[Facts]) -> None:
        self._name = name
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
        return replace(self._checking.result(), database=self._name)

    def close(self) -> None:
        self._file.close()


class SQLite(Database):
    """An SQLite file."""

    engine = "sqlite"
    formats = {SQLITE_FILE: (0, MAGIC)}

    @property
    def name(self) -> str:
        return str(connections[self.alias].settings_dict["NAME"])

    @property
    def path(self) -> Path:
        return Path(self.name)

    @contextlib.contextmanager
    def dump(self, request: DumpRequest) -> Iterator[Dump]:
        if request.directory:
            raise UsageError(
                _("Database %(alias)r can't be dumped as a directory", alias=self.alias),
                why=_("SQLite has one file"),
                todo=_("Leave --format out."),
            )
        connector = get_connector(self.alias)
        self._check_source()
        copy = request.workdir / "copy.sqlite3"
        connector.create_dump = lambda: self._copy_to(copy)
        with translate(DumpError, _("Database %(alias)r was not dumped", alias=self.alias)):
            os.close(create_private(copy))
            connector.create_dump()
        with ThreadPoolExecutor(1, "trustbackup-facts") as pool:
            checking = pool.submit(
                checked_facts,
                copy,
                self.alias,
                self.options.wait,
                DumpError,
                content=request.content,
            )
            dump = SQLiteDump(self.name, copy, _dotted(connector), checking)
            try:
                yield dump
            finally:
                dump.close()
        copy.unlink()

    def _check_source(self) -> None:
        """Refuse what would give an empty or a torn success."""
        what = _("Database %(alias)r was not dumped", alias=self.alias)
        if connections[self.alias].in_atomic_block:
            raise DumpError(
                what,
                why=_("a transaction of this very process is open on it"),
                todo=_("Make the backup outside of transaction.atomic()."),
            )
        if _in_memory(self.name):
            raise DumpError(
                what,
                why=_("it lives in memory"),
                todo=_("Only databases in a file can be backed up."),
            )
        try:
            size = self.path.stat().st_size
        except OSError as error:
            raise DumpError(
                what,
                why=joined([self.name, os.strerror(error.errno or 0)], ": "),
                todo=_("Check NAME in DATABASES, or run migrate first."),
            ) from error
        if size == 0:
            raise DumpError(
                what, why=_("%(name)s is empty", name=self.name), todo=_("Run migrate first.")
            )

    def _copy_to(self, target: Path) -> None:
        with (
            snapshot(self.path, self.options.wait) as source,
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
                _("Database %(alias)r was not dumped", alias=self.alias),
                why=_(
                    "copying it to %(target)s failed, %(reason)s",
                    target=target,
                    reason=os.strerror(errno.ENOSPC),
                ),
                todo=REMEDIES[errno.ENOSPC],
            ) from error

    def facts(self, *, count: bool = True) -> Facts | None:
        if not self.path.exists() or self.path.stat().st_size == 0:
            return None
        with (
            translate(RestoreError, _("Database %(alias)r can't be read", alias=self.alias)),
            contextlib.closing(connect(self.path, "rw", self.options.wait)) as live,
        ):
            facts = read_facts(live, self.name, count=count)
        return facts if facts.tables else None

    def has_rows(self) -> bool:
        if not self.path.exists() or self.path.stat().st_size == 0:
            return False
        with (
            translate(RestoreError, _("Database %(alias)r can't be read", alias=self.alias)),
            contextlib.closing(connect(self.path, "rw", self.options.wait)) as live,
        ):
            return any(has_row(live, table) for table in list_tables(live))

    def names_for_restore(self, stamp: str) -> tuple[str, str]:
        stem, suffix = self.path.stem, self.path.suffix
        folder = self.path.absolute().parent
        return (
            str(folder / f"{stem}_restore_{stamp}{suffix}"),
            str(folder / f"{stem}_before_{stamp}{suffix}"),
        )

    def scratch_name(self, stamp: str, folder: Path) -> str:
        return str(folder / f"drill_{stamp}.sqlite3")

    def replacement(self, name: str, *, existing: bool = False) -> Replacement:
        return SQLiteReplacement(
            self.alias, self.path, Path(name).absolute(), self.options.wait, existing=existing
        )

    def inspect(self, raw: Readable, format: str) -> str:  # noqa: A002 - the manifest's word
        head = raw.read(BLOCK)
        size = len(head)
        while block := raw.read(BLOCK):
            size += len(block)
        wanted = size_in_header(head)
        if size >= wanted:
            return ""
        return _(
            "it was cut short: %(size)s of %(wanted)s bytes are there",
            size=Grouped(size),
            wanted=Grouped(wanted),
        )

    def why_not_swap(self) -> str:
        if _in_memory(self.name):
            return _("it lives in memory")
        folder = self.path.absolute().parent
        return (
            ""
            if os.access(folder, os.W_OK)
            else _("the folder %(folder)s can't be written", folder=folder)
        )

    def room_for(self, raw_bytes: int) -> str:
        """The new file, and the old one that is kept, lie beside the live one."""
        folder = self.path.absolute().parent
        now = self.path.stat().st_size if self.path.exists() else 0
        free = shutil.disk_usage(folder).free
        # While it is swapped in, a journal holds up to the whole old content once more.
        needed = raw_bytes + 2 * now + max(0, raw_bytes - now)
        if free >= needed:
            return ""
        return no_room(folder, free, needed)

    def address(self, name: str) -> dict[str, object]:
        return {"NAME": name}

    def exists(self, name: str) -> bool:
        return Path(name).is_file()

    def remove(self, name: str) -> None:
        with translate(RestoreError, _("%(name)s was not removed", name=name)):
            remove_file(Path(name))

    def settle(self, interrupted: Interrupted) -> bool:
        with translate(RestoreError, _("Database %(alias)r can't be read", alias=self.alias)):
            # Opening it rolls an unfinished copy back, by SQLite's own journal.
            now = schema_version(self.path, self.options.wait)
            swapped = interrupted.marker != NOT_YET and now not in ("", interrupted.marker)
            if not swapped and interrupted.kept:
                remove_file(Path(interrupted.kept))
            if swapped or interrupted.strategy != "undo":
                remove_file(Path(interrupted.new))
        return swapped


def _in_memory(name: str) -> bool:
    return not name or ":memory:" in name or "mode=memory" in name


def _dotted(connector: object) -> str:
    return f"{type(connector).__module__}.{type(connector).__qualname__}"
