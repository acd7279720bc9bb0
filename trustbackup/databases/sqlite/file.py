"""SQLite files: opening, copying and counting them, never creating one by accident."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from trustbackup.databases.values import Facts, TableRows
from trustbackup.exceptions import TrustbackupError
from trustbackup.phrases import gettext as _
from trustbackup.phrases import joined
from trustbackup.store.streams import sha256_of

MAGIC = b"SQLite format 3\x00"
_PAGES = 4096
"""Pages to copy between two looks at the clock."""


def size_in_header(head: bytes) -> int:
    """The bytes that a file should have at least, by its first hundred; 0 if they don't say.

    https://www.sqlite.org/fileformat.html#in_header_database_size
    """
    if len(head) < 100:
        return 100
    if head[24:28] != head[92:96]:
        return 0
    page = int.from_bytes(head[16:18], "big")
    return (65_536 if page == 1 else page) * int.from_bytes(head[28:32], "big")


def connect(path: Path, mode: str, wait: float) -> sqlite3.Connection:
    """A connection of our own, never one that creates a file unless ``mode`` is "rwc"."""
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=wait, isolation_level=None)


def create_private(path: Path | str) -> int:
    """Make an empty file (0600) and open it: SQLite would take the umask's mode."""
    return os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)


def copy_database(
    source: sqlite3.Connection,
    target: sqlite3.Connection,
    wait: float,
    *,
    pages: int = _PAGES,
    on_first: Callable[[], None] = lambda: None,
) -> None:
    """Copy all pages; gives up after ``wait`` seconds without progress (sqlite3.Error).

    ``on_first`` is called once the target is locked, and may raise to leave it as it was.
    Python's own ``backup()`` retries for ever on a locked database.
    """
    last = [-1, time.monotonic()]

    def look(_status: int, remaining: int, total: int) -> None:
        if remaining != last[0] and total:
            if last[0] < 0:
                on_first()
            last[:] = [remaining, time.monotonic()]
        elif time.monotonic() - last[1] > wait:
            raise sqlite3.OperationalError(
                _("database was locked for %(wait).0f seconds", wait=wait)
            )

    source.backup(target, pages=pages, progress=look, sleep=0.05)


@contextlib.contextmanager
def snapshot(path: Path, wait: float) -> Iterator[sqlite3.Connection]:
    """A read transaction, which keeps writers from restarting a copy again and again."""
    with contextlib.closing(connect(path, "rw", wait)) as source:
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield source


def checked_facts(
    path: Path, alias: str, wait: float, error: type[TrustbackupError], *, content: bool = False
) -> Facts:
    """The facts of a file that nobody writes to, once its pages have been checked."""
    what = _("Database %(alias)r failed its check", alias=alias)
    with (
        translate(error, what),
        contextlib.closing(connect(path, "ro&immutable=1", wait)) as copy,
    ):
        answer = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
        if answer != "ok":
            raise error(
                what,
                why=_("the file is corrupt (%(answer)s)", answer=" ".join(str(answer).split())),
                todo=_("Restore the last good backup, or repair it with sqlite3's .recover."),
            )
        facts = read_facts(copy, str(path), sha256_of(path) if content else "")
    if not facts.tables:
        raise error(what, why=_("it has no table"), todo=_("Run migrate first."))
    return facts


def list_tables(connection: sqlite3.Connection) -> list[str]:
    """Tables that hold rows of their own: neither SQLite's nor virtual ones."""
    rows = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        " AND sql NOT LIKE 'CREATE VIRTUAL TABLE%' ORDER BY name"
    )
    return [name for (name,) in rows]


def read_facts(
    connection: sqlite3.Connection, name: str, fingerprint: str = "", *, count: bool = True
) -> Facts:
    """Count every table of an open database, in one read transaction; or leave them at 0."""
    connection.execute("BEGIN")
    try:
        (encoding,) = connection.execute("PRAGMA encoding").fetchone()
        tables = list_tables(connection)
        counted = tuple(
            TableRows(schema="", name=table, rows=_count(connection, table) if count else 0)
            for table in tables
        )
        migrations: list[tuple[str, str]] = []
        if "django_migrations" in tables:
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
        fingerprint=fingerprint,
    )


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _count(connection: sqlite3.Connection, table: str) -> int:
    (rows,) = connection.execute(f"SELECT count(*) FROM {quoted(table)}").fetchone()  # noqa: S608
    return int(rows)


def has_row(connection: sqlite3.Connection, table: str) -> bool:
    found = connection.execute(f"SELECT EXISTS (SELECT 1 FROM {quoted(table)})")  # noqa: S608
    return bool(found.fetchone()[0])


@contextlib.contextmanager
def translate(error: type[TrustbackupError], what: str) -> Iterator[None]:
    """Turn SQLite's and the system's errors into one sentence of ours."""
    try:
        yield
    except sqlite3.Error as problem:
        raise error(what, why=str(problem), todo=_remedy(str(problem))) from problem
    except OSError as problem:
        why = joined(
            [str(problem.filename or _("the disk")), os.strerror(problem.errno or 0)], ": "
        )
        raise error(what, why=why, todo=_("Mend that, then try again.")) from problem


def _remedy(problem: str) -> str:
    if "locked" in problem or "busy" in problem:
        return _("Wait until the program that holds it is done, then try again.")
    if "malformed" in problem or "not a database" in problem or "corrupt" in problem:
        return _("Restore the last good backup, or repair it with sqlite3's .recover.")
    if "full" in problem:
        return _("Free some space, then try again.")
    return _("Look into the database, then try again.")
