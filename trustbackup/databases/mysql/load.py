"""Loading a dump into a schema beside the live one, over sessions of ours.

The client's program would run whatever a file holds, and makes one row after the other with all
its indexes. Here each statement is recognised first, blocks of rows go to several sessions at a
time, and the indexes are built from all rows at once: measured, a third of the time.
"""

from __future__ import annotations

import contextlib
import queue
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Self

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper

from trustbackup.databases.mysql.beside import describe, run_bytes
from trustbackup.databases.mysql.definitions import Definition, parse
from trustbackup.databases.mysql.names import quote
from trustbackup.databases.mysql.script import Kind, Script, Statement, statements
from trustbackup.databases.mysql.settings import DumpSettings
from trustbackup.databases.values import LoadRequest
from trustbackup.exceptions import RestoreError
from trustbackup.phrases import gettext as _

SESSIONS = 2
"""How many load side by side; more than that wait for the same disk."""
SETTINGS = (
    "SET SESSION foreign_key_checks = 0, unique_checks = 0, time_zone = '+00:00',"
    " sql_mode = 'NO_AUTO_VALUE_ON_ZERO', sql_notes = 0"
    " /*M!100201 , check_constraint_checks = 0 */"
)
"""As a dump has them, and rows that break a CHECK come back, too: the dump has them as they were.

They got there while MariaDB was told not to look; mariadb-dump leaves the looking on.
"""
_WITH_HISTORY = b"SET SESSION system_versioning_insert_history = %d"
_VERSIONED = b"WITH SYSTEM VERSIONING"
_LATER = re.compile(
    rb"  (?:(?:UNIQUE |FULLTEXT |SPATIAL )?KEY `|CONSTRAINT `(?:[^`]|``)+` FOREIGN KEY )"
)
_PRIMARY = b"  PRIMARY KEY ("
_COUNTS = re.compile(rb"  `(?:[^`]|``)+` [^\n]* AUTO_INCREMENT\b")


@dataclass
class Loaded:
    """What a dump held besides rows."""

    tables: list[str] = field(default_factory=list)
    definitions: list[Definition] = field(default_factory=list)
    database: str = ""
    """What their schema was called."""
    without_history: set[str] = field(default_factory=set)
    """System-versioned tables whose rows that are no more the dump does not have."""


class Loader:
    """One load; ``connect`` opens a session in the schema that is to be filled."""

    def __init__(
        self,
        what: str,
        connect: Callable[[], AbstractContextManager[BaseDatabaseWrapper]],
        request: LoadRequest,
    ) -> None:
        self._what = what
        self._connect = connect
        self._request = request
        self._settings = DumpSettings()
        self._later: list[tuple[str, bytes]] = []
        self._history = False
        self._versioned: set[str] = set()

    def load(self) -> Loaded:
        """Raises RestoreError."""
        loaded = Loaded()
        with contextlib.ExitStack() as stack:
            source = stack.enter_context(self._request.open_raw())
            control = stack.enter_context(self._session())
            parallel = stack.enter_context(_ParallelSessions(self._what, self._session, SESSIONS))
            script = Script(source)
            for statement in statements(script, self._what):
                self._play(statement, control, parallel, loaded)
            parallel.finish()
            for name, alteration in self._later:
                parallel.put(alteration, name)
            parallel.finish()
        loaded.database = script.database
        missing = sorted(set(self._request.tables) - set(loaded.tables))
        if missing:
            raise RestoreError(
                self._what,
                why=_("the backup has no table %(table)r", table=missing[0]),
                todo=_("See show_backup for those that it has."),
            )
        return loaded

    @contextlib.contextmanager
    def _session(self) -> Iterator[BaseDatabaseWrapper]:
        with self._connect() as connection:
            run_bytes(connection, SETTINGS.encode())
            run_bytes(connection, b"SET NAMES utf8mb4")
            yield connection

    def _play(
        self,
        statement: Statement,
        control: BaseDatabaseWrapper,
        parallel: _ParallelSessions,
        loaded: Loaded,
    ) -> None:
        kind = statement.kind
        if kind is Kind.SETTING:
            self._settings.follow(statement.text)
        elif kind is Kind.DEFINITION:
            definition = parse(statement.text, self._settings.now())
            if definition is not None and not self._request.tables:
                loaded.definitions.append(definition)
        elif self._request.tables and statement.name not in self._request.tables:
            return
        elif kind is Kind.ROWS:
            self._put_rows(statement, parallel, loaded)
        else:
            self._make_table(statement, control, loaded)

    def _put_rows(self, statement: Statement, parallel: _ParallelSessions, loaded: Loaded) -> None:
        if self._settings.inserts_history != self._history:
            self._history = self._settings.inserts_history
            parallel.everyone(_WITH_HISTORY % self._history)
        if statement.name in self._versioned and not self._history:
            loaded.without_history.add(statement.name)
        parallel.put(statement.text, statement.name)

    def _make_table(
        self, statement: Statement, control: BaseDatabaseWrapper, loaded: Loaded
    ) -> None:
        """Or a sequence, or set where one goes on."""
        text = statement.text
        if statement.kind is Kind.TABLE:
            if is_versioned(text):
                self._versioned.add(statement.name)
            text, later = put_off(text)
            if later:
                self._later.append((statement.name, alter(statement.name, later)))
        if statement.kind is not Kind.SETVAL:
            loaded.tables.append(statement.name)
        with _named(self._what, statement.name):
            run_bytes(control, text)


