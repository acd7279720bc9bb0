"""SQLite files: opening, copying and counting them, never creating one by accident."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from trustbackup.databases.base import Facts, TableRows
from trustbackup.exceptions import TrustbackupError

MAGIC = b"SQLite format 3\x00"
_PAGES = 4096
"""Pages to copy between two looks at the clock."""


def connect(path: Path, mode: str, wait: float) -> sqlite3.Connection:
    """A connection of our own, never one that creates a file unless ``mode`` is "rwc"."""
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=wait, isolation_level=None)


def copy_database(source: sqlite3.Connection, target: sqlite3.Connection, wait: float) -> None:
    """Copy all pages; gives up after ``wait`` seconds without progress (sqlite3.Error).

    Python's own ``backup()`` retries for ever on a locked database.
    """
    last = [-1, time.monotonic()]

    def look(_status: int, remaining: int, _total: int) -> None:
        if remaining != last[0]:
            last[:] = [remaining, time.monotonic()]
        elif time.monotonic() - last[1] > wait:
            raise sqlite3.OperationalError(f"database was locked for {wait:.0f} seconds")

    source.backup(target, pages=_PAGES, progress=look, sleep=0.05)


def checked_facts(path: Path, alias: str, wait: float, error: type[TrustbackupError]) -> Facts:
    """The facts of a file that nobody writes to, once its pages have been checked."""
    what = f"Database {alias!r} failed its check"
    with (
        translate(error, what),
        contextlib.closing(connect(path, "ro&immutable=1", wait)) as copy,
    ):
        answer = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
        if answer != "ok":
            raise error(
                what,
                why=f"the file is corrupt ({' '.join(str(answer).split())})",
                todo="Restore the last good backup, or repair it with sqlite3's .recover.",
            )
        facts = read_facts(copy, str(path))
    if not facts.tables:
        raise error(what, why="it has no table", todo="Run migrate first.")
    return facts


def read_facts(connection: sqlite3.Connection, name: str) -> Facts:
    """Count every table of an open database, in one read transaction."""
    connection.execute("BEGIN")
    try:
        (encoding,) = connection.execute("PRAGMA encoding").fetchone()
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
            " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
            " AND sql NOT LIKE 'CREATE VIRTUAL TABLE%' ORDER BY name"
        ).fetchall()
        counted = tuple(
            TableRows(schema="", name=table, rows=_count(connection, table)) for (table,) in tables
        )
        migrations: list[tuple[str, str]] = []
        if ("django_migrations",) in tables:
            migrations = connection.execute(
                "SELECT app, name FROM django_migrations ORDER BY id"
            ).fetchall()
    finally:
        connection.execute("ROLLBACK")
    return Facts(
        database=name,
        encoding=encoding,
        server_version=sqlite3.sqlite_version,
        tables=counted,
        migrations=tuple(migrations),
    )


def _count(connection: sqlite3.Connection, table: str) -> int:
    quoted = table.replace('"', '""')
    (rows,) = connection.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()  # noqa: S608
    return int(rows)


@contextlib.contextmanager
def translate(error: type[TrustbackupError], what: str) -> Iterator[None]:
    """Turn SQLite's and the system's errors into one sentence of ours."""
    try:
        yield
    except sqlite3.Error as problem:
        raise error(what, why=str(problem), todo=_remedy(str(problem))) from problem
    except OSError as problem:
        why = f"{problem.filename or 'the disk'}: {os.strerror(problem.errno or 0)}"
        raise error(what, why=why, todo="Mend that, then try again.") from problem


def _remedy(problem: str) -> str:
    if "locked" in problem or "busy" in problem:
        return "Wait until the program that holds it is done, then try again."
    if "malformed" in problem or "not a database" in problem or "corrupt" in problem:
        return "Restore the last good backup, or repair it with sqlite3's .recover."
    if "full" in problem:
        return "Free some space, then try again."
    return "Look into the database, then try again."
