"""A snapshot that is counted here while pg_dump, which imports it, writes it out.

A read-only, repeatable-read transaction of ours exports it; that pg_dump can import it proves
that it is in the same database of the same server.
https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-SNAPSHOT-SYNCHRONIZATION
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import replace

from django.db import DatabaseError
from django.db.backends.utils import CursorWrapper

from trustbackup.databases.postgresql.configured import hidden_tables
from trustbackup.databases.postgresql.definition import definition
from trustbackup.databases.postgresql.errors import translate
from trustbackup.databases.postgresql.excluded import check_references, choose_excluded
from trustbackup.databases.postgresql.inventory import Catalogs, read_catalogs
from trustbackup.databases.postgresql.pooled import begin, configure, is_pooled
from trustbackup.databases.postgresql.row_security import check_row_security
from trustbackup.databases.postgresql.session import (
    Sessions,
    count_rows,
    list_tables,
    read_facts,
    room_for_locks,
    scalar,
)
from trustbackup.databases.values import Facts, TableRows
from trustbackup.exceptions import DumpError
from trustbackup.phrases import gettext as _

_UNREADABLE = """
    SELECT EXISTS (
        SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't'
          AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
          AND NOT (has_schema_privilege(n.oid, 'USAGE') AND CASE c.relkind
              WHEN 'S' THEN has_sequence_privilege(c.oid, 'SELECT')
              ELSE has_table_privilege(c.oid, 'SELECT') END))
"""
_LOCKED = """
    SELECT EXISTS (
        SELECT FROM pg_catalog.pg_locks
        WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock'
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""
_HELD = """
    SELECT EXISTS (
        SELECT FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid)
        WHERE a.application_name = %s AND a.datname = current_database()
          AND pid <> pg_backend_pid() AND l.locktype = 'relation' AND l.granted
          AND l.database = a.datid AND l.relation = ANY(%s::oid[])
        GROUP BY pid HAVING count(DISTINCT l.relation) = %s)
"""
"""Whether another session of ours holds locks on all of these tables."""


def remedy(session: AbstractContextManager[CursorWrapper]) -> str:
    """What to do about a pg_dump that failed, by what the server tells us now.

    Its own text is in whatever language that server speaks, and has no SQLSTATE.
    """
    try:
        with session as cursor:
            if scalar(cursor, _UNREADABLE):
                return _("Give the role the right to read everything, then try again.")
            if scalar(cursor, _LOCKED):
                return _("Wait until what holds the lock is done, then try again.")
    except DatabaseError:
        return _("See that the server runs, then make the backup again.")
    return _("Mend that, then make the backup again.")


class Snapshot:
    """A snapshot and the tables in it, held by the transaction on ``cursor``."""

    def __init__(
        self,
        cursor: CursorWrapper,
        what: str,
        session: Sessions,
        *,
        label: str,
        content: bool,
        compare: bool = False,
        excluded: Collection[str] = (),
    ) -> None:
        self.what = what
        self.session = session
        """Opens another session on the same database."""
        self._content = content or compare
        self._compare = compare
        self._label = label
        self._ended = threading.Event()
        self._cursor = cursor
        with translate(DumpError, what):
            self.pooled = is_pooled(cursor)
            begin(cursor, "ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            # Counting must not take the processors from the dump beside it.
            configure(cursor, row_security="off", max_parallel_workers_per_gather="0")
            self.id: str = scalar(cursor, "SELECT pg_export_snapshot()")
            self.hidden = hidden_tables(cursor)
            """Tables of extensions whose rows the dump leaves out, by their oid."""
            self.tables = [one for one in list_tables(cursor) if one.oid not in self.hidden]
            if not self.tables:
                raise DumpError(what, why=_("it has no table"), todo=_("Run migrate first."))
            self.excluded = choose_excluded(self.tables, excluded)
            """Tables whose rows are left out as it was asked."""
            spared = {*self.hidden, *(table.oid for table in self.excluded)}
            check_row_security(cursor, what, spared)
            self._crowded = 4 * len(self.tables) > room_for_locks(cursor)
            if self._crowded:
                cursor.execute("SAVEPOINT locks")
            # As pg_dump does: a table that is rewritten after this would seem empty.
            quoted = ", ".join(table.quoted for table in self.tables)
            cursor.execute(f"LOCK TABLE ONLY {quoted} IN ACCESS SHARE MODE")
            if self.excluded:
                check_references(cursor, what, self.excluded)
            self.estimate = int(
                scalar(
                    cursor,
                    "SELECT coalesce(sum(pg_table_size(oid)), 0) FROM unnest(%s::oid[]) oid",
                    [table.oid for table in self.tables],
                )
            )

    def end(self) -> None:
        """There is no dump any more to wait for."""
        self._ended.set()

    def _let_go(self) -> None:
        """Hold no lock that pg_dump holds, too: the server may have no room for both."""
        probes = {max(table.oid for table in self.tables)}
        probes |= {table.oid for table in self.tables[:: 1 + len(self.tables) // 10]}
        while not scalar(self._cursor, _HELD, self._label, list(probes), len(probes)):
            if self._ended.wait(0.05):
                return
        self._cursor.execute("ROLLBACK TO SAVEPOINT locks; RELEASE SAVEPOINT locks")

    def count(self) -> tuple[Facts, dict[int, TableRows], Catalogs]:
        with translate(DumpError, self.what):
            if self._crowded:
                self._let_go()
            catalogs = read_catalogs(self._cursor, keep_locks=not self._crowded)
            hollow = {table.oid for table in self.excluded}
            tables = [table for table in self.tables if table.oid not in hollow]
            counted = count_rows(self._cursor, tables, content=self._content)
            counted |= {
                table.oid: TableRows(schema=table.schema, name=table.name, rows=0, root=table.root)
                for table in self.excluded
            }
            counted = {table.oid: counted[table.oid] for table in self.tables}
            facts = read_facts(self._cursor, tuple(counted.values()))
            if self._compare:
                facts = replace(facts, definition=definition(self._cursor))
        # No COMMIT: a small database is counted before pg_dump has imported the snapshot,
        # which lives no longer than this transaction. Closing the session ends it.
        return facts, counted, catalogs
