"""What a restore does to single tables: keep the app's own as they are now, end sessions, look
for rows whose foreign key points nowhere."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.mysql.beside import rows
from trustbackup.databases.mysql.names import quote
from trustbackup.databases.mysql.objects import list_tables
from trustbackup.phrases import gettext as _

MIGRATIONS = "django_migrations"


def carry_tables(
    cursor: CursorWrapper, live: str, new: str, tables: Sequence[str], app: str
) -> None:
    """Bring tables from schema ``live`` into ``new``, instead of those that it has."""
    there = set(list_tables(cursor, live))
    mine = [table for table in tables if table in there]
    cursor.execute("SET SESSION foreign_key_checks = 0, unique_checks = 0")
    cursor.execute("SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'")
    cursor.execute(f"USE {quote(new)}")
    for table in mine:
        cursor.execute(f"DROP TABLE IF EXISTS {quote(table)}")
    for table in mine:
        cursor.execute(f"SHOW CREATE TABLE {quote(live)}.{quote(table)}")
        cursor.execute(cursor.fetchone()[1])
        _copy_rows(cursor, live, new, table)
    if mine and MIGRATIONS in there and MIGRATIONS in list_tables(cursor, new):
        _copy_migrations(cursor, live, new, app)


def _copy_rows(cursor: CursorWrapper, live: str, new: str, table: str) -> None:
    found = rows(
        cursor,
        "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s"
        " AND TABLE_NAME = %s AND EXTRA NOT LIKE '%%GENERATED%%' ORDER BY ORDINAL_POSITION",
        [new, table],
    )
    columns = ", ".join(quote(name) for (name,) in found)
    cursor.execute(
        f"INSERT INTO {quote(new)}.{quote(table)} ({columns})"  # noqa: S608
        f" SELECT {columns} FROM {quote(live)}.{quote(table)}"
    )


def _copy_migrations(cursor: CursorWrapper, live: str, new: str, app: str) -> None:
    target, source = (f"{quote(schema)}.{quote(MIGRATIONS)}" for schema in (new, live))
    cursor.execute(f"DELETE FROM {target} WHERE app = %s", [app])  # noqa: S608
    cursor.execute(
        f"INSERT INTO {target} (app, name, applied)"  # noqa: S608
        f" SELECT app, name, applied FROM {source} WHERE app = %s ORDER BY id",
        [app],
    )


def empty_table(cursor: CursorWrapper, schema: str, table: str) -> None:
    if table in list_tables(cursor, schema):
        cursor.execute(f"DELETE FROM {quote(schema)}.{quote(table)}")  # noqa: S608


def orphans(cursor: CursorWrapper, schema: str) -> list[str]:
    """A sentence for each table with rows whose foreign key points nowhere.

    A load takes them without a word, and no check of the server's finds them.
    """
    keys: dict[tuple[str, str], list[tuple[str, str, str, str]]] = {}
    for table, name, column, parent_schema, parent, referenced in rows(
        cursor,
        "SELECT TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_SCHEMA,"
        " REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE"
        " WHERE TABLE_SCHEMA = %s AND REFERENCED_TABLE_NAME IS NOT NULL"
        " ORDER BY TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION",
        [schema],
    ):
        keys.setdefault((table, name), []).append((column, parent_schema, parent, referenced))
    there = set(list_tables(cursor, schema))
    broken = set()
    for (table, _name), columns in keys.items():
        _column, parent_schema, parent, _referenced = columns[0]
        lost = parent_schema == schema and parent not in there
        if table not in broken and (lost or _points_nowhere(cursor, schema, table, columns)):
            broken.add(table)
    return [
        _("Table %(table)s has rows whose foreign key points nowhere.", table=table)
        for table in sorted(broken)
    ]


def _points_nowhere(
    cursor: CursorWrapper, schema: str, table: str, columns: list[tuple[str, str, str, str]]
) -> bool:
    _column, parent_schema, parent, _referenced = columns[0]
    same = " AND ".join(f"p.{quote(there)} = c.{quote(here)}" for here, _s, _p, there in columns)
    given = " AND ".join(f"c.{quote(here)} IS NOT NULL" for here, *_ in columns)
    cursor.execute(
        f"SELECT 1 FROM {quote(schema)}.{quote(table)} c WHERE {given} AND NOT EXISTS ("  # noqa: S608
        f"SELECT 1 FROM {quote(parent_schema)}.{quote(parent)} p WHERE {same}) LIMIT 1"
    )
    return cursor.fetchone() is not None
