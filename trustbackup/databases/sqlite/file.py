"""SQLite files: opening, copying and counting them, never creating one by accident."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from trustbackup.databases.sqlite.fingerprints import with_fingerprints
from trustbackup.databases.sqlite.site_connection import connect_as_site, file_uri
from trustbackup.databases.values import Facts, TableRows
from trustbackup.exceptions import REMEDIES, TrustbackupError
from trustbackup.phrases import gettext as _
from trustbackup.phrases import joined
from trustbackup.store.inventory import Inventory, by_kind
from trustbackup.store.streams import sha256_of

MAGIC = b"SQLite format 3\x00"
_PAGES = 4096
"""Pages to copy between two looks at the clock."""


class StillLocked(sqlite3.OperationalError):
    """It was locked all the time that we were ready to wait."""

    sqlite_errorcode = sqlite3.SQLITE_BUSY


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
    return sqlite3.connect(file_uri(path, mode), uri=True, timeout=wait, isolation_level=None)


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
            raise StillLocked(_("database was locked for %(wait).0f seconds", wait=wait))

    source.backup(target, pages=pages, progress=look, sleep=0.05)


def readable_mode(path: Path) -> str:
    """How to open a file that may belong to a running site, only to read it.

    A file in WAL mode can't be opened where the files beside it are missing and can't be made,
    as on a read-only mount. When nobody has it open it is all there is, and can be read alone.
    https://www.sqlite.org/wal.html#read_only_databases
    """
    effective = os.access in os.supports_effective_ids
    alone = not any(Path(f"{path}{suffix}").exists() for suffix in ("-wal", "-shm"))
    if alone and not os.access(path.parent, os.W_OK, effective_ids=effective) and _is_wal(path):
        return "ro&immutable=1"
    return "rw"


def _is_wal(path: Path) -> bool:
    """https://www.sqlite.org/fileformat.html#file_format_version_numbers"""
    with contextlib.suppress(OSError), path.open("rb") as file:
        return file.read(20)[18:20] == b"\x02\x02"
    return False


@contextlib.contextmanager
def snapshot(path: Path, wait: float, mode: str = "rw") -> Iterator[sqlite3.Connection]:
    """A read transaction, which keeps writers from restarting a copy again and again."""
    with contextlib.closing(connect(path, mode, wait)) as source:
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield source


def damage(connection: sqlite3.Connection) -> str:
    """The first thing that is wrong with the pages of a file; "" when they are sound.

    A row that breaks a CHECK or NOT NULL, as one written before that was declared, is the site's
    data, not damage. https://www.sqlite.org/pragma.html#pragma_integrity_check
    """
    connection.execute("PRAGMA ignore_check_constraints = ON")
    for (answer,) in connection.execute(f"PRAGMA quick_check({2**31 - 1})"):
        if answer != "ok" and not str(answer).startswith("NULL value in "):
            return " ".join(str(answer).split())
    return ""


def checked_facts(
    path: Path,
    alias: str,
    wait: float,
    error: type[TrustbackupError],
    *,
    content: bool = False,
    compare: bool = False,
) -> Facts:
    """The facts of a file that nobody writes to, once its pages have been checked."""
    what = _("Database %(alias)r failed its check", alias=alias)
    with (
        translate(error, what),
        connect_as_site(alias, path, "ro&immutable=1", wait) as copy,
    ):
        if answer := damage(copy):
            raise error(
                what,
                why=_("the file is corrupt (%(answer)s)", answer=answer),
                todo=_("Restore the last good backup, or repair it with sqlite3's .recover."),
            )
        facts = read_facts(copy, str(path), sha256_of(path) if content else "")
        if compare:
            facts = with_fingerprints(copy, facts)
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
        inventory = _read_inventory(connection)
    finally:
        connection.execute("ROLLBACK")
    return Facts(
        database=name,
        encoding=encoding,
        server_version=sqlite3.sqlite_version,
        tables=counted,
        migrations=tuple(migrations),
        fingerprint=fingerprint,
        inventory=inventory,
    )


def _read_inventory(connection: sqlite3.Connection) -> Inventory:
    """Indexes, triggers, views and virtual tables; the ordinary ones have their rows counted."""
    return Inventory(
        objects=by_kind(
            connection.execute(
                "SELECT CASE type WHEN 'table' THEN 'virtual table' ELSE type END,"
                " CASE WHEN type IN ('index', 'trigger') THEN tbl_name || '.' ELSE '' END || name"
                " FROM sqlite_master WHERE (type <> 'table' OR sql LIKE 'CREATE VIRTUAL TABLE%')"
                " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
            )
        ),
        large_object_bytes=0,
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
        why = os.strerror(errno.EFBIG) if met_size_limit(problem) else str(problem)
        raise error(what, why=why, todo=_remedy(problem)) from problem
    except OSError as problem:
        why = joined(
            [str(problem.filename or _("the disk")), os.strerror(problem.errno or 0)], ": "
        )
        todo = REMEDIES.get(problem.errno or 0, _("Mend that, then try again."))
        raise error(what, why=why, todo=todo) from problem


def met_size_limit(problem: sqlite3.Error) -> bool:
    """Whether a file became larger than this process may write, for which SQLite has no code."""
    limit, _most = resource.getrlimit(resource.RLIMIT_FSIZE)
    code = getattr(problem, "sqlite_errorcode", None)
    return code == sqlite3.SQLITE_IOERR_WRITE and limit != resource.RLIM_INFINITY


_REMEDIES = {
    **dict.fromkeys(
        (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED),
        _("Wait until the program that holds it is done, then try again."),
    ),
    **dict.fromkeys(
        (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB),
        _("Restore the last good backup, or repair it with sqlite3's .recover."),
    ),
    sqlite3.SQLITE_FULL: _("Free some space, then try again."),
    sqlite3.SQLITE_CANTOPEN: _(
        "See that this user may read it and write into its folder: in WAL mode it needs files"
        " beside it."
    ),
}

_UNREGISTERED = ("unknown function", "no such function", "no such collation", "no such module")
"""How SQLite, which has no result code for it, begins to say that a connection lacks something."""


def _remedy(problem: sqlite3.Error) -> str:
    """By SQLite's result code, whose lower byte says the kind: https://sqlite.org/rescode.html"""
    if str(problem).startswith(_UNREGISTERED):
        return _(
            "Register it in a receiver of Django's connection_created, for every connection,"
            " then try again."
        )
    if met_size_limit(problem):
        return REMEDIES[errno.EFBIG]
    code = getattr(problem, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    return _REMEDIES.get(code, _("Look into the database, then try again."))
