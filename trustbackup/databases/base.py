"""The contract of a database engine: dump it, describe it, and build its replacement."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from django.db import connections
from django.utils.connection import ConnectionDoesNotExist
from django.utils.module_loading import import_string

from trustbackup.exceptions import UsageError
from trustbackup.store.streams import Readable


@dataclass(frozen=True, kw_only=True)
class Options:
    """What an engine is handed instead of the settings. Times are seconds."""

    wait: float = 30.0
    """How long to wait for a lock that somebody else holds."""
    connect_timeout: float = 10.0


@dataclass(frozen=True, kw_only=True)
class TableRows:
    """A table and how many rows it has; ``schema`` is "" where there are none."""

    schema: str
    name: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is true of a database at one instant: of a dump, of its snapshot."""

    database: str
    encoding: str
    server_version: str
    tables: tuple[TableRows, ...]
    migrations: tuple[tuple[str, str], ...]


class Dump(abc.ABC):
    """A dump under way: first read it to its end, then ask for its facts."""

    connector: str
    tool_version: str
    estimate: int
    """Raw bytes to expect, roughly; 0 when nobody knows."""

    @abc.abstractmethod
    def read(self, size: int = -1, /) -> bytes:
        """The next bytes of the dump. Raises DumpError, at the end too, when it failed."""

    @abc.abstractmethod
    def facts(self, archive: Callable[[], AbstractContextManager[Readable]]) -> Facts:
        """What the dump holds, taken in its own snapshot. Raises DumpError.

        ``archive()`` opens the raw dump as it was written, for engines that look inside.
        """


class Replacement(abc.ABC):
    """A new database beside the live one, to be filled, compared and swapped in.

    As a context manager it drops the new database unless it was swapped in.
    """

    name: str

    @abc.abstractmethod
    def load(self, source: Readable) -> None:
        """Fill it from a raw dump. Raises RestoreError; the live database is untouched."""

    @abc.abstractmethod
    def facts(self) -> Facts:
        """What it holds now."""

    @abc.abstractmethod
    def swap(self, kept_name: str) -> None:
        """Take the live one's place, at once; the live one is kept as ``kept_name``."""

    @abc.abstractmethod
    def drop(self) -> None:
        """Remove it, if it was not swapped in."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()


class Database(abc.ABC):
    """One database of the site, by its alias in ``DATABASES``."""

    engine: ClassVar[str]
    """The name that a manifest records."""
    format: ClassVar[str]
    """What a raw dump is: ``pg_dump custom``, ``sqlite file`` …"""
    magic: ClassVar[bytes]
    """The first bytes of a raw dump, by which it is known."""

    def __init__(self, alias: str, options: Options) -> None:
        self.alias = alias
        self.options = options

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """The database's name, or its file's path."""

    @abc.abstractmethod
    def dump(self, workdir: Path) -> AbstractContextManager[Dump]:
        """Start a dump. ``workdir`` is a private folder for what must be a file."""

    @abc.abstractmethod
    def replacement(self, name: str, workdir: Path) -> Replacement:
        """A new, empty database beside the live one. Raises RestoreError."""

    @abc.abstractmethod
    def rows(self) -> int:
        """All rows of the live database; 0 when there is no table, or no database at all."""

    @abc.abstractmethod
    def names_for_restore(self, stamp: str) -> tuple[str, str]:
        """Names for the new database, and for the old one that is kept."""

    @abc.abstractmethod
    def inspect(self, archive: Readable) -> str:
        """A sentence on what is wrong with a raw dump that has no manifest, or ""."""

    def check(self, *, ask_server: bool) -> list[tuple[str, str]]:
        """What would stop a dump of this database: pairs of problem and remedy.

        Only with ``ask_server`` may it connect.
        """
        return []


ENGINES: dict[str, str] = {
    "postgresql": "trustbackup.databases.postgresql.PostgreSQL",
    "sqlite": "trustbackup.databases.sqlite.SQLite",
}
"""Django's name of a vendor → the class that knows it."""


def get_database(
    alias: str, options: Options, more_engines: Mapping[str, str] | None = None
) -> Database:
    """The database of an alias. Raises UsageError for an unknown alias or engine."""
    try:
        vendor = connections[alias].vendor
    except ConnectionDoesNotExist:
        raise UsageError(
            f"There is no database {alias!r}",
            todo=f"DATABASES has {', '.join(repr(name) for name in connections)}.",
        ) from None
    engines = {**ENGINES, **(more_engines or {})}
    if vendor not in engines:
        raise UsageError(
            f"Database {alias!r} can't be backed up",
            why=f"trustbackup does not know the engine {vendor!r}",
            todo=f"It knows {', '.join(engines)}.",
        )
    database: Database = import_string(engines[vendor])(alias, options)
    return database


def distinct_aliases() -> list[str]:
    """The aliases in ``DATABASES`` that name different databases, in their order.

    A second alias for the same database (a read replica's mirror, another timeout) would
    only put the same rows into a backup twice.
    """
    seen: dict[tuple[str, ...], str] = {}
    for alias in connections:
        settings = connections[alias].settings_dict
        if not settings["ENGINE"] or settings["ENGINE"].endswith(".dummy"):
            continue
        keys = ("ENGINE", "HOST", "PORT", "NAME")
        seen.setdefault(tuple(str(settings.get(key, "")) for key in keys), alias)
    return list(seen.values())
