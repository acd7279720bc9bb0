"""Dumps of MariaDB in the tests' own process, through an alias of it."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connections

from tests.support.mariadb import Database
from trustbackup.databases.base import Dump
from trustbackup.databases.mysql import MySQL
from trustbackup.databases.values import DumpRequest, Facts, Options
from trustbackup.store.streams import BLOCK
from webshop import environment


@dataclass(frozen=True)
class Dumped:
    """What a dump wrote, and what is said of it."""

    data: bytes
    facts: Facts
    dump: Dump

    @property
    def rows(self) -> dict[str, int]:
        return {table.name: table.rows for table in self.facts.tables}


@contextlib.contextmanager
def as_alias(database: Database, name: str = "maria", **changes: Any) -> Iterator[MySQL]:
    """An alias of this process for a database, with `changes` of its settings."""
    config = environment.parse(database.url)
    connections.settings[name] = {
        **connections.settings["default"],
        "OPTIONS": {},
        **config,
        **changes,
    }
    try:
        yield MySQL(name, Options(wait=5, connect_timeout=5))
    finally:
        connections[name].close()
        del connections[name]
        del connections.settings[name]


def dump_of(engine: MySQL, workdir: Path, **request: Any) -> Dumped:
    """Dump it as a backup does, without compressing. Raises DumpError."""
    with engine.dump(DumpRequest(workdir=workdir, **request)) as dump:
        data = bytearray()
        block = bytearray(BLOCK)
        while count := dump.readinto(memoryview(block)):
            data += block[:count]
        return Dumped(bytes(data), dump.facts(lambda: contextlib.nullcontext(io.BytesIO())), dump)
