"""Which engine knows which database, and which databases a site has."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from django.db import DEFAULT_DB_ALIAS, connections
from django.utils.connection import ConnectionDoesNotExist
from django.utils.module_loading import import_string

from trustbackup.databases.base import Database
from trustbackup.databases.values import Options
from trustbackup.exceptions import TrustbackupError, UsageError
from trustbackup.phrases import gettext as _

ENGINES: dict[str, str] = {
    "mysql": "trustbackup.databases.mysql.MySQL",
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
    engine = get_engine(vendor, more_engines)
    if engine is None:
        raise UsageError(
            _("Database %(alias)r can't be backed up", alias=alias),
            why=_("trustbackup does not know the engine %(vendor)r", vendor=vendor),
            todo=_(
                "It knows %(engines)s; DATABASE_ENGINES names more.", engines=", ".join(engines)
            ),
        )
    return engine(alias, options)


def get_engine(vendor: str, more_engines: Mapping[str, str] | None = None) -> type[Database] | None:
    """The class for a vendor, which a manifest calls an engine; None if there is none."""
    path = {**ENGINES, **(more_engines or {})}.get(vendor)
    engine: type[Database] | None = import_string(path) if path else None
    return engine


def recognise_engine(head: bytes) -> type[Database] | None:
    """The engine of this package that makes dumps with such a beginning; None if none does."""
    for path in ENGINES.values():
        engine: type[Database] = import_string(path)
        for offset, magic in engine.formats.values():
            if head[offset : offset + len(magic)] == magic:
                return engine
    return None


def distinct_aliases(
    names: Sequence[str] = (),
    options: Options | None = None,
    more_engines: Mapping[str, str] | None = None,
) -> list[str]:
    """Of these aliases, or all, those that name different databases, in their order.

    A second alias for the same database (another host name, a read replica, another timeout)
    would only put the same rows into a backup twice, and swap it twice. The databases
    themselves are asked where ``options`` are given, else only the settings are compared.
    """
    wanted = list(dict.fromkeys(names)) or [alias for alias in connections if _is_database(alias)]
    # A mirror comes second to what it mirrors, and a replica that calls itself none to the default.
    known = sorted(wanted, key=lambda alias: (_is_mirror(alias), alias != DEFAULT_DB_ALIAS))
    seen: dict[tuple[str, ...], str] = {}
    for alias in known:
        seen.setdefault(_settings_of(alias), alias)
    if options is not None and len(seen) > 1:
        identities: dict[tuple[str, ...], str] = {}
        for alias in seen.values():
            identities.setdefault(_identity(alias, options, more_engines), alias)
        seen = identities
    return [alias for alias in wanted if alias in seen.values()]


def offered_aliases(options: Options, more_engines: Mapping[str, str] | None = None) -> list[str]:
    """The distinct ones for a form that is shown often: the databases are asked once a minute."""
    settings = tuple((alias, _settings_of(alias)) for alias in connections)
    key = (int(time.monotonic() // _ASKED_EVERY), settings)
    if key not in _offered:
        _offered.clear()
        _offered[key] = distinct_aliases((), options, more_engines)
    return list(_offered[key])


_ASKED_EVERY = 60.0
_offered: dict[object, list[str]] = {}


def _is_database(alias: str) -> bool:
    engine = connections[alias].settings_dict["ENGINE"]
    return bool(engine) and not engine.endswith(".dummy")


def _is_mirror(alias: str) -> bool:
    return alias in connections and bool(connections[alias].settings_dict["TEST"].get("MIRROR"))


def _settings_of(alias: str) -> tuple[str, ...]:
    if alias not in connections:
        return (alias,)  # opening it is refused with a sentence
    settings = connections[alias].settings_dict
    keys = ("ENGINE", "HOST", "PORT", "NAME")
    service = (settings.get("OPTIONS") or {}).get("service", "")
    return (*(str(settings.get(key, "")) for key in keys), str(service))


def _identity(
    alias: str, options: Options, more_engines: Mapping[str, str] | None
) -> tuple[str, ...]:
    """Its settings where it can't be asked: what is wrong with it is said when it is dumped."""
    try:
        database = get_database(alias, options, more_engines)
        return (database.engine, *database.identity())
    except TrustbackupError:
        return _settings_of(alias)
