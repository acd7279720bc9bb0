"""Which models hold the site's settings, and where."""

from __future__ import annotations

from django.apps import apps
from django.db import connections

from trustbackup.conf import Settings
from trustbackup.contents.app_data.row_set import (
    RowSet,
    database_of_models,
    find_settings_models,
    settings_rows,
)
from trustbackup.contents.app_data.tables import Model
from trustbackup.exceptions import UsageError
from trustbackup.phrases import gettext as _

USUAL = (
    "sites.Site",
    "auth.Group",
    "flatpages.FlatPage",
    "trustbackup.Plan",
    "trustbackup.Destination",
)
"""Without ``TRUSTBACKUP["SETTINGS_MODELS"]``: those of these whose apps are installed."""


def settings_models(settings: Settings) -> list[Model]:
    """Raises UsageError for a name in the settings that is none."""
    if settings.settings_models is not None:
        return find_settings_models(settings.settings_models)
    labels = {config.label for config in apps.get_app_configs()}
    installed = [name for name in USUAL if name.partition(".")[0] in labels]
    return find_settings_models(installed)


def settings_alias(settings: Settings, wanted: tuple[str, ...] = ()) -> str:
    """The database whose settings are backed up: the one that was named, or the router's.

    Raises UsageError.
    """
    if len(wanted) > 1:
        raise UsageError(
            _("The settings come from one database"), todo=_("Name one with --database.")
        )
    models = settings_models(settings)
    if not models:
        raise UsageError(
            _("The site has no settings to back up"),
            why=_("TRUSTBACKUP['SETTINGS_MODELS'] names no model"),
            todo=_("Name some there, or leave it out."),
        )
    alias = wanted[0] if wanted else database_of_models(models, "SETTINGS_MODELS")
    if alias not in connections:
        raise UsageError(
            _("There is no database %(alias)r", alias=alias),
            todo=_("DATABASES has %(names)s.", names=", ".join(map(repr, connections))),
        )
    return alias


def rows_of_settings(settings: Settings, alias: str) -> RowSet:
    """Raises UsageError, DatabaseError."""
    return settings_rows(settings_models(settings), alias)
