"""What loading a fixture would do to a database: nothing is written to find out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from trustbackup.contents.app_data.keys import KeyIndex, Named, as_text
from trustbackup.contents.app_data.load import BATCH, LoadedRow, Present, batches, load_rows
from trustbackup.contents.app_data.mode import Mode
from trustbackup.contents.app_data.parse import FixtureError
from trustbackup.contents.app_data.surplus import (
    SurplusCollector,
    collect,
    field_key,
    key_of,
    surplus_rows,
)
from trustbackup.contents.app_data.tables import (
    Model,
    concrete,
    links_of,
    meta_of,
    references_of,
    rows_of,
)
from trustbackup.phrases import gettext as _
from trustbackup.store.streams import Readable

OpenRaw = Callable[[], AbstractContextManager[Readable]]
Outside = tuple[dict[str, int], dict[str, int]]
"""Rows of other apps that are deleted, and that are changed, by the label of their model."""
_MOST = 5
"""So many sentences about keys that point nowhere are enough."""


@dataclass(frozen=True)
class Fixture:
    """The rows of an app, and where they belong."""

    open_raw: OpenRaw
    format: str
    alias: str
    models: Sequence[Model]
    """In the order in which their rows go in."""

    def rows(self, raw: Readable) -> Iterator[LoadedRow]:
        return load_rows(raw, self.format, self.alias, self.models)


@dataclass
class Counts:
    """Rows of one model."""

    added: int = 0
    updated: int = 0
    same: int = 0
    """As in the backup, or left as they are."""
    deleted: int = 0


@dataclass
class Survey:
    """What would happen. ``refusals`` are sentences on why it can't."""

    counts: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    """By the label of the model."""
    deleted_outside: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Rows of other models that go with those that are deleted."""
    changed_outside: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Rows of other models that name no row any more."""
    refusals: list[str] = field(default_factory=list)

    @property
    def outside(self) -> Outside:
        return dict(self.deleted_outside), dict(self.changed_outside)

    def total(self, of: str) -> int:
        return sum(getattr(each, of) for each in self.counts.values())


def survey(fixture: Fixture, mode: Mode, index: KeyIndex) -> Survey:
    """Read the whole fixture beside the database. Raises FixtureError, DatabaseError.

    ``index`` knows its keys afterwards.
    """
    found = Survey()
    names = _Names(fixture, index)
    with fixture.open_raw() as raw:
        for model, batch in batches(fixture.rows(raw)):
            present = Present(model, batch, fixture.alias)
            counts = found.counts[meta_of(model).label]
            for row in batch:
                names.note(model, row)
                if not present.has(row):
                    counts.added += 1
                elif mode is not Mode.ADD and present.differs(row):
                    counts.updated += 1
                else:
                    counts.same += 1
    found.refusals += names.pointing_nowhere(mode)
    if mode is Mode.REPLACE:
        _look_at_surplus(fixture, index, found)
    return found


def _look_at_surplus(fixture: Fixture, index: KeyIndex, found: Survey) -> None:
    for model in reversed(fixture.models):
        for rows, _those in surplus_rows(model, index, fixture.alias):
            found.counts[meta_of(model).label].deleted += len(rows)
            collector = SurplusCollector(fixture.alias, fixture.models)
            if problem := collect(collector, rows):
                found.refusals.append(problem)
                return
            for goes, other, key in collector.effects():
                label = meta_of(other).label
                # What two rows take along goes once.
                if index.add(f"{'deleted' if goes else 'changed'} {label}", key):
                    (found.deleted_outside if goes else found.changed_outside)[label] += 1


class _Names:
    """Which keys the rows have, and which they name."""

    def __init__(self, fixture: Fixture, index: KeyIndex) -> None:
        self._fixture, self._index = fixture, index
        self._inside = set(fixture.models)
        self._targets: dict[str, tuple[Model, Any]] = {}
        for model in fixture.models:
            for reference in references_of(model):
                self._note_target(concrete(reference.related_model), reference.target_field)
            for link in links_of(model):
                other = concrete(link.related_model)
                self._note_target(other, meta_of(other).pk)
        self._also = defaultdict(list)
        for key, (model, target) in self._targets.items():
            if model in self._inside and not target.primary_key:
                self._also[model].append((key, target))
        self.unresolved: list[str] = []

    def _note_target(self, model: Model, target: Any) -> None:  # noqa: ANN401
        self._targets[field_key(model, target)] = (model, target)

    def note(self, model: Model, row: LoadedRow) -> None:
        item, key = row.object, as_text(row.object.pk)
        if not self._index.add(key_of(model), item.pk):
            raise FixtureError(
                _("they hold %(model)s %(key)s twice", model=meta_of(model).label, key=key)
            )
        for name, target in self._also[model]:
            self._index.add(name, getattr(item, target.attname))
        self._index.name(self._named(model, row, key))
        for absent in row.item.deferred_fields or ():
            self._note_unresolved(model, absent, key)

    def _named(self, model: Model, row: LoadedRow, key: str) -> Iterable[Named]:
        label = meta_of(model).label_lower
        for reference in references_of(model):
            value = getattr(row.object, reference.attname)
            if value is not None and getattr(reference, "db_constraint", True):
                other = concrete(reference.related_model)
                target = field_key(other, reference.target_field)
                yield Named(f"{label}.{reference.name}", target, as_text(value), key)
        for link in links_of(model):
            other = concrete(link.related_model)
            for value in (row.item.m2m_data or {}).get(link.name, ()):
                target = field_key(other, meta_of(other).pk)
                yield Named(f"{label}.{link.name}", target, as_text(value), key)

    def _note_unresolved(self, model: Model, absent: Any, key: str) -> None:  # noqa: ANN401
        """A natural key of nobody: within the app its row may come with the fixture."""
        if concrete(absent.related_model) in self._inside or len(self.unresolved) >= _MOST:
            return
        self.unresolved.append(
            _(
                "%(model)s %(key)s names in %(field)s what is not in this database.",
                model=meta_of(model).label,
                key=key,
                field=absent.name,
            )
        )

    def pointing_nowhere(self, mode: Mode) -> list[str]:
        """A sentence for each foreign key that has a value which no row has."""
        found: dict[str, Named] = {}
        unknown = self._index.unknown()
        while batch := list(islice(unknown, BATCH)):
            for each in self._absent(batch, mode):
                found.setdefault(each.source, each)
        sentences = [
            _(
                "%(source)s of row %(row)s is %(value)s, and there is no such %(target)s.",
                source=source,
                row=first.row,
                value=first.value,
                target=meta_of(self._targets[first.target][0]).label,
            )
            for source, first in found.items()
        ]
        return [*self.unresolved, *sentences][:_MOST]

    def _absent(self, batch: Sequence[Named], mode: Mode) -> Iterator[Named]:
        by_target: dict[str, list[Named]] = defaultdict(list)
        for each in batch:
            by_target[each.target].append(each)
        for key, named in by_target.items():
            model, target = self._targets[key]
            # What is there and not in the fixture goes, when it replaces what is there.
            goes = mode is Mode.REPLACE and model in self._inside
            there = set() if goes else self._there(model, target, named)
            yield from (each for each in named if each.value not in there)

    def _there(self, model: Model, target: models.Field[Any, Any], named: list[Named]) -> set[str]:
        values = []
        for each in named:
            try:
                values.append(target.to_python(each.value))
            except ValidationError:
                continue
        found = rows_of(model, self._fixture.alias).filter(**{f"{target.attname}__in": values})
        return {as_text(value) for value in found.values_list(target.attname, flat=True)}
