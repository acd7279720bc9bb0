"""Exchanging the tables of two schemas: one ``RENAME TABLE``, which is done or not done.

What can't be renamed stands in the swap table of each schema (``swap_table.py``): triggers and
events are dropped before, and with views and routines made again after it, in the live schema.
A crash in between is finished, or taken back, by ``recover``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import DatabaseError
from django.db.backends.utils import CursorWrapper

from trustbackup.databases.mysql.beside import describe, rows, scalar
from trustbackup.databases.mysql.definitions import Definition
from trustbackup.databases.mysql.errors import LOCK_WAIT_TIMEOUT, code_of
from trustbackup.databases.mysql.names import quote
from trustbackup.databases.mysql.objects import (
    Maker,
    acting,
    differing,
    list_objects,
    list_tables,
    read_definitions,
)
from trustbackup.databases.mysql.swap_table import SwapTable
from trustbackup.exceptions import RestoreError
from trustbackup.phrases import gettext as _

ATTEMPT = 1
"""Seconds that a rename waits for a table: so long, all others wait behind it."""
_DEADLOCK = 1213
_PAUSE = 0.5
"""Seconds between two attempts, in which those who waited have their turn."""


@dataclass
class Swap:
    """``new`` becomes ``live``, which is kept as ``previous``; ``wait`` is in seconds."""

    cursor: CursorWrapper
    live: str
    new: str
    previous: str
    wait: float
    what: str
    notes: list[str] = field(default_factory=list)

    def run(self, marker: str) -> None:
        """Raises RestoreError, or DatabaseError, only when nothing was swapped."""
        wanted = self._keep_wanted()
        old = read_definitions(self.cursor, self.live, self.what)
        create_schema(self.cursor, self.previous, like=self.live)
        old_table = SwapTable(self.cursor, self.previous)
        old_table.create()
        old_table.keep_definitions(old)
        self._exchange(old_table, old, marker)
        self.notes += finish(self.cursor, self.live, wanted, old)
        drop_if_empty(self.cursor, self.new)

    def _keep_wanted(self) -> list[Definition]:
        """What the new one is to have: what it holds, and what may not be made in it."""
        table = SwapTable(self.cursor, self.new)
        held = read_definitions(self.cursor, self.new, self.what)
        labels = {one.label for one in held}
        wanted = [*held, *(one for one in table.definitions() if one.label not in labels)]
        table.keep_definitions(wanted)
        # A trigger that a migration has made there would not let its table go.
        Maker(self.cursor, self.new).drop_all(one.label for one in held)
        return wanted

    def _exchange(self, old_table: SwapTable, old: list[Definition], marker: str) -> None:
        until = time.monotonic() + self.wait
        while True:
            _wait_at_most(self.cursor, ATTEMPT)
            tables = list_tables(self.cursor, self.live)
            old_table.leave_previous(marker, tables)
            coming = list_tables(self.cursor, self.new)
            in_the_way = [one for one in old if one.kind == "view" and one.name in coming]
            try:
                Maker(self.cursor, self.live).drop_all(
                    one.label for one in [*acting(old), *in_the_way]
                )
                self.cursor.execute(self._rename(tables, coming))
                _wait_at_most(self.cursor, self.wait)
                return
            except DatabaseError as error:
                _wait_at_most(self.cursor, self.wait)
                make_missing(self.cursor, self.live, old)
                if code_of(error) not in (LOCK_WAIT_TIMEOUT, _DEADLOCK):
                    raise
                if time.monotonic() + _PAUSE > until:
                    raise self._refused() from error
            time.sleep(_PAUSE)

    def _rename(self, tables: list[str], coming: list[str]) -> str:
        ways = [(self.live, self.previous, name) for name in tables]
        ways += [(self.new, self.live, name) for name in coming]
        return "RENAME TABLE " + ", ".join(
            f"{quote(source)}.{quote(name)} TO {quote(target)}.{quote(name)}"
            for source, target, name in ways
        )

    def _refused(self) -> RestoreError:
        return RestoreError(
            self.what,
            why=_(
                "its tables were not free within %(seconds)d s (%(holders)s)",
                seconds=round(self.wait),
                holders=_holders(self.cursor, self.live),
            ),
            todo=_("End what holds them, or try again later. The database is as it was."),
        )


def _wait_at_most(cursor: CursorWrapper, seconds: float) -> None:
    cursor.execute(f"SET SESSION lock_wait_timeout = {max(1, round(seconds))}")


def create_schema(cursor: CursorWrapper, name: str, *, like: str) -> None:
    """Make a schema with the same encoding and collation as another."""
    found = rows(
        cursor,
        "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM"
        " information_schema.SCHEMATA WHERE SCHEMA_NAME = %s",
        [like],
    )
    clause = f" CHARACTER SET {found[0][0]} COLLATE {found[0][1]}" if found else ""
    cursor.execute(f"CREATE DATABASE {quote(name)}{clause}")


def exists(cursor: CursorWrapper, name: str) -> bool:
    return bool(
        rows(cursor, "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s", [name])
    )


def drop_if_empty(cursor: CursorWrapper, name: str) -> bool:
    """Whether there was nothing in it, and it is gone."""
    if list_tables(cursor, name) or list_objects(cursor, name):
        return False
    cursor.execute(f"DROP DATABASE IF EXISTS {quote(name)}")
    return True


def finish(
    cursor: CursorWrapper, live: str, wanted: list[Definition], there: list[Definition]
) -> list[str]:
    """After the rename: make in ``live`` what belongs to it. Never raises DatabaseError.

    A sentence for each thing that is not as it should be.
    """
    maker = Maker(cursor, live)
    labels = {one.label for one in wanted}
    try:
        maker.drop_all(one.label for one in there if one.label not in labels)
        gone = [one for one in there if one.kind not in ("trigger", "event")]
        maker.make_all(differing(wanted, gone))
    except DatabaseError as error:
        maker.notes.append(
            _(
                "Views, routines, triggers and events of %(live)s are not all as in the backup:"
                " %(problem)s.",
                live=live,
                problem=describe(error),
            )
        )
    return maker.notes


def make_missing(cursor: CursorWrapper, live: str, old: list[Definition]) -> None:
    """Make again what was dropped for a swap that did not come to be."""
    there = set(list_objects(cursor, live))
    Maker(cursor, live).make_all(one for one in old if one.label not in there)


def end_sessions(cursor: CursorWrapper, schema: str, pause: Callable[[float], None]) -> None:
    """End what a dead run has left running in a schema, and wait until it has ended."""
    for _round in range(100):
        found = rows(
            cursor,
            "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = %s AND ID <> CONNECTION_ID()",
            [schema],
        )
        if not found:
            return
        for (number,) in found:
            try:
                cursor.execute(f"KILL {int(number)}")
            except DatabaseError:
                continue  # it has ended meanwhile, or is somebody else's
        pause(0.1)


def _holders(cursor: CursorWrapper, live: str) -> str:
    try:
        found = rows(
            cursor,
            "SELECT t.trx_mysql_thread_id, TIMESTAMPDIFF(SECOND, t.trx_started, NOW())"
            " FROM information_schema.INNODB_TRX t ORDER BY t.trx_started LIMIT 3",
        )
    except DatabaseError:
        number = scalar(
            cursor,
            "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = %s"
            " AND ID <> CONNECTION_ID()",
            [live],
        )
        return _("%(number)d sessions of this account are in it", number=int(number or 0))
    return ", ".join(
        _("transaction of connection %(id)s since %(seconds)s s", id=number, seconds=seconds)
        for number, seconds in found
    ) or _("a statement that takes long")
