"""Settings of a session, also where a pooler deals its statements out to several servers' sessions.

PgBouncer and its like give a transaction any connection that is free, and keep what it has set for
whoever comes next. Behind one, nothing is set for a session: what should be goes along with each
transaction. https://www.pgbouncer.org/features.html
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

logger = logging.getLogger(__name__)

_IDLE = 0
"""libpq's number of a connection that is in no transaction."""
_SECONDS_FOR_A_CONNECTION = 2.0
_SECONDS_IN_SILENCE = 10.0
_carried: WeakKeyDictionary[BaseDatabaseWrapper, dict[str, str]] = WeakKeyDictionary()
"""The sessions that go through a pooler, and what is to be set in each transaction of theirs."""


@contextlib.contextmanager
def saying_what_is_waited_for(alias: str) -> Iterator[None]:
    """Around what opens a session: a pooler lets its clients wait for minutes without a word."""
    said = threading.Timer(
        _SECONDS_IN_SILENCE,
        logger.warning,
        [
            "Database %r is waited for: its server, or the pooler before it, has not answered.",
            alias,
        ],
    )
    said.daemon = True
    said.start()
    try:
        yield
    finally:
        said.cancel()


def client_pid(cursor: CursorWrapper) -> int:
    """The process number that the other side gave; a pooler gives another than the server's."""
    raw: Any = cursor.db.connection
    return int(raw.info.backend_pid)


def note_pooler(cursor: CursorWrapper) -> None:
    """From now on ``configure`` sets nothing that stays behind in this session's pool."""
    _carried.setdefault(cursor.db, {})


def is_pooled(cursor: CursorWrapper) -> bool:
    return cursor.db in _carried


def in_transaction(cursor: CursorWrapper) -> bool:
    raw: Any = cursor.db.connection
    return bool(raw.info.transaction_status != _IDLE)


def configure(cursor: CursorWrapper, **settings: str) -> None:
    """Set these for the transaction if there is one, else for the session. DatabaseError."""
    if not in_transaction(cursor) and is_pooled(cursor):
        _carried[cursor.db].update(settings)
        return
    local = "true" if in_transaction(cursor) else "false"
    calls = ", ".join(f"set_config(%s, %s, {local})" for _name in settings)
    cursor.execute(f"SELECT {calls}", [text for item in settings.items() for text in item])


def prelude(cursor: CursorWrapper) -> bytes:
    """What a transaction of this session begins with, as SQL; nothing where no pooler is."""
    settings = _carried.get(cursor.db) or {}
    return b"".join(
        b"SELECT set_config('%s', '%s', true);\n" % (name.encode(), _escaped(value))
        for name, value in settings.items()
    )


def begin(cursor: CursorWrapper, mode: str = "") -> None:
    """Begin a transaction, in which everything is set that is to be. Raises DatabaseError."""
    cursor.execute(f"BEGIN {mode}".strip())
    if settings := prelude(cursor):
        cursor.execute(settings.decode())


@contextlib.contextmanager
def transaction_if_pooled(cursor: CursorWrapper) -> Iterator[None]:
    """One for what needs the session's settings and is a single statement."""
    if not is_pooled(cursor):
        yield
        return
    begin(cursor)
    yield
    cursor.execute("COMMIT")


def open_sessions(
    stack: contextlib.ExitStack,
    sessions: Callable[[], contextlib.AbstractContextManager[CursorWrapper]],
    wanted: int,
) -> list[CursorWrapper]:
    """As many sessions as there are connections for, at least one. Raises DatabaseError.

    A role, a database and a server may have a limit; a pooler makes wait who is too many.
    """
    cursors = [stack.enter_context(sessions())]
    for _number in range(1, wanted):
        try:
            cursors.append(stack.enter_context(sessions()))
        except DatabaseError:
            break  # what is wrong besides that shows in those that are there
    return cursors[: _at_work_together(cursors)]


def _at_work_together(cursors: Sequence[CursorWrapper]) -> int:
    """How many of them, from the first on.

    A pooler lets everybody in and makes those wait for whom it has no connection. Whose turn does
    not come soon is cut off, and those behind it are as they were.
    """
    if not is_pooled(cursors[0]):
        return len(cursors)
    cursors[0].execute("BEGIN")  # at least one is waited for
    busy = [cursors[0]]
    for cursor in cursors[1:]:
        started = threading.Event()
        thread = threading.Thread(target=_hold, args=[cursor, started], daemon=True)
        thread.start()
        if not started.wait(_SECONDS_FOR_A_CONNECTION):
            _cut(cursor)
        thread.join()
        if not started.is_set():
            break
        busy.append(cursor)
    for cursor in busy:
        cursor.execute("ROLLBACK")
    return len(busy)


def _hold(cursor: CursorWrapper, started: threading.Event) -> None:
    with contextlib.suppress(DatabaseError):
        cursor.execute("BEGIN")
        started.set()


def _cut(cursor: CursorWrapper) -> None:
    """End a statement that waits; libpq itself may not be called while it does."""
    raw: Any = cursor.db.connection
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(raw.fileno())) as ours:
        ours.shutdown(socket.SHUT_RDWR)


def _escaped(value: str) -> bytes:
    return value.replace("'", "''").encode()
