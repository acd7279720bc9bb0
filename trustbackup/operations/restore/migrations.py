"""What the code of the site expects of a database: its migrations, its own tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader

from trustbackup.operations.restore.own_tables import OWN_APP

Migration = tuple[str, str]


_in_a_restore: ContextVar[bool] = ContextVar("trustbackup_in_a_restore", default=False)


def run_migrations(alias: str) -> None:
    """Django's ``migrate`` as a part of a restore or a drill, which has its own ways back."""
    before = _in_a_restore.set(True)
    try:
        call_command("migrate", database=alias, interactive=False, verbosity=0)
    finally:
        _in_a_restore.reset(before)


def is_part_of_restore() -> bool:
    """Whether a ``migrate`` that goes on in this thread is one of those."""
    return _in_a_restore.get()


@dataclass(frozen=True, kw_only=True)
class MigrationState:
    """A backup's migrations beside the code's: what is to be run, and what is not known."""

    forward: tuple[Migration, ...]
    unknown: tuple[Migration, ...]

    @property
    def verdict(self) -> str:
        if self.unknown:
            return "newer"
        return "forward" if self.forward else "same"


def compare_migrations(in_backup: Iterable[Migration], live: Iterable[Migration]) -> MigrationState:
    """Migrations that the live database has, too, are known even if the code lost them.

    This app's own tables are carried over, so its migrations do not count.
    """
    disk = MigrationLoader(None, ignore_no_migrations=True).disk_migrations or {}
    applied = set(in_backup)
    replaced: set[Migration] = set()
    fulfilled: set[Migration] = set()
    for key, migration in disk.items():
        old = set(migration.replaces)
        replaced |= old
        # A squashed migration and those that it replaces stand for each other.
        if key in applied:
            fulfilled |= old
        elif old and old <= applied:
            fulfilled.add(key)
    # Of a squashed one and its parts, whichever has begun is the one to finish.
    waiting = {
        key
        for key, migration in disk.items()
        if key not in applied | fulfilled
        and not (migration.replaces and set(migration.replaces) & applied)
        and not (key in replaced and not _begun(key, disk, applied))
    }
    known = set(disk) | replaced | set(live)
    return MigrationState(
        forward=tuple(sorted(key for key in waiting if key[0] != OWN_APP)),
        unknown=tuple(sorted(key for key in applied - known if key[0] != OWN_APP)),
    )


def _begun(key: Migration, disk: Mapping[Any, Any], applied: set[Migration]) -> bool:
    """Whether the squashed migration that replaces ``key`` was begun through its parts."""
    return any(
        key in migration.replaces and set(migration.replaces) & applied
        for migration in disk.values()
    )
