"""Which models are one app's data, where their rows are, and in which order they go in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections, models, router
from django.db.models.options import Options

from trustbackup.exceptions import UsageError
from trustbackup.phrases import gettext as _

Model = type[models.Model]
OWN_APP = "trustbackup"
PREFIX = "app-"
"""Begins the name of a part that is an app's data; its label follows."""


def part_name_of(label: str, alias: str) -> str:
    """``app-shop``; of another database than the default one ``app-shop@analytics``."""
    where = "" if alias == DEFAULT_DB_ALIAS else f"@{alias}"
    return f"{PREFIX}{label}{where}"


def label_of(part: str) -> str:
    """The app's label in the name of a part; "" when that is none of an app's data."""
    return part.removeprefix(PREFIX).partition("@")[0] if part.startswith(PREFIX) else ""


def alias_of(label: str) -> str:
    """The one database that an app's models are written to. Raises UsageError."""
    found = {router.db_for_write(model) for model in _own_models(label)}
    if len(found) == 1:
        return found.pop()
    raise UsageError(
        _("The models of app %(app)r are in several databases", app=label),
        todo=_("Name one with --database."),
    )


def models_of(label: str, alias: str) -> list[Model]:
    """The app's models that have a table in that database, what others refer to first.

    Views are none, and proxies have no rows of their own. Raises UsageError for an unknown app,
    for one without rows, and for a model whose table is not there; DatabaseError.
    """
    found = with_table(_own_models(label), alias)
    if not found:
        raise UsageError(
            _("App %(app)r has no tables in database %(alias)r", app=label, alias=alias),
            todo=_("Choose another app, or another database."),
        )
    return found


def with_table(wanted: Iterable[Model], alias: str) -> list[Model]:
    """Those of these models that have a table in that database, what others refer to first.

    Raises UsageError for a model whose table should be there and is not; DatabaseError.
    """
    connection = connections[alias]
    with connection.cursor() as cursor:
        kinds = {each.name: each.type for each in connection.introspection.get_table_list(cursor)}
    found = []
    for model in wanted:
        if not router.allow_migrate_model(alias, model):
            continue
        kind = kinds.get(table_of(model))
        if kind is None and meta_of(model).managed:
            app = meta_of(model).app_label
            raise UsageError(
                _("There is no table %(table)s of app %(app)r", table=table_of(model), app=app),
                todo=_("Run migrate, then try again."),
            )
        if kind in ("t", "p"):
            found.append(model)
    return _in_order(found)


def _own_models(label: str) -> list[Model]:
    if label == OWN_APP:
        raise UsageError(
            _("The data of app %(app)r can't be backed up by itself", app=label),
            why=_("it is the index of the backup folder"),
            todo=_("Back the database up instead."),
        )
    try:
        config = apps.get_app_config(label)
    except LookupError:
        known = sorted(each.label for each in apps.get_app_configs() if each.label != OWN_APP)
        raise UsageError(
            _("There is no app %(app)r", app=label),
            todo=_("INSTALLED_APPS has %(names)s.", names=", ".join(known)),
        ) from None
    found = [model for model in config.get_models() if not meta_of(model).proxy]
    if not found:
        raise UsageError(_("App %(app)r has no models", app=label), todo=_("Choose another app."))
    return found


def meta_of(model: Model | models.Model | None) -> Options[Any]:
    """What Django knows of a model."""
    assert model is not None  # noqa: S101 - Django has resolved its name by now
    return model._meta  # noqa: SLF001 - documented API


def table_of(model: Model) -> str:
    return str(meta_of(model).db_table)


def rows_of(model: Model, alias: str) -> models.QuerySet[Any]:
    """All rows of it: a manager of the site's may hide some."""
    return models.QuerySet(model, using=alias)


def references_of(model: Model) -> Iterator[models.ForeignKey[Any, Any]]:
    """Its own foreign keys; those of a parent's table belong to the parent."""
    for field in meta_of(model).local_fields:
        if isinstance(field, models.ForeignKey):
            yield field


def links_of(model: Model) -> list[models.ManyToManyField[Any, Any]]:
    """Its many-to-many fields whose links have no model of their own."""
    return [
        field
        for field in meta_of(model).local_many_to_many
        if meta_of(field.remote_field.through).auto_created
    ]


def _in_order(found: Sequence[Model]) -> list[Model]:
    """As foreign keys want it; in a circle as those want it that may not be empty."""
    for which in (lambda _field: True, lambda field: not getattr(field, "null", True)):
        before = {model: _named_by(model, set(found), which) for model in found}
        try:
            return list(TopologicalSorter(before).static_order())
        except CycleError:
            continue
    return list(found)


def _named_by(model: Model, inside: set[Model], which: Callable[[object], bool]) -> set[Model]:
    fields = filter(which, (*references_of(model), *links_of(model)))
    return {
        target
        for field in fields
        if (target := concrete(field.related_model)) in inside and target is not model
    }


def concrete(model: object) -> Model:
    """The model that has the table, of a proxy."""
    assert isinstance(model, type)  # noqa: S101 - Django has resolved its name by now
    assert issubclass(model, models.Model)  # noqa: S101
    found = meta_of(model).concrete_model
    return found or model
