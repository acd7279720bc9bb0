"""Which rows of a SQLite file refer to those of tables that are to be empty."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator

from trustbackup.databases.sqlite.file import list_tables, quoted


def references(
    connection: sqlite3.Connection, parents: Collection[str], hollow: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Tables with rows that refer to one of these, and to which; ``hollow`` ones have none."""
    names = {name.lower(): name for name in parents}
    for table in list_tables(connection):
        if table in hollow:
            continue
        keys: dict[tuple[int, str], list[str]] = {}
        for number, _seq, parent, column, *_rest in connection.execute(
            f"PRAGMA foreign_key_list({quoted(table)})"
        ):
            if parent.lower() in names:
                keys.setdefault((number, names[parent.lower()]), []).append(column)
        for (_number, parent), columns in keys.items():
            filled = " AND ".join(f"{quoted(column)} IS NOT NULL" for column in columns)
            found = connection.execute(
                f"SELECT EXISTS (SELECT 1 FROM {quoted(table)} WHERE {filled})"  # noqa: S608
            )
            if found.fetchone()[0]:
                yield table, parent
