"""Connections of our own to a PostgreSQL server, and what can be learned through them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from trustbackup.databases.base import Facts, Options, TableRows
from trustbackup.exceptions import TrustbackupError

OWN_TABLES = """
    SELECT c.oid, n.nspname, c.relname, format('%I.%I', n.nspname, c.relname)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence <> 't'
      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
      AND has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE')
    ORDER BY n.nspname, c.relname
"""
"""Ordinary tables and the leaves of partitioned ones: what can hold rows."""


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
        why = " ".join(str(problem).split()) or type(problem).__name__
        raise error(what, why=why, todo=_remedy(why)) from problem


def _remedy(why: str) -> str:
    if "password authentication failed" in why or "no password supplied" in why:
        return "Correct USER and PASSWORD in DATABASES, then try again."
    if "refused" in why or "No such file" in why or "timeout expired" in why:
        return "Start the server, or correct HOST and PORT in DATABASES, then try again."
    if "lock timeout" in why:
        return "Wait until what holds the lock is done, then try again."
    if "permission denied" in why:
        return "Give the role the right to do this, then try again."
    return "Look into the server's log, then try again."


def scalar(cursor: CursorWrapper, sql: str, *parameters: Any) -> Any:  # noqa: ANN401
    """The first column of the first row; None when there is none."""
    cursor.execute(sql, parameters or None)
    row = cursor.fetchone()
    return row[0] if row else None


def list_tables(cursor: CursorWrapper) -> list[tuple[int, str, str, str]]:
    """Every table that can hold rows: its oid, schema, name, and both quoted."""
    cursor.execute(OWN_TABLES)
    return [(oid, schema, name, quoted) for oid, schema, name, quoted in cursor.fetchall()]


def count_rows(
    cursor: CursorWrapper, tables: list[tuple[int, str, str, str]]
) -> dict[int, TableRows]:
    """The rows of each table, by the table's oid."""
    return {
        oid: TableRows(
            schema=schema,
            name=name,
            rows=scalar(cursor, f"SELECT count(*) FROM ONLY {quoted}"),  # noqa: S608
        )
        for oid, schema, name, quoted in tables
    }


def read_facts(cursor: CursorWrapper, tables: tuple[TableRows, ...]) -> Facts:
    """The facts of the database that the cursor is connected to."""
    migrations: list[tuple[str, str]] = []
    if scalar(cursor, "SELECT to_regclass('django_migrations')") is not None:
        cursor.execute("SELECT app, name FROM django_migrations ORDER BY id")
        migrations = cursor.fetchall()
    return Facts(
        database=scalar(cursor, "SELECT current_database()"),
        encoding=scalar(cursor, "SELECT current_setting('server_encoding')"),
        server_version=scalar(cursor, "SELECT current_setting('server_version')"),
        tables=tables,
        migrations=tuple((app, name) for app, name in migrations),
    )
