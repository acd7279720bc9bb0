"""Which items of an archive single tables need: types, schemas, sequences, keys, partitions.

pg_restore's own ``--table`` takes the table and nothing that it is made of. With ``--verbose`` it
prints every item's number and those that it depends on, of which the choice is made here and
given back to it with ``--use-list``.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trustbackup.databases.postgresql.sql_text import between_statements, escapes
from trustbackup.databases.process import Program, output_of
from trustbackup.exceptions import RestoreError
from trustbackup.phrases import gettext as _

_HEAD = re.compile(
    rb"^--\n-- TOC entry (?P<number>\d+) \(class \d+ OID \d+\)\n"
    rb"(?:-- Dependencies: (?P<needs>[\d ]+)\n)?"
    rb"-- Name: (?P<name>[^\n]*); Type: (?P<kind>[A-Z][A-Z ]*); Schema: (?P<schema>[^\n]*);"
    rb" Owner: ",
    re.MULTILINE,
)
_DATA = re.compile(
    r"^(?P<number>\d+); \d+ \d+ (?P<kind>TABLE DATA|SEQUENCE SET) [^\n]*"
    r"(?:\n;\tdepends on:(?P<needs>[\d ]+))?",
    re.MULTILINE,
)
_TABLES = ("TABLE", "FOREIGN TABLE", "VIEW", "MATERIALIZED VIEW")
_OF_A_TABLE = (
    *("TABLE DATA", "DEFAULT", "SEQUENCE", "COMMENT", "TABLE ATTACH"),
    *("CONSTRAINT", "CHECK CONSTRAINT", "FK CONSTRAINT", "INDEX", "INDEX ATTACH"),
)
_OF_A_SEQUENCE = ("SEQUENCE SET", "SEQUENCE OWNED BY")


@dataclass(frozen=True)
class _TocEntry:
    number: int
    kind: str
    schema: str = ""
    name: str = ""
    needs: frozenset[int] = frozenset()


def select_tables(program: str, archive: Path, tables: Sequence[str], what: str) -> str:
    """The text of a file for ``pg_restore --use-list``: these tables and what they need.

    A table is named as it is, or with its schema and a point. Raises RestoreError for one that
    is not there, or is in several schemas; ProgramError.
    """
    argv = [program, "--verbose", "--schema-only", "--file=-", str(archive)]
    with Program(argv, timeout=600) as printing:
        raw = printing.read()
    codec = _codec(raw)
    heads = between_statements(_HEAD, raw, escaping=escapes(raw))
    items = [
        {key: (value or b"").decode(codec, "replace") for key, value in head.groupdict().items()}
        for head in heads
    ]
    listing = output_of([program, "--list", "--verbose", str(archive)], timeout=600)
    rows = [found.groupdict(default="") for found in _DATA.finditer(listing)]
    entries = {entry.number: entry for entry in map(_entry, [*items, *rows])}
    chosen = {_find(entries.values(), table, what) for table in tables}
    wanted = _Choice(entries, chosen).numbers()
    order = [int(number) for number in re.findall(r"^(\d+); ", listing, re.MULTILINE)]
    return "".join(f"{number};\n" for number in order if number in wanted)


def _codec(text: bytes) -> str:
    """Python's name of the encoding that a text says it is in, by PostgreSQL's."""
    found = re.search(rb"^SET client_encoding = '(\w+)';$", text, re.MULTILINE)
    name = found[1].decode().replace("WIN", "cp").replace("KOI8", "koi8_") if found else ""
    try:
        return codecs.lookup(name).name
    except LookupError:  # SQL_ASCII: whatever the clients sent
        return "utf-8"


def _entry(parts: Mapping[str, str]) -> _TocEntry:
    return _TocEntry(
        int(parts["number"]),
        parts["kind"],
        parts.get("schema", ""),
        parts.get("name", ""),
        frozenset(int(number) for number in parts["needs"].split()),
    )


def _find(entries: Iterable[_TocEntry], table: str, what: str) -> int:
    found = [
        entry
        for entry in entries
        if entry.kind in _TABLES and table in (entry.name, f"{entry.schema}.{entry.name}")
    ]
    if not found:
        raise RestoreError(
            what,
            why=_("the backup has no table %(table)r", table=table),
            todo=_("See show_backup for those that it has."),
        )
    if len(found) > 1:
        names = ", ".join(f"{entry.schema}.{entry.name}" for entry in found)
        raise RestoreError(
            what,
            why=_("several tables are called %(table)r", table=table),
            todo=_("Say which one: %(names)s.", names=names),
        )
    return found[0].number


class _Choice:
    """What comes along with the chosen tables."""

    def __init__(self, entries: dict[int, _TocEntry], chosen: set[int]) -> None:
        self._entries = entries
        self._chosen = chosen
        self._partitions = {
            self._partition_of(entry) for entry in entries.values() if entry.kind == "TABLE ATTACH"
        }

    def _partition_of(self, attach: _TocEntry) -> tuple[int, int]:
        """The numbers of a partition and of the table that it is attached to."""
        partition, parent = sorted(
            attach.needs & self._entries.keys(),
            key=lambda number: (
                (self._entries[number].schema, self._entries[number].name)
                != (attach.schema, attach.name)
            ),
        )
        return partition, parent

    def numbers(self) -> set[int]:
        grown = True
        while grown:
            children = {child for child, parent in self._partitions if parent in self._chosen}
            grown = not children <= self._chosen
            self._chosen |= children
        wanted: set[int] = set()
        self._add(wanted, self._chosen)
        for entry in self._entries.values():
            if entry.kind in _OF_A_TABLE and entry.needs & self._chosen and self._whole(entry):
                self._add(wanted, {entry.number})
        sequences = {n for n in wanted if self._entries[n].kind == "SEQUENCE"}
        for entry in self._entries.values():
            if entry.kind in _OF_A_SEQUENCE and entry.needs & sequences and self._whole(entry):
                self._add(wanted, {entry.number})
        return wanted

    def _whole(self, entry: _TocEntry) -> bool:
        """Whether it is about no other table than those that were chosen."""
        tables = {n for n in entry.needs if n in self._entries and self._entries[n].kind in _TABLES}
        return tables <= self._chosen

    def _add(self, wanted: set[int], numbers: set[int]) -> None:
        """With everything that they can't be made without."""
        waiting = list(numbers)
        while waiting:
            number = waiting.pop()
            if number in wanted or number not in self._entries:
                continue
            wanted.add(number)
            waiting += [
                need
                for need in self._entries[number].needs
                if (number, need) not in self._partitions and not self._is_part(number, need)
            ]

    def _is_part(self, number: int, need: int) -> bool:
        """Whether it is a partition's index or key, which can be made without the whole one's."""
        kinds = {self._entries[item].kind for item in (number, need) if item in self._entries}
        return kinds <= {"INDEX", "CONSTRAINT"}
