"""Whether a database is empty, in use, or neither: what an unattended restore must know."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.db import connections, router
from django.db.migrations.loader import MigrationLoader

from trustbackup.operations.context import Context
from trustbackup.operations.restore.own_tables import app_tables

BOOKKEEPING = ("auth_permission", "django_content_type", "django_migrations", "django_site")
"""Tables that Django's own ``migrate`` puts rows into; this app's are not counted either."""


class Occupancy(StrEnum):
    """What an unattended restore makes of a database."""

    EMPTY = "empty"
    """No row but those that ``migrate`` makes."""
    FILLED = "filled"
    """It has rows, and every table that its own migrations made."""
    HALF_FILLED = "half-filled"
    """It has rows, but not what its migrations say, or it has no migrations."""


@dataclass(frozen=True, kw_only=True)
class Occupied:
    """The judgement on one database."""

    alias: str
    occupancy: Occupancy
    missing: tuple[str, ...] = ()
    """Tables that its migrations made and that are not there."""


def occupancy_of(alias: str) -> Occupied:
    """Look at a database, whatever its size in moments. Raises RestoreError, UsageError."""
    database = Context.current().database(alias)
    if not database.has_rows(besides=(*BOOKKEEPING, *app_tables())):
        return Occupied(alias=alias, occupancy=Occupancy.EMPTY)
    facts = database.facts(count=False)
    if facts is None or not facts.migrations:
        return Occupied(alias=alias, occupancy=Occupancy.HALF_FILLED)
    there = {table.name for table in facts.tables} | _visible(alias)
    missing = tuple(sorted(_expected(alias) - there))
    occupancy = Occupancy.HALF_FILLED if missing else Occupancy.FILLED
    return Occupied(alias=alias, occupancy=occupancy, missing=missing)


def _expected(alias: str) -> set[str]:
    """The tables that the migrations which this database has had have left there.

    Not those of the code: it may be newer, which says nothing about the database. A name with
    quotes is a schema's and a table's in one, as some sites write it; it is not looked for.
    """
    loader = MigrationLoader(connections[alias], ignore_no_migrations=True)
    applied = set(loader.applied_migrations) & set(loader.graph.nodes)
    state = loader.project_state(list(applied))
    return {
        model._meta.db_table  # noqa: SLF001 - documented API
        for model in state.apps.get_models(include_auto_created=True)
        if model._meta.can_migrate(connections[alias])  # noqa: SLF001
        and router.allow_migrate_model(alias, model)
        and '"' not in model._meta.db_table  # noqa: SLF001
    }


def _visible(alias: str) -> set[str]:
    """What the site finds there by its bare name; a view counts."""
    with connections[alias].cursor() as cursor:
        return set(connections[alias].introspection.table_names(cursor, include_views=True))
