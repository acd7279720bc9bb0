"""Which rows one part holds: all of an app's, or those of the models that configure a site."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, router

from trustbackup.contents.app_data.tables import (
    OWN_APP,
    Model,
    label_of,
    meta_of,
    models_of,
    part_name_of,
    table_of,
    with_table,
)
from trustbackup.exceptions import UsageError
from trustbackup.phrases import gettext as _

SETTINGS = "settings"
"""The part that holds a site's settings, and what an operator types to restore it."""
_OWN: Mapping[str, frozenset[str]] = {
    "plan": frozenset({"scheduled_at"}),
    "destination": frozenset({"secrets", "succeeded_at", "problem", "free_bytes", "used_bytes"}),
}
"""Of this app's models those that configure it, and their fields that are no setting: secrets,
which are sealed with this site's key, and what was observed."""


@dataclass(frozen=True, kw_only=True)
class RowSet:
    """Models in the order in which their rows go in, and the database that they are in."""

    label: str
    """The app's, or ``settings``."""
    part: str
    alias: str
    models: tuple[Model, ...]

    @property
    def is_settings(self) -> bool:
        return is_settings(self.part)

    @property
    def apps(self) -> frozenset[str]:
        """The labels of the apps whose migrations made the tables."""
        return frozenset(meta_of(model).app_label for model in self.models)

    def fields_of(self, model: Model) -> tuple[str, ...] | None:
        """The names of the fields that go out; None for all."""
        left_out = _OWN.get(meta_of(model).model_name or "", frozenset())
        if meta_of(model).app_label != OWN_APP or not left_out:
            return None
        return tuple(
            field.name for field in meta_of(model).local_fields if field.name not in left_out
        )


def is_settings(part: str) -> bool:
    """Whether a part without an engine has this name because it holds a site's settings."""
    return part.partition("@")[0] == SETTINGS


def app_rows(label: str, alias: str) -> RowSet:
    """Raises UsageError, DatabaseError."""
    models = tuple(models_of(label, alias))
    return RowSet(label=label, part=part_name_of(label, alias), alias=alias, models=models)


def settings_rows(models: Iterable[Model], alias: str) -> RowSet:
    """Raises UsageError for models that have no table in that database; DatabaseError."""
    found = tuple(with_table(models, alias))
    if not found:
        raise UsageError(
            _("Database %(alias)r holds no settings", alias=alias),
            why=_("none of the models in TRUSTBACKUP['SETTINGS_MODELS'] has a table there"),
            todo=_("Name another database, or check that setting."),
        )
    where = "" if alias == DEFAULT_DB_ALIAS else f"@{alias}"
    return RowSet(label=SETTINGS, part=f"{SETTINGS}{where}", alias=alias, models=found)


def rows_in(part: str, alias: str, tables: Collection[str]) -> RowSet:
    """The rows that a backup's part can bring back, by the tables that it names.

    Raises UsageError for a table that no model of the code has; DatabaseError.
    """
    if not is_settings(part):
        return app_rows(label_of(part), alias)
    known = {table_of(model): model for model in apps.get_models() if may_be_settings(model)}
    for table in sorted(tables):
        if table not in known:
            raise UsageError(
                _("The code has no model of settings in table %(table)s", table=table),
                todo=_("Install the version of the code that the backup was made with."),
            )
    return settings_rows([known[table] for table in tables], alias)


def may_be_settings(model: Model) -> bool:
    """Whether its rows may go out and in as settings: of this app only what configures it."""
    meta = meta_of(model)
    return not meta.proxy and (meta.app_label != OWN_APP or meta.model_name in _OWN)


def find_settings_models(names: Iterable[str]) -> list[Model]:
    """The models of these names, such as ``sites.Site``, with those whose rows they extend.

    Raises UsageError for a name that is none, or of a model that is no setting.
    """
    found: dict[Model, None] = {}
    for name in names:
        try:
            model = apps.get_model(name)
        except (LookupError, ValueError) as error:
            raise UsageError(
                _("%(setting)s names %(name)r", setting="SETTINGS_MODELS", name=name[:100]),
                why=_("there is no such model"),
                todo=_("Write an installed app's label and its model, such as 'sites.Site'."),
            ) from error
        if not may_be_settings(model):
            raise UsageError(
                _("%(setting)s names %(name)r", setting="SETTINGS_MODELS", name=name[:100]),
                why=_("it is a proxy, or belongs to the index of the backup folder"),
                todo=_("Name the model that has the table, or leave it out."),
            )
        for each in (*meta_of(model).get_parent_list(), model):
            found[each] = None
    return list(found)


def database_of_models(models: Iterable[Model], setting: str) -> str:
    """The one database that these models are written to. Raises UsageError."""
    found = {router.db_for_write(model) for model in models}
    if len(found) == 1:
        return found.pop()
    raise UsageError(
        _("The models of %(setting)s are in several databases", setting=setting),
        todo=_("Name one with --database."),
    )
