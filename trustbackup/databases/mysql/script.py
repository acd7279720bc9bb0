"""Taking a dump apart: whole statements, each of a kind that a dump of one schema has.

Nothing of a dump is run that is not recognised here, so that a file which somebody has altered
can't reach another schema, nor set anything on the server. What a dump sets for its session is
only followed (``settings.py``), never run.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass

from trustbackup.databases.mysql.names import unquote
from trustbackup.exceptions import RestoreError
from trustbackup.phrases import gettext as _
from trustbackup.store.streams import BLOCK, Readable

_NAME = rb"(`(?:[^`]|``)+`)"
_CREATE_TABLE = re.compile(rb"CREATE TABLE " + _NAME + rb" \(\r?\n", re.IGNORECASE)
_CREATE_SEQUENCE = re.compile(rb"CREATE SEQUENCE " + _NAME + rb" ", re.IGNORECASE)
_SETVAL = re.compile(rb"(?:DO|SELECT) SETVAL\(" + _NAME + rb", -?\d+, [01]\)$", re.IGNORECASE)
_ROWS = re.compile(
    rb"(?:INSERT(?: IGNORE)?|REPLACE)(?: INTO)? " + _NAME + rb"(?: \([^)]*\))? VALUES\b",
    re.IGNORECASE,
)
_COMMENTED = re.compile(rb"/\*(?:M?!\d{5,6}|!)\s*")
_SETTING = re.compile(rb"SET\b", re.IGNORECASE)
_DEFINITION = re.compile(
    rb"CREATE\b.{0,1000}?\b(?:TRIGGER|PROCEDURE|FUNCTION|EVENT|VIEW|PACKAGE)\b",
    re.IGNORECASE | re.DOTALL,
)
_STANDS_FOR_A_VIEW = re.compile(
    rb"/\*!50001 CREATE (?:TABLE|VIEW) " + _NAME + rb" (?:\(|AS SELECT\b)", re.IGNORECASE
)
_NOT_NEEDED = re.compile(
    rb"(?:(?:UN)?LOCK TABLES\b|ALTER TABLE " + _NAME + rb" (?:DIS|EN)ABLE KEYS"
    rb"|DROP (?:TABLE|VIEW|SEQUENCE|TRIGGER|PROCEDURE|FUNCTION|EVENT) IF EXISTS "
    rb"|START TRANSACTION\b|COMMIT\b|CREATE DATABASE\b|USE `)",
    re.IGNORECASE,
)
_END_OF_ROWS = b");\n"
_HEAD = re.compile(rb"-- Host: .*?    Database: (.+)")
_TRAILER = b"-- Dump completed"
_LONGEST_LINE = 1 << 20


class Kind(enum.Enum):
    """What a statement is for."""

    TABLE = enum.auto()
    SEQUENCE = enum.auto()
    SETVAL = enum.auto()
    ROWS = enum.auto()
    DEFINITION = enum.auto()
    SETTING = enum.auto()


@dataclass(frozen=True)
class Statement:
    """One statement, without its delimiter; ``name`` is that of the table or sequence."""

    kind: Kind
    text: bytes
    name: str = ""


def statements(script: Script, what: str) -> Iterator[Statement]:
    """The statements of a dump that a load needs, in their order.

    Raises RestoreError, which begins with ``what``, for one that no dump of one schema has, and
    at the end when the dump was cut short.
    """
    used: set[bytes] = set()
    for text in script:
        if text[:4].upper() == b"USE ":
            used.add(text)
            if len(used) > 1:
                raise _refused(what, _("it holds several databases"))
            continue
        if (statement := _recognised(text)) is not None:
            yield statement
        elif not _is_superfluous(text):
            first = re.match(rb"[\w /*!]{0,40}", text)
            words = first[0].decode("ascii", "replace") if first else ""
            raise _refused(
                what, _("it holds a statement that no dump has (%(words)s …)", words=words)
            )
    if not script.is_complete:
        raise _refused(what, _("it was cut short: its last line is missing"))


def _refused(what: str, why: str) -> RestoreError:
    return RestoreError(what, why=why, todo=_("Restore another backup, or another copy of it."))


def _recognised(text: bytes) -> Statement | None:
    for kind, form in (
        (Kind.ROWS, _ROWS),
        (Kind.TABLE, _CREATE_TABLE),
        (Kind.SEQUENCE, _CREATE_SEQUENCE),
        (Kind.SETVAL, _SETVAL),
    ):
        if found := form.match(text):
            return Statement(kind, text, unquote(found[1].decode(errors="surrogateescape")))
    if _STANDS_FOR_A_VIEW.match(text):
        return None
    bare = _COMMENTED.sub(b"", text[:2000], count=1).lstrip()
    if _SETTING.match(bare):
        return Statement(Kind.SETTING, text)
    if _DEFINITION.match(bare):
        return Statement(Kind.DEFINITION, text)
    return None


def _is_superfluous(text: bytes) -> bool:
    bare = _COMMENTED.sub(b"", text[:2000], count=1).lstrip()
    return _STANDS_FOR_A_VIEW.match(text) is not None or _NOT_NEEDED.match(bare) is not None


class Script:
    """Statements by lines, as the client's programs take them.

    A dumper writes no line break within a text, so that the end of a line is the end of what it
    stands in: looking at each character would take longer than the server takes to load them.
    """

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._buffer = bytearray()
        self._delimiter = b";"
        self.is_complete = False
        """Whether the last line was that of a dump that ended well."""
        self.database = ""
        """What the dumped schema was called, as the dump's head says."""

    def __iter__(self) -> Iterator[bytes]:
        while (line := self._peek_line()) is not None:
            stripped = line.strip()
            if stripped.startswith(_TRAILER):
                self.is_complete = True
            elif found := _HEAD.match(stripped):
                self.database = found[1].decode(errors="surrogateescape")
            if not stripped or stripped.startswith((b"--", b"/*M!999999\\-", b"#")):
                self._take(len(line))
            elif stripped[:10].upper() == b"DELIMITER ":
                self._delimiter = stripped[10:].strip()
                self._take(len(line))
            else:
                self.is_complete = False
                yield self._take_statement()

    def _take_statement(self) -> bytes:
        head = bytes(self._buffer[:7]).upper()
        if self._delimiter == b";" and head in (b"INSERT ", b"REPLACE"):
            end = self._find(_END_OF_ROWS)
            text = self._take(end + len(_END_OF_ROWS)) if end >= 0 else self._take_all()
            return text[:-2] if end >= 0 else text
        start = 0
        while True:
            end = self._find(b"\n", start)
            if end < 0:
                return self._take_all().strip().removesuffix(self._delimiter).strip()
            if self._buffer[start:end].rstrip().endswith(self._delimiter):
                text = self._take(end + 1).strip()
                return text.removesuffix(self._delimiter).strip()
            start = end + 1

    def _peek_line(self) -> bytes | None:
        end = self._find(b"\n", most=_LONGEST_LINE)
        if end >= 0:
            return bytes(self._buffer[: end + 1])
        return bytes(self._buffer[:_LONGEST_LINE]) or None

    def _find(self, wanted: bytes, start: int = 0, most: int | None = None) -> int:
        """Where ``wanted`` is, reading as far as need be; -1 when it does not come."""
        while (found := self._buffer.find(wanted, start)) < 0:
            start = max(start, len(self._buffer) - len(wanted) + 1)
            if most is not None and len(self._buffer) > most:
                return -1
            block = self._source.read(BLOCK)
            if not block:
                return -1
            self._buffer += block
        return found

    def _take(self, count: int) -> bytes:
        taken = bytes(memoryview(self._buffer)[:count])
        del self._buffer[:count]
        return taken

    def _take_all(self) -> bytes:
        return self._take(len(self._buffer))
