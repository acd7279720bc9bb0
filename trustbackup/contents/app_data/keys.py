"""Which keys the rows of a fixture have, and which they name: on the disk, not in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Self

_SCHEMA = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    CREATE TABLE keys (field TEXT, value TEXT, PRIMARY KEY (field, value)) WITHOUT ROWID;
    CREATE TABLE named (
        source TEXT, target TEXT, value TEXT, row TEXT, PRIMARY KEY (source, value)
    ) WITHOUT ROWID;
"""


class Named(NamedTuple):
    """A key that a row names: ``source`` and ``target`` are ``app.model.field``."""

    source: str
    target: str
    value: str
    row: str
    """The key of the first row that names it."""


class KeyIndex:
    """Made for one look at one fixture."""

    def __init__(self) -> None:
        # Without a name it is a private file that is gone whatever becomes of this process.
        # https://www.sqlite.org/inmemorydb.html#temp_db
        self._file = sqlite3.connect("", isolation_level=None)
        self._file.executescript(_SCHEMA)
        self._file.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, field: str, value: object) -> bool:
        """Whether it is new: no two rows have the same key."""
        found = self._file.execute(
            "INSERT OR IGNORE INTO keys VALUES (?, ?)", (field, as_text(value))
        )
        return found.rowcount == 1

    def has(self, field: str, values: Sequence[object]) -> list[bool]:
        """Of each value whether a row has it."""
        look = "SELECT 1 FROM keys WHERE field = ? AND value = ?"
        return [
            self._file.execute(look, (field, as_text(value))).fetchone() is not None
            for value in values
        ]

    def name(self, rows: Iterable[Named]) -> None:
        """Note what rows name."""
        self._file.executemany("INSERT OR IGNORE INTO named VALUES (?, ?, ?, ?)", rows)

    def unknown(self) -> Iterator[Named]:
        """What is named and no row of the fixture has."""
        found = self._file.execute(
            "SELECT * FROM named n WHERE NOT EXISTS"
            " (SELECT 1 FROM keys k WHERE k.field = n.target AND k.value = n.value)"
            " ORDER BY target, source"
        )
        return (Named(*row) for row in found)


def as_text(value: object) -> str:
    """Of a key as Python has it, the same text whatever it came from."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    return str(value)
