"""Counting rows in a snapshot of ours that begins at the same instant as the dumper's.

MySQL lets no session join another's snapshot. So all tables are locked against writing while
both begin, which takes milliseconds: the lock goes as soon as the dumper has said something of
the first table. Tables whose engine knows no snapshot (MyISAM, Aria) stay locked until the dump
is done: who writes to them waits.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from django.db import DatabaseError
from django.db.backends.utils import CursorWrapper

from trustbackup.databases.mysql.address import Address
from trustbackup.databases.mysql.errors import (
    ACCESS_DENIED,
    LOCK_WAIT_TIMEOUT,
    RIGHT_MISSING,
    code_of,
    translate,
)
from trustbackup.databases.mysql.excluded import check_references
from trustbackup.databases.mysql.fingerprints import fingerprint, float_tables
from trustbackup.databases.mysql.rights import gaps, read_grants
from trustbackup.databases.mysql.session import (
    Table,
    count_rows,
    list_tables,
    quote_name,
    read_facts,
    read_inventory,
    scalar,
    text,
)
from trustbackup.databases.values import Facts, TableRows
from trustbackup.exceptions import DumpError
from trustbackup.phrases import gettext as _
from trustbackup.store.inventory import names_in

_PATIENCE = 3.0
"""Seconds that writers may have to wait behind our own waiting for the lock, each time."""
_TRIES = 2
_PRECISE = """
    SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE()
    AND generation_expression = 'ROW START' AND data_type = 'bigint' LIMIT 1
