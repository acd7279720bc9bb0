"""One MySQL or MariaDB database: a consistent dump while others write."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from dbbackup.db.base import get_connector
from django.db import DatabaseError

from trustbackup.databases.base import Dump
from trustbackup.databases.mysql.address import Address, server_of
from trustbackup.databases.mysql.errors import UNKNOWN_DATABASE, code_of, explain, translate
from trustbackup.databases.mysql.programs import Server, commands_of, find_dumper
from trustbackup.databases.mysql.restoring import MySQLRestoring
from trustbackup.databases.mysql.row_access import MySQLRowAccess
from trustbackup.databases.mysql.session import (
    count_rows,
    has_row,
    list_tables,
    read_facts,
    read_inventory,
    text,
)
from trustbackup.databases.values import DumpRequest, Facts, TableRows
from trustbackup.exceptions import RestoreError, TrustbackupError
from trustbackup.phrases import gettext as _
from trustbackup.store.streams import Readable

_SANDBOX = b"/*M!999999\\- enable the sandbox mode */"
"""MariaDB's dumps begin so since May 2024: a client then runs nothing for a script."""


class MySQL(MySQLRowAccess, MySQLRestoring):
    """A MySQL or MariaDB database, which the server calls a schema, too."""

    engine = "mysql"
    label = "MySQL/MariaDB"
    formats = {
        "mariadb-dump in the sandbox": (0, _SANDBOX),
        "mariadb-dump": (0, b"-- MariaDB dump "),
        "mysqldump": (0, b"-- MySQL dump "),
    }

    @classmethod
    def manual_restore(cls, unpack: str, file: str) -> str:
        return f"{unpack} | mariadb DATABASE"

    @property
    def site(self) -> Address:
        """Where the site's own sessions go."""
        return Address(self.alias, self.options)

    @property
    def name(self) -> str:
        return self.site.name

    def identity(self) -> tuple[str, ...]:
        with (
            translate(RestoreError, _("Database %(alias)r can't be reached", alias=self.alias)),
            self.site.session() as cursor,
        ):
            cursor.execute("SELECT @@hostname, @@port, @@datadir, DATABASE()")
            return tuple(text(value) for value in cursor.fetchone())

    def dump(self, request: DumpRequest) -> AbstractContextManager[Dump]:
        from trustbackup.databases.mysql.dumper import running_dump

        what = _("Database %(alias)r was not dumped", alias=self.alias)
        return running_dump(self.alias, self.options, what, request)

    def facts(self, *, count: bool = True) -> Facts | None:
        with self._reading() as cursor:
            if cursor is None:
                return None
            tables = [
                TableRows(schema="", name=one.name, rows=count_rows(cursor, one) if count else 0)
                for one in list_tables(cursor)
            ]
            return read_facts(cursor, tables, read_inventory(cursor)) if tables else None

    def has_rows(self, besides: Collection[str] = ()) -> bool:
        with self._reading() as cursor:
            return cursor is not None and any(
                has_row(cursor, table)
                for table in list_tables(cursor)
                if not (table.hollow or table.name in besides)
            )

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        """A session in the live database; None where there is no such database. RestoreError."""
        what = _("Database %(alias)r can't be read", alias=self.alias)
        with translate(RestoreError, what):
            try:
                session = self.site.session()
                cursor = session.__enter__()
            except DatabaseError as problem:
                if code_of(problem) != UNKNOWN_DATABASE:
                    raise
                yield None
                return
            try:
                yield cursor
            finally:
                session.__exit__(None, None, None)

    def inspect(self, raw: Readable, format: str) -> str:  # noqa: A002 - the manifest's word
        from trustbackup.databases.mysql.inspector import why_not_whole

        return why_not_whole(raw)

    def check(self, *, ask_server: bool) -> list[tuple[str, str]]:
        server = Server("")
        try:
            if ask_server:
                with self.site.session() as cursor:
                    server = server_of(cursor)
            find_dumper(server, commands_of(get_connector(self.alias))[0])
        except DatabaseError as problem:
            return [explain(problem)]
        except TrustbackupError as error:
            return [(f"{error.what}: {error.why}." if error.why else f"{error.what}.", error.todo)]
        return []
