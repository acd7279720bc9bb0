"""The app's own tables as they are now, brought into a file that is to be live.

``new`` is a connection to that file, with the live one attached as ``live``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from trustbackup.databases.sqlite.file import quoted
from trustbackup.phrases import gettext as _

_OURS = "trustbackup"
"""Begins the names of our own tables and of their indexes, which may have changed since."""


def take_table(new: sqlite3.Connection, table: str) -> list[str]:
    """A sentence for each thing that the site has hung on it and that can't be there now."""
    name = quoted(table)
    hung = [item for item in _statements(new, "main", table) if not item[1].startswith(_OURS)]
    new.execute(f"DROP TABLE IF EXISTS main.{name}")
    statements = _statements(new, "live", table)
    new.execute(statements[0][2])
    new.execute(f"INSERT INTO main.{name} SELECT * FROM live.{name}")  # noqa: S608
    notes = [note for item in statements[1:] if (note := _hang_again(new, table, *item))]
    # An undo brings back what the restored file did not have.
    there = {item[1] for item in statements}
    for item in hung:
        if item[1] not in there:
            _hang_again(new, table, *item)
    has = new.execute("SELECT 1 FROM live.sqlite_master WHERE name = 'sqlite_sequence'").fetchone()
    if has and "AUTOINCREMENT" in statements[0][2].upper():
        new.execute("DELETE FROM main.sqlite_sequence WHERE name = ?", [table])
        new.execute(
            "INSERT INTO main.sqlite_sequence SELECT * FROM live.sqlite_sequence WHERE name = ?",
            [table],
        )
    return notes


def take_migrations(new: sqlite3.Connection, app: str) -> None:
    new.execute(
        "CREATE TABLE IF NOT EXISTS main.django_migrations (id integer NOT NULL PRIMARY KEY"
        " AUTOINCREMENT, app varchar(255) NOT NULL, name varchar(255) NOT NULL,"
        " applied datetime NOT NULL)"
    )
    new.execute("DELETE FROM main.django_migrations WHERE app = ?", [app])
    new.execute(
        "INSERT INTO main.django_migrations (app, name, applied)"
        " SELECT app, name, applied FROM live.django_migrations WHERE app = ? ORDER BY id",
        [app],
    )


def _statements(new: sqlite3.Connection, schema: str, table: str) -> list[tuple[str, str, str]]:
    """Type, name and SQL of a table, which comes first, and of what hangs on it."""
    return new.execute(
        f"SELECT type, name, sql FROM {schema}.sqlite_master"  # noqa: S608 - main or live
        " WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY type = 'table' DESC",
        [table],
    ).fetchall()


def _hang_again(new: sqlite3.Connection, table: str, kind: str, name: str, sql: str) -> str:
    """Make an index or a trigger anew; why it was left out, or "".

    A trigger is made whatever it names, and fails when it fires: no run could be recorded then.
    """
    new.execute("SAVEPOINT hanging")
    try:
        new.execute(sql)
        if kind == "trigger":
            for statement in _that_fire(new, table):
                new.execute(f"EXPLAIN {statement}").fetchall()
    except sqlite3.OperationalError as error:
        new.execute("ROLLBACK TO hanging")
        return _(
            "%(kind)s %(name)s was left out: %(why)s.",
            kind=kind.capitalize(),
            name=f"{table} {name}",
            why=str(error),
        )
    finally:
        new.execute("RELEASE hanging")
    return ""


def _that_fire(new: sqlite3.Connection, table: str) -> Iterator[str]:
    """Statements that together fire every trigger of a table."""
    name = quoted(table)
    columns = [row[1] for row in new.execute(f"PRAGMA main.table_info({name})")]
    yield f"INSERT INTO main.{name} DEFAULT VALUES"
    yield f"DELETE FROM main.{name}"  # noqa: S608
    for column in columns:
        yield f"UPDATE main.{name} SET {quoted(column)} = NULL"  # noqa: S608
