"""One pg_dump on a snapshot that counts its rows.

A read-only, repeatable-read transaction of ours exports its snapshot, pg_dump imports it,
and while the archive streams out a thread counts every table in that same snapshot.
https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-SNAPSHOT-SYNCHRONIZATION
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import tarfile
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.base import Dump
from trustbackup.databases.postgresql.archive import TOC
from trustbackup.databases.postgresql.session import (
    count_rows,
    list_tables,
    read_facts,
    scalar,
    translate,
)
from trustbackup.databases.process import Feeder, Program, output_of
from trustbackup.databases.values import Facts, OpenRaw, TableRows
from trustbackup.exceptions import DumpError, ProgramError
from trustbackup.phrases import gettext as _
from trustbackup.phrases import ngettext
from trustbackup.store.streams import BLOCK, Readable

CUSTOM = "pg_dump custom"
DIRECTORY = "pg_dump directory"
# "215; 0 16402 TABLE DATA public shop_order owner": the second number is the table's oid.
_TABLE_DATA = re.compile(r"^\d+; \d+ (\d+) TABLE DATA ", re.MULTILINE)


class Snapshot:
    """A snapshot and the tables in it, held by the transaction on ``cursor``."""

    def __init__(self, cursor: CursorWrapper, what: str, *, content: bool) -> None:
        self.what = what
        self._content = content
        self._cursor = cursor
        with translate(DumpError, what):
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SET LOCAL row_security = off")
            # Counting must not take the processors from the dump beside it.
            cursor.execute("SET LOCAL max_parallel_workers_per_gather = 0")
            self.id: str = scalar(cursor, "SELECT pg_export_snapshot()")
            self.tables = list_tables(cursor)
            if not self.tables:
                raise DumpError(what, why=_("it has no table"), todo=_("Run migrate first."))
            # As pg_dump does: a table that is rewritten after this would seem empty.
            quoted = ", ".join(table.quoted for table in self.tables)
            cursor.execute(f"LOCK TABLE ONLY {quoted} IN ACCESS SHARE MODE")
            self.estimate = int(
                scalar(
                    cursor,
                    "SELECT coalesce(sum(pg_table_size(oid)), 0) FROM unnest(%s::oid[]) oid",
                    [table.oid for table in self.tables],
                )
            )

    def count(self) -> tuple[Facts, dict[int, TableRows]]:
        with translate(DumpError, self.what):
            counted = count_rows(self._cursor, self.tables, content=self._content)
            facts = read_facts(self._cursor, tuple(counted.values()))
        # No COMMIT: a small database is counted before pg_dump has imported the snapshot,
        # which lives no longer than this transaction. Closing the session ends it.
        return facts, counted


class PostgresDump(Dump):
    """pg_dump's archive as a stream, and what was counted beside it."""

    # Not for every engine: SQLite has no dumper that waits, and would take 40 MB more memory.
    step = BLOCK // 4

    def __init__(
        self, program: Program, snapshot: Snapshot, *, connector: str, version: str, restore: str
    ) -> None:
        self.connector = connector
        self.format = CUSTOM
        self.suffix = "dump"
        self.tool_version = version
        self.estimate = snapshot.estimate
        self.what = snapshot.what
        self._program = program
        self._pg_restore = restore
        self._pool = ThreadPoolExecutor(1, "trustbackup-facts")
        self._counting: Future[tuple[Facts, dict[int, TableRows]]] = self._pool.submit(
            snapshot.count
        )

    def readinto(self, buffer: memoryview, /) -> int:
        with self._one_sentence():
            return self._program.readinto(buffer)

    @contextlib.contextmanager
    def _one_sentence(self) -> Iterator[None]:
        try:
            yield
        except ProgramError as error:
            # When counting fails its snapshot ends, and pg_dump complains about that only.
            if self._counting.done() and (cause := self._counting.exception()):
                raise cause from error
            raise DumpError(self.what, why=str(error), todo=_remedy(str(error))) from error

    def listing(self, open_raw: OpenRaw) -> str:
        with open_raw() as raw:
            return list_archive(self._pg_restore, raw)

    def facts(self, open_raw: OpenRaw) -> Facts:
        """Rows of the tables whose data the archive really holds (by its table of contents)."""
        facts, counted = self._counting.result()
        try:
            listing = self.listing(open_raw)
        except ProgramError as error:
            raise DumpError(
                self.what, why=_("its archive can't be listed: %(error)s", error=error)
            ) from error
        oids = {int(oid) for oid in _TABLE_DATA.findall(listing)}
        missing = oids - counted.keys()
        if missing:
            raise DumpError(
                self.what,
                why=ngettext(
                    "%(number)d of its tables could not be counted",
                    "%(number)d of its tables could not be counted",
                    len(missing),
                ),
                todo=_("Give the role the right to read all tables, then try again."),
            )
        return replace(facts, tables=tuple(rows for oid, rows in counted.items() if oid in oids))

    def close(self) -> None:
        self._program.close()
        self._pool.shutdown(wait=True, cancel_futures=True)


