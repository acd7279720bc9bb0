"""Letting an alias of ``DATABASES`` mean another database for a while, in this thread.

Migrations, checks and a site's own code then work on a scratch database without knowing:
routers see the alias that they expect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper


@contextmanager
def pointed_at(alias: str, changes: Mapping[str, object]) -> Iterator[BaseDatabaseWrapper]:
    """``changes`` replace members of the alias's settings, ``NAME`` for one."""
    live = connections[alias]
    other = live.copy(alias)
    other.settings_dict.update(changes)
    options = dict(other.settings_dict.get("OPTIONS") or {})
    # A pool is shared by alias: it would hand out connections to the live database.
    options.pop("pool", None)
    other.settings_dict["OPTIONS"] = options
    connections[alias] = other
    try:
        yield other
    finally:
        # SQLite's own would leave one to a database in memory open, which others hold as well.
        BaseDatabaseWrapper.close(other)
        connections[alias] = live


@contextmanager
def for_a_note(alias: str) -> Iterator[BaseDatabaseWrapper]:
    """A connection of its own for a short note beside the work.

    It never waits long for a locked or a silent database, and a transaction that is open in
    this thread, or rolled back later, does not touch it.
    """
    connection = connections[alias]
    options = dict(connection.settings_dict.get("OPTIONS") or {})
    if connection.vendor == "sqlite":
        options["timeout"] = 1
        # What it says may wait for a lock, too; a file remembers its journal mode.
        options.pop("init_command", None)
    elif connection.vendor == "postgresql":
        options["connect_timeout"] = 3
    with pointed_at(alias, {"OPTIONS": options}) as note:
        if connection.vendor == "postgresql":
            _wait_briefly(note)
        yield note


def _wait_briefly(note: BaseDatabaseWrapper) -> None:
    """Not by ``options``: a pooler refuses them, and would keep what is set for the session."""
    with note.cursor() as cursor:
        raw: Any = note.connection
        cursor.execute(
            "SELECT CASE WHEN pg_backend_pid() = %s"
            " THEN set_config('lock_timeout', '3s', false) END",
            [raw.info.backend_pid],
        )
