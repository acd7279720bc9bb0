"""Reading along in what mariadb-dump or mysqldump writes: which objects, and whether it ended.

Every line of a dump that begins with two dashes and a blank is a comment of the dumper's: line
breaks in rows, names and comments of tables are written as escapes. Only bodies of routines,
triggers and events hold lines as somebody wrote them.
"""

from __future__ import annotations

import re
from collections import Counter

from trustbackup.phrases import gettext as _
from trustbackup.store.streams import BLOCK, Readable

TRAILER = b"-- Dump completed"
_KNOWN = re.compile(rb"\n(?:-- |/\*!50003 DROP )")
"""How the lines begin that say something; one search for both, by the line breaks."""
_OVERLAP = len(b"\n/*!50003 DROP ")
_ROW = b"\nINSERT INTO "
_LONGEST = 4096
"""Bytes of a line that we know; a name has at most 64 characters."""
_NAMED = re.compile(
    r"-- (?P<what>Table structure for table|Temporary (?:table|view) structure for view"
    r"|Final view structure for view|Sequence structure for|Dumping data for table)"
    r" `(?P<name>(?:[^`]|``)*)`"
)
_DROPPED = re.compile(
    r"DROP (?P<kind>FUNCTION|PROCEDURE|PACKAGE|PACKAGE BODY) IF EXISTS `(?P<name>(?:[^`]|``)*)`"
)
_KINDS = {
    "Table structure for table": "table",
    "Final view structure for view": "view",
    "Sequence structure for": "sequence",
}


class Inspector:
    """Is fed a dump's bytes, and knows what was in them so far."""

    def __init__(self, *, count: bool = False) -> None:
        self.objects: set[tuple[str, str]] = set()
        """Kind (``table``, ``view``, ``sequence``, ``function`` …) and name."""
        self.rows: Counter[str] = Counter()
        """By table, if ``count``: of a dump with one row in each statement."""
        self.begun = False
        """Whether the first object has come: then the dump's snapshot is there."""
        self.end = b""
        """The last bytes."""
        self._count = count
        self._table = ""
        self._left = b""
        self._data = bytearray()

    @property
    def whole(self) -> bool:
        """Whether the dumper said at the end that this was all."""
        last = self.end.rstrip().rpartition(b"\n")[2]
        return last.startswith(TRAILER)

    def feed(self, block: bytes | memoryview) -> None:
        size = len(self._left) + len(block)
        if len(self._data) < size:
            self._data = bytearray(size)
        data = self._data
        # Into memory that is there already: a new piece for each block costs twice the search.
        data[: len(self._left)] = self._left
        data[len(self._left) : size] = block
        self.end = (self.end + bytes(block[-_LONGEST:]))[-_LONGEST:]
        position, counted = 0, 0
        rest = max(size - _OVERLAP, 0)
        while match := _KNOWN.search(data, position, size):
            start = match.start()
            stop = data.find(b"\n", start + 1, size)
            if stop < 0:
                if size - start < _LONGEST:
                    rest = start
                    break
                position = start + 1
                continue
            self._count_rows(data, counted, start)
            counted = start
            self._note(data[start + 1 : stop].decode(errors="replace"))
            position = stop
        # A statement's beginning is counted where it is complete, once.
        rest = max(rest, counted)
        self._count_rows(data, counted, min(size, rest + len(_ROW) - 1))
        self._left = bytes(data[rest:size])

    def _count_rows(self, data: bytearray, start: int, stop: int) -> None:
        if self._count and self._table:
            self.rows[self._table] += data.count(_ROW, start, stop)

    def _note(self, line: str) -> None:
        if match := _NAMED.match(line):
            name = match["name"].replace("``", "`")
            self.begun = True
            self._table = name if match["what"].startswith("Dumping data") else ""
            if kind := _KINDS.get(match["what"]):
                self.objects.add((kind, name))
        elif match := _DROPPED.search(line) if line.startswith("/*!50003 DROP ") else None:
            self.objects.add((match["kind"].lower(), match["name"].replace("``", "`")))


def why_not_whole(raw: Readable) -> str:
    """What is wrong with a dump that nobody described, or ""."""
    end = b""
    while block := raw.read(BLOCK):
        end = (end + block)[-_LONGEST:]
    last = end.rstrip().rpartition(b"\n")[2]
    return "" if last.startswith(TRAILER) else _("it was cut short: its last line is missing")
