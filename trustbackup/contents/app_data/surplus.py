"""Rows that a fixture does not have, and what goes with them in other apps."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from django.db import models
from django.db.models.deletion import Collector, ProtectedError, RestrictedError

from trustbackup.contents.app_data.keys import KeyIndex
from trustbackup.contents.app_data.load import BATCH
from trustbackup.contents.app_data.tables import Model, concrete, meta_of, rows_of
from trustbackup.phrases import gettext as _


def surplus_rows(
    model: Model, index: KeyIndex, alias: str
) -> Iterator[tuple[list[models.Model], models.QuerySet[Any]]]:
    """The rows that are there and not in the fixture, some at a time, and a queryset of them."""
    found = rows_of(model, alias).order_by("pk")
    rest = found
    while keys := list(rest.values_list("pk", flat=True)[:BATCH]):
        known = index.has(key_of(model), keys)
        surplus = [key for key, is_known in zip(keys, known, strict=True) if not is_known]
        if surplus:
            those = found.filter(pk__in=surplus)
            yield list(those), those
        rest = found.filter(pk__gt=keys[-1])


def key_of(model: Model) -> str:
    """What the index calls the primary key of a model."""
    return field_key(model, meta_of(model).pk)


def field_key(model: Model, field: Any) -> str:  # noqa: ANN401
    return f"{meta_of(model).label_lower}.{field.attname}"


class SurplusCollector(Collector):
    """What Django would delete and change with surplus rows, but for rows of the fixture's models.

    Those are either surplus as well, or become what the fixture says, whatever they name now.
    """

    def __init__(self, alias: str, inside: Collection[Model]) -> None:
        super().__init__(using=alias)
        self._inside = frozenset(inside)

    def related_objects(self, related_model: Any, related_fields: Any, objs: Any) -> Any:  # noqa: ANN401
        found = super().related_objects(related_model, related_fields, objs)
        return found.none() if concrete(related_model) in self._inside else found

    def effects(self) -> Iterator[tuple[bool, Model, object]]:
        """Of rows of other models: whether each goes (or is changed), its model, its key."""
        for model, rows in self.data.items():
            if self._is_outside(model):
                yield from ((True, model, row.pk) for row in rows)
        for found in self.fast_deletes:
            if self._is_outside(found.model):
                yield from ((True, found.model, key) for key in found.values_list("pk", flat=True))
        field_updates: dict[Any, Any] = self.field_updates  # of lists, which its stubs don't say
        for (field, _value), updates in field_updates.items():
            for changed in updates:
                yield from ((False, concrete(field.model), row.pk) for row in changed)

    def _is_outside(self, model: Model) -> bool:
        made_for = meta_of(model).auto_created
        return concrete(made_for or model) not in self._inside


def collect(collector: SurplusCollector, rows: list[models.Model]) -> str:
    """A sentence where something forbids that these rows go; "" when nothing does."""
    try:
        collector.collect(rows)
    except (ProtectedError, RestrictedError) as error:
        protecting = (
            error.protected_objects
            if isinstance(error, ProtectedError)
            else error.restricted_objects
        )
        first = next(iter(protecting))
        return _(
            "%(model)s %(key)s names a row that would go, and forbids that: change it first, or"
            " choose another mode.",
            model=meta_of(first).label,
            key=first.pk,
        )
    return ""
