"""What the dumper writes, as a stream, and what was counted in the snapshot beside it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from trustbackup.databases.base import Dump
from trustbackup.databases.mysql.inspector import Inspector
from trustbackup.databases.mysql.programs import ClientProgram
from trustbackup.databases.mysql.snapshot import Snapshot
from trustbackup.databases.process import Program
from trustbackup.databases.values import Facts, OpenRaw, TableRows
from trustbackup.exceptions import DumpError, ProgramError
from trustbackup.phrases import gettext as _
from trustbackup.store.inventory import names_in
from trustbackup.store.streams import BLOCK

BOUNDARY = b"\n-- trustbackup: triggers and events, after everything else\n\n"
"""Divides the two dumps that a stream holds; a load beside the live database ends here.

A copy's events would run at once, and its triggers keep its tables from being renamed.
"""
_TRIGGER = re.compile(rb"DROP TRIGGER IF EXISTS `((?:[^`]|``)*)` \*/")
_EVENT = re.compile(rb"DROP EVENT IF EXISTS `((?:[^`]|``)*)` ?\*/")
_NO_BODY = "insufficient privileges to SHOW CREATE"
SEE_ROUTINES = _(
    "Give the user SHOW CREATE ROUTINE (MariaDB from 11.3), SHOW_ROUTINE (MySQL) or SELECT on"
    " mysql.proc, then try again."
)
"""What lets a user see routines that somebody else has made."""
_LARGEST_SECOND = 64 << 20
_ROUTINES = ("function", "procedure", "package", "package body")


class MySQLDump(Dump):
    """Two dumps in one stream: all tables, views and routines, then triggers and events."""

    suffix = "dump"
    step = BLOCK // 4

    def __init__(
        self, snapshot: Snapshot, connector: str, program: ClientProgram, starts: Sequence[Any]
    ) -> None:
        self.connector = connector
        self.tool_version = program.version_text
        self.format = "mysqldump"
        self.estimate = snapshot.estimate
        self._snapshot = snapshot
        self._maker = program
        self._starts = iter(starts)
        self._program: Program = next(self._starts)()
        self._inspector = Inspector(count=not snapshot.counted_by_us)
        self._first: Inspector | None = None
        """What was in the first dump, once it is over."""
        self._head = b""
        self._second = bytearray()
        self._pending = b""
        self._pool = ThreadPoolExecutor(1, "trustbackup-facts")
        self._counting: Future[Facts] | None = None

    def readinto(self, buffer: memoryview, /) -> int:
        if self._pending:
            piece, self._pending = self._pending[: len(buffer)], self._pending[len(buffer) :]
            buffer[: len(piece)] = piece
            return len(piece)
        count = self._read(buffer)
        if count:
            self._look_at(buffer[:count])
            return count
        if not self._inspector.whole:
            raise DumpError(
                self._snapshot.what,
                why=_("%(program)s ended without its last line", program=self._program.name),
                todo=_("Look into the server's log, then try again."),
            )
        if self._first is not None:
            return 0
        self._first, self._inspector = self._inspector, Inspector()
        self._begun()
        self._program.close()
        with self._one_sentence():
            self._program = next(self._starts)()
        self._pending = BOUNDARY
        return self.readinto(buffer)

    def _look_at(self, block: memoryview) -> None:
        if len(self._head) < 64 and self._first is None:
            self._head += bytes(block[:64])
            self.format = _format_of(self._head)
        self._inspector.feed(block)
        if self._first is not None:
            self._second += block
            if len(self._second) > _LARGEST_SECOND:
                raise DumpError(self._snapshot.what, why=_("its triggers and events are too large"))
        elif self._inspector.begun:
            self._begun()

    def _begun(self) -> None:
        if self._counting is None:
            self._snapshot.begun()
            self._counting = self._pool.submit(self._snapshot.count)

    def _read(self, buffer: memoryview) -> int:
        with self._one_sentence():
            return self._program.readinto(buffer)

    @contextlib.contextmanager
    def _one_sentence(self) -> Iterator[None]:
        try:
            yield
        except ProgramError as error:
            todo = error.todo or _("Mend that, then make the backup again.")
            if _NO_BODY in str(error):
                todo = SEE_ROUTINES
            raise DumpError(self._snapshot.what, why=str(error), todo=todo) from error

    def facts(self, open_raw: OpenRaw) -> Facts:
        """Rows as our snapshot has them, of objects that are all in the dump. Raises DumpError."""
        assert self._counting is not None  # noqa: S101 - the stream was read to its end
        assert self._first is not None  # noqa: S101
        facts = self._counting.result()
        missing = sorted(self._expected(facts) - self._first.objects - self._seconds())
        if missing:
            kind, name = missing[0]
            raise DumpError(
                self._snapshot.what,
                why=_("%(kind)s %(name)s is not in the dump", kind=kind, name=name),
                todo=SEE_ROUTINES
                if kind in _ROUTINES
                else _("If it was not removed meanwhile, see that the user may read it."),
            )
        tables = facts.tables
        if not self._snapshot.counted_by_us:
            rows = self._first.rows
            tables = tuple(
                TableRows(schema="", name=one.name, rows=rows[one.name]) for one in tables
            )
        excluded = tuple(table.name for table in self._snapshot.excluded)
        return replace(facts, tables=tables, excluded=excluded)

    def _expected(self, facts: Facts) -> set[tuple[str, str]]:
        objects = facts.inventory.objects if facts.inventory else {}
        found = {("table", table.name) for table in facts.tables}
        for kind in ("view", "sequence", "event", *_ROUTINES):
            found |= {(kind, name) for name in names_in(objects.get(kind, ""))}
        if self._maker.knows("--add-drop-trigger"):
            names = names_in(objects.get("trigger", ""))
            found |= {("trigger", name.partition(".")[2]) for name in names}
        return (
            found
            - {("view", name) for name in self._absent}
            - {("sequence", name) for name in self._absent}
        )

    @property
    def _absent(self) -> set[str]:
        return set(self._snapshot.absent)

    def _seconds(self) -> set[tuple[str, str]]:
        return {
            (kind, name.decode(errors="replace").replace("``", "`"))
            for kind, pattern in (("trigger", _TRIGGER), ("event", _EVENT))
            for name in pattern.findall(self._second)
        }

    def close(self) -> None:
        self._program.close()
        self._pool.shutdown(wait=True, cancel_futures=True)


def _format_of(head: bytes) -> str:
    if head.startswith(b"/*M!999999"):
        return "mariadb-dump in the sandbox"
    return "mariadb-dump" if head.startswith(b"-- MariaDB") else "mysqldump"
