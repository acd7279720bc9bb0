"""pg_restore's text, played over connections of our own.

pg_restore only translates an archive into SQL. psql is not used: it would run commands that
stand in the text. Rows are handed on in blocks of whole lines, never one by one.
https://www.postgresql.org/docs/current/app-pgrestore.html
"""

from __future__ import annotations

import collections
import re
from collections.abc import Callable, Iterator
from typing import Any

from django.db.backends.utils import CursorWrapper

from trustbackup.exceptions import ManifestError
from trustbackup.phrases import gettext as _
from trustbackup.store.streams import BLOCK, Readable

Run = Callable[[bytes], object]
Copy = Callable[[bytes, Iterator[bytes]], object]

# Newer minor releases begin and end their text with such lines, for psql; the key is random.
_RESTRICT = re.compile(rb"\\restrict ([A-Za-z0-9]+)\n")
LAST_ROW = b"\\.\n"
"""The line behind a table's last one. A backslash in a row is doubled, so none looks so."""

_TRANSACTION = (b"BEGIN;\n", b"COMMIT;\n")


class Script:
    """The text that pg_restore prints, read from a stream."""

    def __init__(self, source: Readable, *, inside: bool = False) -> None:
        """``inside`` a transaction of ours: its own, around large objects, are left out."""
        self._source = source
        self._inside = inside
        self._buffer = b""
        self._begun = False
        self._unrestrict = b""

    def play(self, run: Run, copy: Copy | None) -> None:
        """Hand all statements to ``run`` and the rows of each table to ``copy``.

        Only the data section has rows: without ``copy`` the whole text goes as one, because
        a function's body may hold anything.
        """
        held: list[bytes] = []
        size = quotes = 0
        for line in iter(self._line, b""):
            if self._is_meta(line):
                continue
            between = quotes % 2 == 0
            if self._inside and between and line in _TRANSACTION:
                continue
            if copy and between and line.startswith(b"COPY "):
                _flush(held, run)
                size = quotes = 0
                rows = self.rows()
                copy(self._whole_copy(line).rstrip(b";\n"), rows)
                collections.deque(rows, maxlen=0)  # what was not taken
                continue
            held.append(line)
            size += len(line)
            if quotes % 2 or not line.startswith(b"--"):  # a comment may name a thing with one
                quotes += line.count(b"'")
            # Rows as INSERT statements, and large objects, may be more than memory holds.
            if copy and size >= BLOCK and quotes % 2 == 0 and line.endswith(b";\n"):
                _flush(held, run)
                size = quotes = 0
        _flush(held, run)

    def _more(self) -> bool:
        block = self._source.read(BLOCK)
        self._buffer += block
        return bool(block)

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\n") + 1) == 0:
            if not self._more():
                end = len(self._buffer)
                break
        line, self._buffer = self._buffer[:end], self._buffer[end:]
        return line

    def rows(self) -> Iterator[bytes]:
        """Blocks of whole lines, to the end of the table's rows. Raises ManifestError."""
        while not self._buffer.startswith(LAST_ROW):
            # Most blocks have no backslash, and one byte is looked for forty times as fast.
            last = self._buffer.find(b"\n" + LAST_ROW) if b"\\" in self._buffer else -1
            end = last + 1 if last >= 0 else self._buffer.rfind(b"\n") + 1
            if end:
                block, self._buffer = self._buffer[:end], self._buffer[end:]
                yield block
            if last < 0 and not self._more():
                raise ManifestError(
                    _("The rows of a table can't be restored"),
                    why=_("they end too early"),
                    todo=_("Restore another backup."),
                )
        self._buffer = self._buffer[len(LAST_ROW) :]

    def _whole_copy(self, line: bytes) -> bytes:
        """A COPY statement to its end: a quoted name may have line breaks in it."""
        while not (line.endswith(b" FROM stdin;\n") and line.count(b'"') % 2 == 0):
            following = self._line()
            if not following:
                break
            line += following
        return line

    def _is_meta(self, line: bytes) -> bool:
        """Whether it is psql's own command, and not a line that only looks like one."""
        if not self._begun and (match := _RESTRICT.fullmatch(line)):
            self._unrestrict = b"\\unrestrict " + match[1] + b"\n"
            return True
        self._begun = self._begun or bool(line.strip() and not line.startswith(b"--"))
        return bool(self._unrestrict) and line == self._unrestrict


def _flush(held: list[bytes], run: Run) -> None:
    is_statement = any(not line.startswith(b"--") and line.strip() for line in held)
    text = b"".join(held).strip()
    held.clear()
    if is_statement:
        # Without parameters the text goes as one simple query, of many statements.
        run(text)


def copy_rows(cursor: CursorWrapper, statement: bytes, blocks: Iterator[bytes]) -> None:
    """Send the rows of one ``COPY … FROM stdin``, in the session's encoding. DatabaseError."""
    raw: Any = cursor.cursor
    with cursor.db.wrap_database_errors:
        if hasattr(raw, "copy_expert"):  # psycopg 2
            raw.copy_expert(statement, _Reader(blocks))
            return
        with raw.copy(statement) as copy:
            for block in blocks:
                copy.write(block)


class _Reader:
    """Blocks as something to read from; psycopg 2 takes what it is given, however large."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks

    def read(self, _size: int = -1, /) -> bytes:
        return next(self._blocks, b"")
