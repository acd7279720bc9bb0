"""A kind of destination of a site's own, in one file: copies are rows of an SQLite database.

TRUSTBACKUP = {"DESTINATION_KINDS": ["tests.support.table_kind.KIND"]}
"""

from __future__ import annotations

import hashlib
import io
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from urllib.parse import SplitResult, quote, unquote

from trustbackup.destinations.base import (
    Capabilities,
    DestinationBackend,
    DestinationError,
    Space,
    Step,
    StoredFile,
    Written,
    unwatched,
)
from trustbackup.destinations.connection_test import SAMPLE, run_steps
from trustbackup.destinations.kind import DestinationKind
from trustbackup.destinations.uploads import damaged, must_be_ours, other_content
from trustbackup.store import durable, names

TABLE = "CREATE TABLE IF NOT EXISTS copies (name TEXT PRIMARY KEY, content BLOB NOT NULL)"


@dataclass(frozen=True)
class TableConfig:
    """A database file, and the word that opens it."""

    database: str
    password: str = field(default="", repr=False)
    shelf: int = 1

    @property
    def address(self) -> str:
        return f"table://{quote(self.database)}?shelf={self.shelf}"


def from_url(url: SplitResult, environ: Mapping[str, str]) -> TableConfig:
    shelf = url.query.partition("shelf=")[2] or "1"
    return TableConfig(unquote(url.path), environ.get("TABLE_PASSWORD", ""), int(shelf))


class Table(DestinationBackend):
    """Files of backups as rows; the file is small enough for a test's memory."""

    config: TableConfig

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        if self.config.password != "sesame":
            raise DestinationError(
                f"{self.address} was not opened",
                why="the password is wrong",
                todo="Correct it.",
                permanent=True,
            )
        try:
            with closing(sqlite3.connect(self.config.database)) as connection, connection:
                connection.execute(TABLE)
                yield connection
        except sqlite3.Error as error:
            raise DestinationError(
                f"{self.address} was not used", why=str(error), todo="Look at the file."
            ) from error

    def _content(self, name: str) -> bytes | None:
        must_be_ours(name)
        with self._connection() as connection:
            row = connection.execute("SELECT content FROM copies WHERE name = ?", [name]).fetchone()
        return None if row is None else bytes(row[0])

    def put(self, source: Path, sha256: str, written: Written = unwatched) -> None:
        there = self._content(source.name)
        with durable.open_regular(source) as file:
            content = file.read()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise damaged(source.name, self.address, at_source=True)
        if there not in (None, content):
            raise other_content(source.name, self.address)
        written(len(content))
        with self._connection() as connection:
            connection.execute("INSERT OR IGNORE INTO copies VALUES (?, ?)", [source.name, content])

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        if (content := self._content(name)) is None:
            raise DestinationError(
                f"{name} was not read from {self.address}",
                why="there is no such file",
                todo="List what is there.",
                permanent=True,
            )
        yield io.BytesIO(content)

    def list(self) -> list[StoredFile]:
        with self._connection() as connection:
            rows = connection.execute("SELECT name, length(content) FROM copies ORDER BY name")
            return [StoredFile(name, size) for name, size in rows if names.parse(name)]

    def stat(self, name: str) -> StoredFile | None:
        content = self._content(name)
        return None if content is None else StoredFile(name, len(content))

    def delete(self, name: str) -> None:
        must_be_ours(name)
        with self._connection() as connection:
            connection.execute("DELETE FROM copies WHERE name = ?", [name])

    def space(self) -> Space:
        return Space(used=sum(stored.size for stored in self.list()))

    def check(self) -> Iterator[Step]:
        def write() -> None:
            with self._connection() as connection:
                connection.execute("INSERT INTO copies VALUES ('.test', ?)", [SAMPLE])

        def delete() -> None:
            with self._connection() as connection:
                connection.execute("DELETE FROM copies WHERE name = '.test'")

        return run_steps([("write", write), ("delete", delete)])


KIND = DestinationKind(
    name="table",
    label="Table of copies",
    configuration=TableConfig,
    backend=Table,
    scheme="table",
    from_url=from_url,
    secrets=("password",),
    capabilities=Capabilities(knows_space=True),
)
