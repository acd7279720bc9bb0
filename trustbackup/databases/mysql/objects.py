"""Reading and making what a schema holds besides tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from django.db import DatabaseError
from django.db.backends.utils import CursorWrapper

from trustbackup.databases.mysql.beside import describe, rows, run_bytes, scalar
from trustbackup.databases.mysql.definitions import FIRE, KINDS, Definition, parse
from trustbackup.databases.mysql.errors import code_of
from trustbackup.databases.mysql.names import quote
from trustbackup.databases.mysql.settings import Surroundings
from trustbackup.exceptions import RestoreError
from trustbackup.phrases import gettext as _

_MAY_NOT_SET = 1227
_NO_SUCH_ACCOUNT = 1449
_UNKNOWN_VALUE = 1231
_MODES_THAT_WENT = ("NO_AUTO_CREATE_USER",)
_BODY = {"view": 1, "trigger": 2, "function": 2, "procedure": 2, "package": 2, "event": 3}
"""In which column of ``SHOW CREATE …`` the statement stands."""


def list_tables(cursor: CursorWrapper, schema: str) -> list[str]:
    """Tables and sequences, whichever engine they have; no views."""
    found = rows(
        cursor,
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s"
        " AND TABLE_TYPE NOT IN ('VIEW', 'SYSTEM VIEW', 'TEMPORARY') ORDER BY TABLE_NAME",
        [schema],
    )
    return [str(name) for (name,) in found]


def list_objects(cursor: CursorWrapper, schema: str) -> list[tuple[str, str]]:
    """Kind and name of each, in the order in which they are made."""
    found = rows(
        cursor,
        "SELECT LOWER(ROUTINE_TYPE), ROUTINE_NAME FROM information_schema.ROUTINES"
        " WHERE ROUTINE_SCHEMA = %s AND ROUTINE_TYPE IN ('FUNCTION', 'PROCEDURE')"
        " ORDER BY ROUTINE_TYPE, ROUTINE_NAME",
        [schema],
    )
    found += rows(
        cursor,
        "SELECT 'view', TABLE_NAME FROM information_schema.TABLES"
        " WHERE TABLE_SCHEMA = %s AND TABLE_TYPE = 'VIEW' ORDER BY TABLE_NAME",
        [schema],
    )
    found += rows(
        cursor,
        "SELECT 'trigger', TRIGGER_NAME FROM information_schema.TRIGGERS"
        " WHERE TRIGGER_SCHEMA = %s ORDER BY EVENT_OBJECT_TABLE, ACTION_TIMING,"
        " EVENT_MANIPULATION, ACTION_ORDER",
        [schema],
    )
    found += rows(
        cursor,
        "SELECT 'event', EVENT_NAME FROM information_schema.EVENTS"
        " WHERE EVENT_SCHEMA = %s ORDER BY EVENT_NAME",
        [schema],
    )
    return [(str(kind), str(name)) for kind, name in found]


def read_definitions(cursor: CursorWrapper, schema: str, what: str) -> list[Definition]:
    """All of a schema, as they could be made again; the session is in ``schema`` after that.

    Raises RestoreError for one whose text the role may not read.
    """
    cursor.execute(f"USE {quote(schema)}")  # a view's text names the tables of others only then
    return [_read(cursor, kind, name, what) for kind, name in list_objects(cursor, schema)]


def _read(cursor: CursorWrapper, kind: str, name: str, what: str) -> Definition:
    cursor.execute(f"SHOW CREATE {kind.upper()} {quote(name)}")
    columns = [column[0].lower() for column in cursor.description or ()]
    row = cursor.fetchone() or ()
    values = dict(zip(columns, row, strict=True))
    text = row[_BODY[kind]] if len(row) > _BODY[kind] else None
    text = text.decode() if isinstance(text, bytes) else text
    around = Surroundings(
        # The text comes in this session's encoding, whatever it was written in.
        character_set_client="utf8mb4",
        collation_connection=_text(values.get("collation_connection")),
        sql_mode=_text(values.get("sql_mode")) if "sql_mode" in values else None,
        time_zone=_text(values.get("time_zone")),
    )
    definition = parse(text.encode(errors="surrogateescape"), around) if text else None
    if definition is None:
        raise RestoreError(
            what,
            why=_("the role may not read the text of %(kind)s %(name)s", kind=kind, name=name),
            todo=_("Give it that right, then try again."),
        )
    return definition


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "")


class Maker:
    """Makes them in the schema that a session is in, and tells what could not be as it was."""

    def __init__(self, cursor: CursorWrapper, schema: str) -> None:
        self._cursor = cursor
        self._schema = schema
        self.notes: list[str] = []
        self.not_given: set[str] = set()
        """Accounts that something could not be given to."""
        self.left_out: set[tuple[str, str]] = set()
        self._modes = scalar(cursor, "SELECT @@SESSION.sql_mode")
        self._zone = scalar(cursor, "SELECT @@SESSION.time_zone")
        self._collation = scalar(cursor, "SELECT @@SESSION.collation_connection")
        cursor.execute(f"USE {quote(schema)}")

    def make_all(self, definitions: Iterable[Definition]) -> None:
        """In an order in which each finds what it needs; one that can't be made is noted."""
        wanted = sorted(definitions, key=lambda one: KINDS.index(one.kind))
        for kind in KINDS:
            waiting = [one for one in wanted if one.kind == kind]
            while waiting:
                failed = [(one, problem) for one in waiting if (problem := self._try(one))]
                if len(failed) == len(waiting):
                    for one, problem in failed:
                        self.leave_out(one, problem)
                    break
                waiting = [one for one, _problem in failed]
        self._restore_session()

    def leave_out(self, one: Definition, why: str) -> None:
        self.left_out.add(one.listed)
        self.notes.append(
            _("%(kind)s %(name)s is not there: %(why)s.", kind=one.kind, name=one.name, why=why)
        )

    def drop_all(self, labels: Iterable[tuple[str, str]]) -> None:
        """Whether they are there or not. Raises DatabaseError."""
        for kind, name in labels:
            self._cursor.execute(f"DROP {kind.upper()} IF EXISTS {quote(name)}")

    def _try(self, one: Definition) -> str:
        """Why it can't be made, or ""."""
        try:
            self._make(one)
        except DatabaseError as error:
            if code_of(error) != _MAY_NOT_SET or not one.definer:
                return describe(error)
            try:
                self._make(one.without_definer())
            except DatabaseError as again:
                return describe(again)
            self.not_given.add(one.definer)
            self.notes.append(
                _(
                    "%(kind)s %(name)s belongs to the site's account now: it may not be given to"
                    " %(definer)s.",
                    kind=one.kind,
                    name=one.name,
                    definer=one.definer,
                )
            )
        return ""

    def _make(self, one: Definition) -> None:
        self.drop_all([one.label])
        self._surround(one.surroundings)
        run_bytes(self._cursor.db, one.statement)
        if one.definer and self._warned_of_account():
            self.notes.append(
                _(
                    "%(kind)s %(name)s belongs to %(definer)s, whom this server does not have: make"
                    " that account, or it can't be used.",
                    kind=one.kind,
                    name=one.name,
                    definer=one.definer,
                )
            )

    def _surround(self, around: Surroundings) -> None:
        self._restore_session()
        statement = around.statement()
        if not statement:
            return
        try:
            self._cursor.execute(statement)
        except DatabaseError as error:
            if code_of(error) != _UNKNOWN_VALUE:
                raise
            for mode in _MODES_THAT_WENT:
                statement = statement.replace(f"{mode},", "").replace(mode, "")
            self._cursor.execute(statement)

    def _restore_session(self) -> None:
        self._cursor.execute("SET NAMES utf8mb4")
        self._cursor.execute(
            "SET sql_mode = %s, time_zone = %s, collation_connection = %s",
            [self._modes, self._zone, self._collation],
        )

    def _warned_of_account(self) -> bool:
        return any(row[1] == _NO_SUCH_ACCOUNT for row in rows(self._cursor, "SHOW WARNINGS"))


def acting(definitions: Iterable[Definition]) -> Iterator[Definition]:
    """Those that act by themselves."""
    return (one for one in definitions if one.kind in FIRE)


def differing(wanted: Sequence[Definition], there: Sequence[Definition]) -> list[Definition]:
    """Those that are not there, or with another text."""
    known = {one.label: _comparable(one) for one in there}
    return [one for one in wanted if known.get(one.label) != _comparable(one)]


def _comparable(one: Definition) -> object:
    around = one.surroundings
    return one.statement, one.definer, around.sql_mode, around.collation_connection
