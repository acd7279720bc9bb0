"""Reading a PostgreSQL database at one instant, and writing to it in one transaction."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from django.db import connections, transaction

from trustbackup.databases.alias import pointed_at
from trustbackup.databases.postgresql.errors import translate
from trustbackup.databases.postgresql.pooled import configure
from trustbackup.databases.postgresql.session import scalar
from trustbackup.databases.row_access import RowAccess
from trustbackup.databases.values import Options
from trustbackup.exceptions import DumpError, RestoreError
from trustbackup.phrases import gettext as _

_UNLIMITED = {"statement_timeout": "0", "idle_in_transaction_session_timeout": "0"}


class PostgresRowAccess(RowAccess):
    """A transaction of its own, on a session of its own."""

    options: Options

    @contextlib.contextmanager
    def frozen(self, workdir: Path) -> Iterator[None]:
        with (
            translate(DumpError, _("Database %(alias)r was not read", alias=self.alias)),
            self._session(),
            transaction.atomic(self.alias),
        ):
            with connections[self.alias].cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                # A policy would leave rows out without a word.
                configure(cursor, row_security="off", **_UNLIMITED)
            yield

    @contextlib.contextmanager
    def writing(self, tables: Sequence[str]) -> Iterator[None]:
        with (
            translate(RestoreError, _("Database %(alias)r was not written", alias=self.alias)),
            self._session(),
            transaction.atomic(self.alias),
        ):
            quote = connections[self.alias].ops.quote_name
            with connections[self.alias].cursor() as cursor:
                cursor.execute("SET TRANSACTION READ WRITE")  # a role may be read-only by default
                wait = f"{max(1, round(self.options.wait * 1000))}ms"
                configure(cursor, row_security="off", lock_timeout=wait, **_UNLIMITED)
                names = ", ".join(quote(name) for name in tables)
                cursor.execute(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE")
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            yield

    @contextlib.contextmanager
    def _session(self) -> Iterator[None]:
        # Of a million rows only a batch is to be here, and a transaction keeps its server.
        with pointed_at(self.alias, {"DISABLE_SERVER_SIDE_CURSORS": False, "AUTOCOMMIT": True}):
            yield

    def raise_sequences(self, columns: Sequence[tuple[str, str]]) -> None:
        quote = connections[self.alias].ops.quote_name
        with connections[self.alias].cursor() as cursor:
            for table, column in columns:
                name = scalar(cursor, "SELECT pg_get_serial_sequence(%s, %s)", quote(table), column)
                if name is None:
                    continue
                following = scalar(cursor, f"SELECT last_value + is_called::int FROM {name}")  # noqa: S608
                greatest = scalar(cursor, f"SELECT max({quote(column)}) FROM {quote(table)}")  # noqa: S608
                # It outlives a transaction that is rolled back, so it must never lower anything.
                # https://www.postgresql.org/docs/current/functions-sequence.html
                if greatest is not None and greatest >= following:
                    cursor.execute("SELECT setval(%s::regclass, %s)", [name, greatest])