class DirectoryDump(PostgresDump):
    """A folder that several workers of pg_dump wrote, as one tar stream."""

    def __init__(
        self,
        program: Program,
        snapshot: Snapshot,
        folder: Path,
        *,
        connector: str,
        version: str,
        restore: str,
    ) -> None:
        super().__init__(program, snapshot, connector=connector, version=version, restore=restore)
        self.format = DIRECTORY
        self.suffix = "dump.tar"
        self._folder = folder
        self._tar: BinaryIO | None = None
        self._writing: threading.Thread | None = None
        self._error: BaseException | None = None

    def readinto(self, buffer: memoryview, /) -> int:
        if self._tar is None:
            with self._one_sentence():
                self._program.check()
            read_end, write_end = os.pipe()
            with contextlib.suppress(OSError):
                fcntl.fcntl(read_end, fcntl.F_SETPIPE_SZ, BLOCK)
            self._tar = os.fdopen(read_end, "rb", buffering=0)
            self._writing = threading.Thread(target=self._write, args=[write_end], daemon=True)
            self._writing.start()
        count = os.readv(self._tar.fileno(), [buffer])
        if not count and self._error is not None:
            raise DumpError(self.what, why=str(self._error)) from self._error
        return count

    def _write(self, write_end: int) -> None:
        try:
            with (
                os.fdopen(write_end, "wb", buffering=0) as pipe,
                tarfile.open(fileobj=cast("BinaryIO", pipe), mode="w|", bufsize=BLOCK) as tar,
            ):
                tar.copybufsize = BLOCK  # type: ignore[attr-defined]
                # A restore can begin before the rest has come.
                for path in sorted(self._folder.iterdir(), key=_toc_first):
                    info = tar.gettarinfo(str(path), path.name)
                    info.uid = info.gid = info.mtime = 0
                    info.uname = info.gname = ""
                    with path.open("rb") as file:
                        tar.addfile(info, file)
        except BaseException as error:
            self._error = error

    def listing(self, open_raw: OpenRaw) -> str:
        return output_of([self._pg_restore, "--list", str(self._folder)], timeout=600)

    def close(self) -> None:
        if self._tar is not None:
            self._tar.close()
        if self._writing is not None:
            self._writing.join()
        super().close()


def _toc_first(path: Path) -> tuple[bool, str]:
    return path.name != TOC, path.name


def list_archive(pg_restore: str, raw: Readable) -> str:
    """An archive's table of contents, as ``pg_restore --list`` prints it."""
    feeder = Feeder(raw)
    try:
        return output_of([pg_restore, "--list"], stdin=feeder.read_end, timeout=600)
    finally:
        feeder.finish()


def _remedy(why: str) -> str:
    if "lock timeout" in why or "could not obtain lock" in why:
        return _("Wait until what holds the lock is done, then try again.")
    if "permission denied" in why:
        return _("Give the role the right to read everything, then try again.")
    if "server closed the connection" in why or "terminating connection" in why:
        return _("See that the server runs, then make the backup again.")
    return _("Mend that, then make the backup again.")
