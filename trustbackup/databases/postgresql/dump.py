"""One pg_dump on a snapshot that counts its rows.

A read-only, repeatable-read transaction of ours exports its snapshot, pg_dump imports it,
and while the archive streams out a thread counts every table in that same snapshot.
https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-SNAPSHOT-SYNCHRONIZATION
"""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.base import Dump, Facts, TableRows
from trustbackup.databases.postgresql.session import (
    count_rows,
    list_tables,
    read_facts,
    scalar,
    translate,
)
from trustbackup.databases.process import Feeder, Program, output_of
from trustbackup.exceptions import DumpError, ProgramError
from trustbackup.store.streams import Readable

# "215; 0 16402 TABLE DATA public shop_order owner": the second number is the table's oid.
_TABLE_DATA = re.compile(r"^\d+; \d+ (\d+) TABLE DATA ", re.MULTILINE)


class Snapshot:
    """A snapshot and the tables in it, held by the transaction on ``cursor``."""

    def __init__(self, cursor: CursorWrapper, what: str) -> None:
        self.what = what
        self._cursor = cursor
        with translate(DumpError, what):
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SET LOCAL row_security = off")
            self.id: str = scalar(cursor, "SELECT pg_export_snapshot()")
            self.tables = list_tables(cursor)
            if not self.tables:
                raise DumpError(what, why="it has no table", todo="Run migrate first.")
            # As pg_dump does: a table that is rewritten after this would seem empty.
            quoted = ", ".join(table[3] for table in self.tables)
            cursor.execute(f"LOCK TABLE ONLY {quoted} IN ACCESS SHARE MODE")
            self.estimate = int(
                scalar(
                    cursor,
                    "SELECT coalesce(sum(pg_table_size(oid)), 0) FROM unnest(%s::oid[]) oid",
                    [table[0] for table in self.tables],
                )
            )

    def count(self) -> tuple[Facts, dict[int, TableRows]]:
        with translate(DumpError, self.what):
            counted = count_rows(self._cursor, self.tables)
            facts = read_facts(self._cursor, tuple(counted.values()))
        # No COMMIT: a small database is counted before pg_dump has imported the snapshot,
        # which lives no longer than this transaction. Closing the session ends it.
        return facts, counted


class PostgresDump(Dump):
    """pg_dump's output as a stream."""

    def __init__(
        self,
        program: Program,
        snapshot: Snapshot,
        *,
        connector: str,
        tool_version: str,
        pg_restore: str,
    ) -> None:
        self.connector = connector
        self.tool_version = tool_version
        self.estimate = snapshot.estimate
        self._program = program
        self._what = snapshot.what
        self._pg_restore = pg_restore
        self._pool = ThreadPoolExecutor(1, "trustbackup-facts")
        self._counting: Future[tuple[Facts, dict[int, TableRows]]] = self._pool.submit(
            snapshot.count
        )

    def read(self, size: int = -1, /) -> bytes:
        try:
            return self._program.read(size)
        except ProgramError as error:
            # When counting fails its snapshot ends, and pg_dump complains about that only.
            if self._counting.done() and (cause := self._counting.exception()):
                raise cause from error
            raise DumpError(self._what, why=str(error), todo=_remedy(str(error))) from error

    def facts(self, archive: Callable[[], AbstractContextManager[Readable]]) -> Facts:
        """Rows of the tables whose data the archive really holds (by its table of contents)."""
        facts, counted = self._counting.result()
        try:
            with archive() as raw:
                listing = list_archive(self._pg_restore, raw)
        except ProgramError as error:
            raise DumpError(self._what, why=f"its archive can't be listed: {error}") from error
        oids = {int(oid) for oid in _TABLE_DATA.findall(listing)}
        missing = oids - counted.keys()
        if missing:
            raise DumpError(
                self._what,
                why=f"{len(missing)} of its tables could not be counted",
                todo="Give the role the right to read all tables, then try again.",
            )
        tables = tuple(rows for oid, rows in counted.items() if oid in oids)
        return Facts(
            database=facts.database,
            encoding=facts.encoding,
            server_version=facts.server_version,
            tables=tables,
            migrations=facts.migrations,
        )

    def close(self) -> None:
        self._program.close()
        self._pool.shutdown(wait=True, cancel_futures=True)


def list_archive(pg_restore: str, raw: Readable) -> str:
    """An archive's table of contents, as ``pg_restore --list`` prints it."""
    feeder = Feeder(raw)
    try:
        return output_of([pg_restore, "--list"], stdin=feeder.read_end, timeout=600)
    finally:
        feeder.finish()


def _remedy(why: str) -> str:
    if "lock timeout" in why or "could not obtain lock" in why:
        return "Wait until what holds the lock is done, then try again."
    if "permission denied" in why:
        return "Give the role the right to read everything, then try again."
    if "server closed the connection" in why or "terminating connection" in why:
        return "See that the server runs, then make the backup again."
    return "Mend that, then make the backup again."