"""
"""System-versioned by the number of a transaction instead of a time."""
_NUMBER = re.compile(r" AUTO_INCREMENT=\d+")
_CREATES = {
    "view": "SHOW CREATE VIEW {}",
    "event": "SHOW CREATE EVENT {}",
    "function": "SHOW CREATE FUNCTION {}",
    "procedure": "SHOW CREATE PROCEDURE {}",
    "trigger": "SHOW CREATE TRIGGER {}",
}


class Snapshot:
    """What is dumped, and how many rows it has at the instant of the dump.

    ``begin()`` before the dumper starts, ``begun()`` when it has its snapshot, ``count()`` in any
    thread after that. Closing the stack that it was made with ends it.
    """

    def __init__(
        self,
        stack: contextlib.ExitStack,
        address: Address,
        what: str,
        *,
        content: bool,
        compare: bool,
        excluded: Collection[str],
        absent: Collection[str],
        history: bool,
    ) -> None:
        self.what = what
        self.absent = tuple(absent)
        """Tables and views that the site's connector leaves out altogether."""
        self._stack = stack
        self._address = address
        self._content = content or compare
        self._compare = compare
        self._locks = stack.enter_context(contextlib.ExitStack())
        with translate(DumpError, what):
            self._cursor = stack.enter_context(address.session())
            # Else the snapshot that we ask for is passed over.
            self._cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            self.schema = text(scalar(self._cursor, "SELECT DATABASE()"))
            # With one such table mariadb-dump refuses --dump-history, and ends (10.11.19).
            self.has_history = history and not scalar(self._cursor, _PRECISE)
            """Whether rows that are no more are to be dumped, and are counted."""
            missing = gaps(read_grants(self._cursor), self.schema)
        if missing:
            raise DumpError(
                what,
                why=_("its user may not see all triggers, events and routines that there are"),
                todo=_("Run %(statements)s, then try again.", statements="; ".join(missing)),
            )
        with translate(DumpError, what):
            self.tables = [one for one in list_tables(self._cursor) if one.name not in set(absent)]
        if not self.tables:
            raise DumpError(what, why=_("it has no table"), todo=_("Run migrate first."))
        names = {f"{self.schema}.{one.name}": one.name for one in self.tables}
        wanted = {names.get(name, name) for name in excluded}
        self.excluded = [one for one in self.tables if one.name in wanted]
        """Tables whose rows are left out as it was asked."""
        if self.excluded:
            with translate(DumpError, what):
                check_references(
                    self._cursor, what, {one.name for one in self.excluded}, self.absent
                )
        self.estimate = sum(one.bytes for one in self.tables if one not in self.excluded)
        self.counted_by_us = False
        """Whether rows are counted in our snapshot; else they have to be in the stream."""

    def begin(self) -> None:
        """Lock what there is and begin our snapshot. Raises DumpError."""
        with translate(DumpError, self.what):
            still = [one for one in self.tables if not one.transactional and not one.hollow]
            if still:
                self._lock_until_the_end(still)
            self.counted_by_us = self._lock_shortly(
                [one for one in self.tables if one.transactional]
            )
            self._cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")

    def _lock_until_the_end(self, tables: Sequence[Table]) -> None:
        cursor = self._stack.enter_context(self._address.session())
        try:
            _lock(cursor, tables)
        except DatabaseError as problem:
            if code_of(problem) not in (*ACCESS_DENIED, *RIGHT_MISSING):
                raise
            raise DumpError(
                self.what,
                why=_(
                    "table %(table)s (%(engine)s) has no snapshot, and the user may not lock it",
                    table=tables[0].name,
                    engine=tables[0].engine,
                ),
                todo=_(
                    "Run %(statement)s, or convert the table to InnoDB, then try again.",
                    statement=f"GRANT LOCK TABLES ON {quote_name(self.schema)}.* TO USER",
                ),
            ) from problem

    def _lock_shortly(self, tables: Sequence[Table]) -> bool:
        """Whether it could be done: a long transaction, or a right that is missing, forbids it."""
        if not tables:
            return True
        cursor = self._locks.enter_context(self._address.session())
        seconds = max(1, round(min(_PATIENCE, self._address.options.wait)))
        cursor.execute(f"SET SESSION lock_wait_timeout = {seconds}")
        for _attempt in range(_TRIES):
            try:
                _lock(cursor, tables)
            except DatabaseError as problem:
                if code_of(problem) in (*ACCESS_DENIED, *RIGHT_MISSING):
                    return False
                if code_of(problem) != LOCK_WAIT_TIMEOUT:
                    raise
            else:
                return True
        return False

    def begun(self) -> None:
        """The dumper has its snapshot: everybody may write again."""
        self._locks.close()

    def count(self) -> Facts:
        """Tables, their rows, migrations and all other objects. Raises DumpError."""
        with translate(DumpError, self.what):
            inventory = read_inventory(self._cursor)
            floats = float_tables(self._cursor) if self._content else set()
            counted = [self._counted(one, floats) for one in self.tables]
            facts = read_facts(self._cursor, counted, inventory)
            if not self._compare:
                return facts
            return replace(facts, definition=self._definition(facts))

    def _counted(self, table: Table, floats: Collection[str]) -> TableRows:
        """Its locks are let go of again: whoever alters the table waits no longer than this."""
        if table in self.excluded or not self.counted_by_us:
            return TableRows(schema="", name=table.name, rows=0)
        self._cursor.execute("SAVEPOINT counting")
        rows = count_rows(self._cursor, table, history=self.has_history)
        content = fingerprint(self._cursor, table, floats) if self._content else ""
        self._cursor.execute("ROLLBACK TO SAVEPOINT counting")
        return TableRows(schema="", name=table.name, rows=rows, fingerprint=content)

    def _definition(self, facts: Facts) -> str:
        """A fingerprint of every CREATE that there is, and of where sequences go on.

        Without where tables' own numbers go on: those of ours do with every run.
        """
        digest = hashlib.sha256()
        statements = [f"SHOW CREATE TABLE {quote_name(one.name)}" for one in self.tables]
        objects = facts.inventory.objects if facts.inventory else {}
        statements += [
            f"SELECT * FROM {quote_name(name)}"  # noqa: S608
            for name in names_in(objects.get("sequence", ""))
        ]
        for kind, pattern in _CREATES.items():
            for name in objects.get(kind, "").split("\n"):
                bare = name.partition(".")[2] if kind == "trigger" else name
                statements += [pattern.format(quote_name(bare))] if bare else []
        for statement in statements:
            self._cursor.execute(statement)
            found = repr(self._cursor.fetchone())
            digest.update(_NUMBER.sub("", found).encode())
        return digest.hexdigest()


def _lock(cursor: CursorWrapper, tables: Sequence[Table]) -> None:
    cursor.execute("LOCK TABLES " + ", ".join(f"{quote_name(table.name)} READ" for table in tables))