def is_versioned(statement: bytes) -> bool:
    """Whether a ``CREATE TABLE`` keeps the rows that are no more."""
    return _VERSIONED in statement[statement.rfind(b"\n)") :]


def put_off(statement: bytes) -> tuple[bytes, list[bytes]]:
    """A ``CREATE TABLE`` without what is quicker made when the rows are there; and that."""
    lines = statement.split(b"\n")
    end = max((n for n, line in enumerate(lines) if line.startswith(b")")), default=0)
    columns, body, rest = lines[:1], lines[1:end], lines[end:]
    primary = next((line for line in body if line.startswith(_PRIMARY)), b"")
    if is_versioned(statement) or not primary:
        return statement, []
    counted = next((one.split(b"`")[1] for one in body if _COUNTS.match(one)), b"")
    # The server demands an index on a column that counts.
    if counted and primary.startswith(_PRIMARY + b"`" + counted + b"`"):
        counted = b""
    keep: list[bytes] = []
    later: list[bytes] = []
    for line in body:
        can_wait = _LATER.match(line) is not None
        if counted and b"KEY `" in line and b"` (`" + counted + b"`" in line:
            can_wait = False
        (later if can_wait else keep).append(line.rstrip(b"\r").removesuffix(b","))
    joined = b",\n".join(keep)
    return b"\n".join([*columns, joined, *rest]), later


def alter(table: str, lines: list[bytes]) -> bytes:
    """What adds them."""
    added = b", ".join(b"ADD " + line.strip() for line in lines)
    return b"ALTER TABLE " + quote(table).encode(errors="surrogateescape") + b" " + added


@contextlib.contextmanager
def _named(what: str, table: str) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        raise RestoreError(
            what,
            why=_("table %(table)s: %(problem)s", table=table, problem=describe(error)),
            todo=_("The live database was not touched."),
        ) from error


class _ParallelSessions:
    """Sessions that take statements from one queue; the first failure ends all of it."""

    def __init__(
        self,
        what: str,
        connect: Callable[[], AbstractContextManager[BaseDatabaseWrapper]],
        count: int,
    ) -> None:
        self._what = what
        self._connect = connect
        self._count = count
        # A block is a MiB or more: of those that wait there are only a few.
        self._work: queue.Queue[tuple[bytes, str] | None] = queue.Queue(2 * count)
        self._error: BaseException | None = None
        self._threads: list[threading.Thread] = []
        self._connections: list[BaseDatabaseWrapper] = []
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        try:
            for _number in range(self._count):
                self._connections.append(self._stack.enter_context(self._connect()))
        except BaseException:
            self._stack.close()
            raise
        for connection in self._connections:
            thread = threading.Thread(target=self._run, args=[connection], daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._error is None and _[0] is not None:
            self._error = InterruptedError()  # what waits in the queue is not begun any more
        for _thread in self._threads:
            self._work.put(None)
        for thread in self._threads:
            thread.join()
        self._stack.close()

    def put(self, statement: bytes, table: str) -> None:
        self._raise()
        self._work.put((statement, table))

    def everyone(self, statement: bytes) -> None:
        """Run it in each session, when all that was put before is done."""
        self.finish()
        for connection in self._connections:
            with _named(self._what, ""):
                run_bytes(connection, statement)

    def finish(self) -> None:
        """Wait until all is done. Raises RestoreError."""
        self._work.join()
        self._raise()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self, connection: BaseDatabaseWrapper) -> None:
        while (work := self._work.get()) is not None:
            try:
                if self._error is None:
                    statement, table = work
                    with _named(self._what, table):
                        run_bytes(connection, statement)
            except BaseException as error:
                self._error = self._error or error
            finally:
                self._work.task_done()
        self._work.task_done()
