"""What the code of the site expects of a database: its migrations, its own tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.migrations.loader import MigrationLoader

OWN_APP = "trustbackup"

Migration = tuple[str, str]


def own_tables() -> tuple[str, ...]:
    """The tables that a restore must not rewind: this app's."""
    models = apps.get_app_config(OWN_APP).get_models(include_auto_created=True)
    return tuple(sorted(model._meta.db_table for model in models))  # noqa: SLF001 - documented API


def table_label(schema: str, name: str) -> str:
    """What a table is called where people read it: without a schema that goes without saying."""
    return name if schema in ("", "public") else f"{schema}.{name}"


SESSIONS = "django_session"
"""Django's table of sessions; a restore ends them, whichever backup they come from."""


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
