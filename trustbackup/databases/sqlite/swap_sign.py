"""How a swap of SQLite files is told after a crash: by what only its own transaction wrote.

The schema version, a size, a time or a name can become the same by other ways. So the
restore's id lies in a small table of the new file before it is copied in, and comes into the
live file in the one transaction that replaces all of it; it is removed once the journal says
that the swap is done. The old content's copy has the id, too, for as long as it is kept.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from trustbackup.databases.sqlite.file import connect, damage, list_tables
from trustbackup.databases.sqlite.site_connection import connect_as_site
from trustbackup.exceptions import NothingKept, RestoreError
from trustbackup.phrases import gettext as _
from trustbackup.store.durable import sync_folder

_TABLE = "trustbackup_swap"
FITTING = "-fitting"
"""Ends the name of a new file that is rewritten with the live one's size of pages."""
COMPANIONS = ("", "-journal", "-wal", "-shm", FITTING)
UNFINISHED = ".unfinished"
"""Ends the name of the old content's copy until the new content is committed."""


def leave_sign(connection: sqlite3.Connection, sign: str) -> None:
    """Put the sign of one restore into a database that nobody else uses yet."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(f"CREATE TABLE IF NOT EXISTS {_TABLE} (restore text NOT NULL)")
    connection.execute(f"INSERT INTO {_TABLE} VALUES (?)", [sign])  # noqa: S608
    connection.execute("COMMIT")


def has_sign(path: Path, sign: str, wait: float) -> bool:
    """Whether the file holds the sign of that restore; an unfinished copy is rolled back."""
    if not path.is_file() or not path.stat().st_size:
        return False
    with contextlib.closing(connect(path, "rw", wait)) as connection:
        return _has_sign(connection, sign)


def _has_sign(connection: sqlite3.Connection, sign: str) -> bool:
    there = connection.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", [_TABLE]
    ).fetchone()
    if there is None:
        return False
    found = connection.execute(f"SELECT 1 FROM {_TABLE} WHERE restore = ?", [sign])  # noqa: S608
    return found.fetchone() is not None


def remove_sign(path: Path, sign: str, wait: float) -> None:
    """Of this restore alone: a journal that somebody kept and brought back ends no other one."""
    if has_sign(path, sign, wait):
        with contextlib.closing(connect(path, "rw", wait)) as connection:
            connection.execute(f"DROP TABLE IF EXISTS {_TABLE}")


def check_kept_file(alias: str, path: Path, sign: str, wait: float) -> None:
    """Raises RestoreError unless it is the old content that this restore kept, all of it."""
    what = _("%(name)s is not put back", name=path)
    todo = _("Restore a backup instead.")
    if not path.is_file():
        raise NothingKept(
            what, why=_("the old database %(name)s is not there any more", name=path), todo=todo
        )
    try:
        with connect_as_site(alias, path, "rw", wait) as connection:
            mine = _has_sign(connection, sign)
            empty = not [name for name in list_tables(connection) if name != _TABLE]
            answer = damage(connection)
    except sqlite3.Error as error:
        raise RestoreError(what, why=str(error), todo=todo) from error
    if empty:
        raise NothingKept(what, why=_("it is empty"), todo=todo)
    if not mine:
        raise RestoreError(what, why=_("it is not what the restore kept"), todo=todo)
    if answer:
        why = _("the file is corrupt (%(answer)s)", answer=answer)
        raise RestoreError(what, why=why, todo=todo)


def finish_old_copy(previous: Path) -> None:
    """Give the old content's copy its name: the new content is committed."""
    copy = previous.with_name(previous.name + UNFINISHED)
    if copy.exists():
        copy.replace(previous)
        sync_folder(previous.parent)


def file_identity(path: Path) -> str:
    """Its device and its inode's number; "" when there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_dev}:{status.st_ino}"


def remove_file(path: Path) -> None:
    """Remove a database's file with what SQLite keeps beside it."""
    for suffix in COMPANIONS:
        Path(f"{path}{suffix}").unlink(missing_ok=True)
