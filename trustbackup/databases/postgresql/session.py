"""What can be learned through a session on a PostgreSQL database."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.postgresql.pooled import configure, in_transaction
from trustbackup.databases.values import Facts, TableRows

ORDINARY_TABLES = """
    SELECT c.oid, n.nspname, c.relname, format('%I.%I', n.nspname, c.relname),
        CASE WHEN EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid) THEN (
            SELECT 'row(' || string_agg(format('t.%I', attname), ',' ORDER BY attname) || ')'
            FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
        ) ELSE 't' END,
        CASE WHEN c.relispartition THEN (
            SELECT format('%I.%I', rn.nspname, r.relname)
            FROM pg_catalog.pg_class r JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
            WHERE r.oid = pg_partition_root(c.oid)
        ) ELSE '' END
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence <> 't'
      AND NOT (c.relpersistence = 'u' AND pg_is_in_recovery())
      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
      AND has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE')
    ORDER BY n.nspname, c.relname
"""
"""Ordinary tables and the leaves of partitioned ones: what can hold rows.

A child's columns may come back in another order, so its row is built by their names. A server
that only follows another has no rows of unlogged tables, and pg_dump leaves them out there.
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
_AT_A_TIME = 100
"""Tables whose locks are held together while their rows are counted, where there are plenty."""
_LOCKS = """
    SELECT current_setting('max_locks_per_transaction')::bigint
        * (current_setting('max_connections')::bigint
            + current_setting('max_prepared_transactions')::bigint)
"""
"""https://www.postgresql.org/docs/current/runtime-config-locks.html"""


def scalar(cursor: CursorWrapper, sql: str, *parameters: Any) -> Any:  # noqa: ANN401
    """The first column of the first row; None when there is none."""
    cursor.execute(sql, parameters or None)
    row = cursor.fetchone()
    return row[0] if row else None


MIGRATIONS = "django_migrations"
"""The table of what was migrated, as Django has always called it."""
Sessions = Callable[[], contextlib.AbstractContextManager[CursorWrapper]]
"""Opens a session; what a cursor of it does is in no transaction."""


class Table(NamedTuple):
    """A table that can hold rows; ``quoted`` is its full name as SQL, ``row`` its row.

    ``root`` is the partitioned table that it is a part of, or "".
    """

    oid: int
    schema: str
    name: str
    quoted: str
    row: str
    root: str


def list_tables(cursor: CursorWrapper) -> list[Table]:
    """Every table that can hold rows, by schema and name."""
    cursor.execute(ORDINARY_TABLES)
    return [Table(*row) for row in cursor.fetchall()]


def has_row(cursor: CursorWrapper, table: Table) -> bool:
    return bool(scalar(cursor, f"SELECT EXISTS (SELECT FROM ONLY {table.quoted})"))  # noqa: S608


def count_rows(
    cursor: CursorWrapper, tables: Sequence[Table], *, content: bool = False
) -> dict[int, TableRows]:
    """The rows of each table, by the table's oid; with fingerprints if ``content``.

    To be called in a transaction. What it locks (a table takes its indexes along) it lets go
    again by and by: the server has room for so many locks at a time.
    """
    if content:
        configure(cursor, **_PINNED)
    counted: dict[int, TableRows] = {}
    # A dump beside this one needs a lock for each table, too.
    left = room_for_locks(cursor) - len(tables)
    width = max(1, min(_AT_A_TIME, left // 20))
    for start in range(0, len(tables), width):
        cursor.execute("SAVEPOINT counting")
        counted.update(_count(cursor, tables[start : start + width], content=content))
        cursor.execute("ROLLBACK TO SAVEPOINT counting; RELEASE SAVEPOINT counting")
    return {table.oid: counted[table.oid] for table in tables}


def room_for_locks(cursor: CursorWrapper) -> int:
    """How many locks all transactions of the server can hold together, at least."""
    return int(scalar(cursor, _LOCKS))


def _count(
    cursor: CursorWrapper, tables: Sequence[Table], *, content: bool
) -> Iterator[tuple[int, TableRows]]:
    # A sum, because a xor would let two equal rows cancel each other.
    sums = [
        f"coalesce(sum(hashtextextended({table.row}::text, 0)), 0)" if content else "0"
        for table in tables
    ]
    # One query for all of them: thousands of small ones take longer than to count.
    cursor.execute(
        " UNION ALL ".join(
            f"SELECT {number}, count(*), {total} FROM ONLY {table.quoted} t"  # noqa: S608
            for number, (table, total) in enumerate(zip(tables, sums, strict=True))
        )
    )
    for number, rows, total in cursor.fetchall():
        table = tables[number]
        yield (
            table.oid,
            TableRows(
                schema=table.schema,
                name=table.name,
                rows=rows,
                fingerprint=f"{int(total):x}" if content else "",
                root=table.root,
            ),
        )


def read_facts(cursor: CursorWrapper, tables: tuple[TableRows, ...]) -> Facts:
    """The facts of the database that the cursor is connected to."""
    migrations: list[tuple[str, str]] = []
    schemas = [table.schema for table in tables if table.name == MIGRATIONS]
    if schemas:
        schema = _schema_of_the_site(cursor, schemas) if len(schemas) > 1 else schemas[0]
        where = f"{quote_name(schema)}.{MIGRATIONS}"
        cursor.execute(f"SELECT app, name FROM {where} ORDER BY id")  # noqa: S608
        migrations = cursor.fetchall()
    return Facts(
        database=scalar(cursor, "SELECT current_database()"),
        encoding=scalar(cursor, "SELECT current_setting('server_encoding')"),
        server_version=scalar(cursor, "SELECT current_setting('server_version')"),
        tables=tables,
        migrations=tuple((app, name) for app, name in migrations),
    )


def _schema_of_the_site(cursor: CursorWrapper, schemas: Sequence[str]) -> str:
    """Where the site itself finds its migrations; tenants have some of their own.

    Fingerprints leave another search_path behind, which is put back.
    """
    path = scalar(cursor, "SHOW search_path")
    if in_transaction(cursor):
        cursor.execute("SET LOCAL search_path TO DEFAULT")
    found = scalar(
        cursor,
        "SELECT nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"  # noqa: S608
        f" WHERE c.oid = to_regclass('{MIGRATIONS}')",
    )
    if in_transaction(cursor):
        configure(cursor, search_path=path)
    return str(found) if found in schemas else schemas[0]


def silence_event_triggers(cursor: CursorWrapper) -> None:
    """Let no event trigger of the site forbid what a restore does; only superusers have any."""
    if scalar(cursor, "SHOW is_superuser") == "on":
        configure(cursor, session_replication_role="replica")


def quote_name(text: str) -> str:
    """A name as SQL; for statements that take no parameters."""
    return '"' + text.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A text as SQL, whatever ``standard_conforming_strings`` says."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f" E'{escaped}'" if "\\" in text else f"'{escaped}'"
