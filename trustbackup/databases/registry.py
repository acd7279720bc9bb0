"""Which engine knows which database, and which databases a site has."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import connections
from django.utils.connection import ConnectionDoesNotExist
from django.utils.module_loading import import_string

from trustbackup.databases.base import Database
from trustbackup.databases.values import Options
from trustbackup.exceptions import UsageError
from trustbackup.phrases import gettext as _

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
            _("There is no database %(alias)r", alias=alias),
            todo=_(
                "DATABASES has %(aliases)s.", aliases=", ".join(repr(name) for name in connections)
            ),
        ) from None
    engines = {**ENGINES, **(more_engines or {})}
    if vendor not in engines:
        raise UsageError(
            _("Database %(alias)r can't be backed up", alias=alias),
            why=_("trustbackup does not know the engine %(vendor)r", vendor=vendor),
            todo=_("It knows %(engines)s.", engines=", ".join(engines)),
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
