"""Connections of our own to a PostgreSQL server, and what can be learned through them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from trustbackup.databases.values import Facts, Options, TableRows
from trustbackup.exceptions import TrustbackupError
from trustbackup.phrases import gettext as _
from trustbackup.phrases import one_line

OWN_TABLES = """
    SELECT c.oid, n.nspname, c.relname, format('%I.%I', n.nspname, c.relname),
        CASE WHEN EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid) THEN (
            SELECT 'row(' || string_agg(format('t.%I', attname), ',' ORDER BY attname) || ')'
            FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
        ) ELSE 't' END
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence <> 't'
      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
      AND has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE')
    ORDER BY n.nspname, c.relname
"""
"""Ordinary tables and the leaves of partitioned ones: what can hold rows.

A child's columns may come back in another order, so its row is built by their names.
"""

_PINNED = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "xmloption": "content",
    "lc_monetary": "C",
    "search_path": "pg_catalog",
}
"""Whatever else decides how a value is written; a fingerprint is of the written rows."""


@contextlib.contextmanager
def open_session(
    alias: str, options: Options, settings: dict[str, Any], database: str | None = None
) -> Iterator[CursorWrapper]:
    """A cursor on a new connection, in autocommit; may be used from another thread.

    ``settings`` are those that dbbackup's connector would use (a backup role of its own,
    perhaps); ``database`` names another database of the same server.
    """
    wrapper: BaseDatabaseWrapper = connections[alias].copy()
    for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT"):
        wrapper.settings_dict[key] = settings[key]
    if database is not None:
        wrapper.settings_dict["NAME"] = database
    connect = dict(wrapper.settings_dict.get("OPTIONS") or {})
    connect.pop("pool", None)
    connect.setdefault("connect_timeout", max(2, round(options.connect_timeout)))
    connect["application_name"] = options.label
    wrapper.settings_dict["OPTIONS"] = connect
    wrapper.inc_thread_sharing()
    try:
        wrapper.ensure_connection()  # unlike connect(), with Django's own errors
        with wrapper.cursor() as cursor:
            # A server's limits for web requests are not meant for backups.
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("SET idle_in_transaction_session_timeout = 0")
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{options.wait}s"])
            yield cursor
    finally:
        wrapper.close()


@contextlib.contextmanager
def translate(error: type[TrustbackupError], what: str) -> Iterator[None]:
    """Turn a database error into one sentence of ours."""
    try:
        yield
    except DatabaseError as problem:
        why = one_line(str(problem)) or type(problem).__name__
        raise error(what, why=why, todo=_remedy(why)) from problem


def _remedy(why: str) -> str:
    if "password authentication failed" in why or "no password supplied" in why:
        return _("Correct USER and PASSWORD in DATABASES, then try again.")
    if "refused" in why or "No such file" in why or "timeout expired" in why:
        return _("Start the server, or correct HOST and PORT in DATABASES, then try again.")
    if "lock timeout" in why:
        return _("Wait until what holds the lock is done, then try again.")
    if "permission denied" in why:
        return _("Give the role the right to do this, then try again.")
    return _("Look into the server's log, then try again.")


def scalar(cursor: CursorWrapper, sql: str, *parameters: Any) -> Any:  # noqa: ANN401
    """The first column of the first row; None when there is none."""
    cursor.execute(sql, parameters or None)
    row = cursor.fetchone()
    return row[0] if row else None


class Table(NamedTuple):
    """A table that can hold rows; ``quoted`` is its full name as SQL, ``row`` its row."""

    oid: int
    schema: str
    name: str
    quoted: str
    row: str


def list_tables(cursor: CursorWrapper) -> list[Table]:
    """Every table that can hold rows, by schema and name."""
    cursor.execute(OWN_TABLES)
    return [Table(*row) for row in cursor.fetchall()]


def has_row(cursor: CursorWrapper, table: Table) -> bool:
    return bool(scalar(cursor, f"SELECT EXISTS (SELECT FROM ONLY {table.quoted})"))  # noqa: S608


def count_rows(
    cursor: CursorWrapper, tables: Sequence[Table], *, content: bool = False
) -> dict[int, TableRows]:
    """The rows of each table, by the table's oid; with fingerprints if ``content``."""
    if content:
        for name, value in _PINNED.items():
            cursor.execute("SELECT set_config(%s, %s, false)", [name, value])
    counted = {}
    for table in tables:
        # A sum, because a xor would let two equal rows cancel each other.
        extra = f", coalesce(sum(hashtextextended({table.row}::text, 0)), 0)" if content else ""
        cursor.execute(f"SELECT count(*){extra} FROM ONLY {table.quoted} t")  # noqa: S608
        row = cursor.fetchone()
        counted[table.oid] = TableRows(
            schema=table.schema,
            name=table.name,
            rows=row[0],
            fingerprint=f"{int(row[1]):x}" if content else "",
        )
    return counted


def read_facts(cursor: CursorWrapper, tables: tuple[TableRows, ...]) -> Facts:
    """The facts of the database that the cursor is connected to."""
    migrations: list[tuple[str, str]] = []
    # Looked up by hand: fingerprints leave another search_path behind.
    table = next((t for t in tables if t.name == "django_migrations"), None)
    if table is not None:
        where = f"{quote_name(table.schema)}.django_migrations"
        cursor.execute(f"SELECT app, name FROM {where} ORDER BY id")  # noqa: S608
        migrations = cursor.fetchall()
    return Facts(
        database=scalar(cursor, "SELECT current_database()"),
        encoding=scalar(cursor, "SELECT current_setting('server_encoding')"),
        server_version=scalar(cursor, "SELECT current_setting('server_version')"),
        tables=tables,
        migrations=tuple((app, name) for app, name in migrations),
    )


def quote_name(text: str) -> str:
    """A name as SQL; for statements that take no parameters."""
    return '"' + text.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A text as SQL, whatever ``standard_conforming_strings`` says."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f" E'{escaped}'" if "\\" in text else f"'{escaped}'"
