"""Reading a MySQL or MariaDB database at one instant, and writing to it in one transaction."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from django.db import connections, transaction

from trustbackup.databases.alias import pointed_at
from trustbackup.databases.mysql.address import server_of
from trustbackup.databases.mysql.errors import translate
from trustbackup.databases.mysql.names import quote
from trustbackup.databases.mysql.programs import MARIADB
from trustbackup.databases.mysql.session import list_tables
from trustbackup.databases.row_access import RowAccess
from trustbackup.databases.values import Options
from trustbackup.exceptions import DumpError, RestoreError
from trustbackup.phrases import gettext as _


class MySQLRowAccess(RowAccess):
    """A transaction of its own, on a session of its own."""

    options: Options

    @contextlib.contextmanager
    def frozen(self, workdir: Path) -> Iterator[None]:
        """Rows of tables without snapshots (MyISAM, Aria) are read as they are by then."""
        with (
            translate(DumpError, _("Database %(alias)r was not read", alias=self.alias)),
            self._session(),
            transaction.atomic(self.alias),
        ):
            with connections[self.alias].cursor() as cursor:
                cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            yield

    @contextlib.contextmanager
    def writing(self, tables: Sequence[str]) -> Iterator[None]:
        what = _("Database %(alias)r was not written", alias=self.alias)
        with (
            translate(RestoreError, what),
            self._session(),
            transaction.atomic(self.alias),
        ):
            connection = connections[self.alias]
            with connection.cursor() as cursor:
                for table in list_tables(cursor):
                    if table.name in tables and not table.transactional:
                        raise RestoreError(
                            what,
                            why=_(
                                "table %(table)s (%(engine)s) takes nothing back",
                                table=table.name,
                                engine=table.engine,
                            ),
                            todo=_("Convert the table to InnoDB, then try again."),
                        )
                # Rows and the gaps between them, so that none can come: LOCK TABLES would forbid
                # to read any other table.
                for name in sorted(tables):
                    cursor.execute(
                        f"SELECT count(*) FROM {quote(name)} FORCE INDEX (PRIMARY) FOR UPDATE"  # noqa: S608
                    )
            # They are checked at the end, by who writes; the session ends with the transaction.
            connection.disable_constraint_checking()
            yield

    @contextlib.contextmanager
    def _session(self) -> Iterator[None]:
        """With no limits meant for web requests; of the site's own only what rows may be stays."""
        wait = max(1, round(self.options.wait))
        with pointed_at(self.alias, {"AUTOCOMMIT": True}) as connection:
            with connection.cursor() as cursor:
                maria = server_of(cursor).family == MARIADB
                limit = "max_statement_time" if maria else "max_execution_time"
                cursor.execute(
                    f"SET SESSION innodb_lock_wait_timeout = {wait}, lock_wait_timeout = {wait},"
                    f" {limit} = 0, wait_timeout = 28800, net_read_timeout = 600,"
                    " net_write_timeout = 600"
                )
                # The site's may be READ COMMITTED, Django's own choice, which has no snapshot.
                cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield

    def raise_sequences(self, columns: Sequence[tuple[str, str]]) -> None:
        """Nothing: a number that is written raises its table's own counter, for good."""
