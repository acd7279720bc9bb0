"""Several sessions that load rows side by side.

A server's COPY keeps one processor busy. Blocks of rows are dealt out to as many sessions
as there are processors, several for one large table; no index or key is there yet, so they
do not get in each other's way. What is half loaded when one fails is for the caller to drop.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import threading
from collections.abc import Iterator
from typing import Self

from django.db.backends.utils import CursorWrapper

from trustbackup.databases.postgresql.generated_columns import as_the_site, tables_that_call
from trustbackup.databases.postgresql.pooled import (
    is_pooled,
    open_sessions,
    transaction_if_pooled,
)
from trustbackup.databases.postgresql.restore_items import known_settings, run_bytes
from trustbackup.databases.postgresql.restore_script import copy_rows
from trustbackup.databases.postgresql.session import Sessions

JOBS = max(2, min(8, os.cpu_count() or 1))
LOADERS = JOBS + 1
"""One more than can work at a time: while one waits for its next block, the others go on."""
_SETTING = re.compile(
    rb"^(?:SET \w+ = [^;]*;|SELECT pg_catalog\.set_config\([^;]*\);)$", re.MULTILINE
)
_Block = tuple[bytes, bytes]


class ParallelCopy:
    """Use as a context manager; leaving it waits until every row is loaded."""

    def __init__(self, sessions: Sessions) -> None:
        self._stack = contextlib.ExitStack()
        self._sessions = sessions
        self._blocks: queue.Queue[_Block | None] = queue.Queue(2 * LOADERS)
        self._errors: list[BaseException] = []
        self._abandoned = False

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._control = stack.enter_context(self._sessions())
            self._cursors = open_sessions(stack, self._sessions, LOADERS)
            self._calling = tables_that_call(self._control)
            self._stack = stack.pop_all()
        self._threads: list[threading.Thread] = []
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._abandoned = kind is not None
        with self._stack:
            self._finish()
        if kind is None:
            self._raise_errors()

    def _finish(self) -> None:
        """Wait until the loaders have ended."""
        for _thread in self._threads:
            self._blocks.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    @property
    def width(self) -> int:
        """How many sessions can be at work at the same time."""
        return len(self._cursors)

    def run(self, text: bytes) -> None:
        """Statements, in a session of their own; settings before the first row for all."""
        if is_pooled(self._control):
            # A loader keeps its connection as long as rows come, and there may be no other.
            self._finish()
        if not self._threads:
            settings = b"\n".join(_SETTING.findall(text))
            for cursor in self._cursors:
                run_bytes(cursor, known_settings(settings, cursor))
        run_bytes(self._control, known_settings(text, self._control))

    def copy(self, statement: bytes, blocks: Iterator[bytes]) -> None:
        """Deal the rows of one table out. Raises what loading earlier ones raised."""
        if not self._threads:
            self._threads = [
                threading.Thread(target=self._load, args=[cursor], daemon=True)
                for cursor in self._cursors
            ]
            for thread in self._threads:
                thread.start()
        for block in blocks:
            self._raise_errors()
            self._blocks.put((statement, block))

    def _raise_errors(self) -> None:
        if self._errors:
            raise self._errors[0]

    def _load(self, cursor: CursorWrapper) -> None:
        held = self._blocks.get()

        def of_one_table(statement: bytes) -> Iterator[bytes]:
            nonlocal held
            while held is not None and held[0] == statement:
                if self._abandoned or self._errors:
                    raise InterruptedError
                yield held[1]
                held = self._blocks.get()

        try:
            while held is not None:
                with (
                    transaction_if_pooled(cursor),
                    as_the_site(cursor, held[0], self._calling),
                ):
                    copy_rows(cursor, held[0], of_one_table(held[0]))
        except BaseException as error:
            self._errors.append(error)
            # No thread may wait for room in the queue.
            while held is not None:
                held = self._blocks.get()
