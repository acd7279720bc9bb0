"""Rows of a fixture as objects of the site's models, beside those that are there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist, ValidationError
from django.core.serializers.base import DeserializationError, DeserializedObject
from django.core.serializers.python import Deserializer
from django.db import models

from trustbackup.contents.app_data.parse import FixtureError, Row, read_rows
from trustbackup.contents.app_data.tables import Model, links_of, meta_of, rows_of
from trustbackup.exceptions import TrustbackupError
from trustbackup.phrases import gettext as _
from trustbackup.phrases import one_line
from trustbackup.store.streams import Readable

BATCH = 500
_UNREADABLE = (
    AttributeError,
    ArithmeticError,
    DeserializationError,
    FieldDoesNotExist,
    LookupError,
    ObjectDoesNotExist,
    RecursionError,
    TypeError,
    ValidationError,
    ValueError,
)
"""What Django raises for a row that does not fit its model."""


@dataclass(frozen=True)
class LoadedRow:
    """A row of the fixture. ``names`` are its fields: others keep what they have."""

    item: DeserializedObject
    names: frozenset[str]

    @property
    def object(self) -> models.Model:
        found: models.Model = self.item.object
        return found

    @property
    def model(self) -> Model:
        return type(self.object)


def load_rows(
    raw: Readable,
    format: str,  # noqa: A002 - the manifest's word
    alias: str,
    known: Collection[Model],
) -> Iterator[LoadedRow]:
    """Every row, in the order of the file. Raises FixtureError, DatabaseError.

    Natural keys are looked up in the database of the alias; what is not there yet is among the
    ``deferred_fields`` of its item.
    """
    labels = {meta_of(model).label_lower for model in known}
    last: Row = {}

    def rows() -> Iterator[Row]:
        nonlocal last
        for row in read_rows(raw, format):
            if row["model"].lower() not in labels:
                raise FixtureError(
                    _("they hold %(model)s, which is none of the app's models", model=row["model"]),
                    _("Install the version of the app that the backup was made with."),
                )
            last = row
            yield row

    found = iter(Deserializer(rows(), using=alias, handle_forward_references=True))
    while True:
        try:
            item = next(found, None)
        except TrustbackupError:
            raise
        except _UNREADABLE as error:
            text = "; ".join(error.messages) if isinstance(error, ValidationError) else str(error)
            raise FixtureError(one_line(text) or type(error).__name__) from error
        if item is None:
            return
        yield LoadedRow(item, frozenset(last["fields"]))


def batches(rows: Iterable[LoadedRow]) -> Iterator[tuple[Model, list[LoadedRow]]]:
    """A few hundred rows of one model at a time."""
    for model, some in groupby(rows, key=lambda row: row.model):
        while batch := list(islice(some, BATCH)):
            yield model, batch


class Present:
    """What is in the database of a batch's rows."""

    def __init__(self, model: Model, batch: Collection[LoadedRow], alias: str) -> None:
        keys = [row.object.pk for row in batch]
        self._live: Mapping[Any, models.Model] = rows_of(model, alias).in_bulk(keys)
        self._links = {
            field.name: _linked(field, keys, alias) for field in links_of(model) if self._live
        }

    def has(self, row: LoadedRow) -> bool:
        return row.object.pk in self._live

    def complete(self, row: LoadedRow) -> None:
        """Let what the fixture does not say, or can't yet, be what it is."""
        live = self._live[row.object.pk]
        absent = {field.name for field in row.item.deferred_fields or ()}
        for field in meta_of(row.model).local_concrete_fields:
            if field.name in absent or not (field.primary_key or field.name in row.names):
                setattr(row.object, field.attname, getattr(live, field.attname))

    def differs(self, row: LoadedRow) -> bool:
        """Whether a row that is there is another than in the fixture."""
        live = self._live[row.object.pk]
        if row.item.deferred_fields:
            return True
        for field in meta_of(row.model).local_concrete_fields:
            if field.name in row.names and not getattr(field, "generated", False):
                then, now = getattr(row.object, field.attname), getattr(live, field.attname)
                if _plain(then) != _plain(now):
                    return True
        return any(
            set(wanted) != self._links.get(name, {}).get(row.object.pk, set())
            for name, wanted in (row.item.m2m_data or {}).items()
        )


def _plain(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview) else value


def _linked(
    field: models.ManyToManyField[Any, Any], keys: Collection[object], alias: str
) -> dict[object, set[object]]:
    through = meta_of(field.remote_field.through)
    source = through.get_field(field.m2m_field_name())
    target = through.get_field(field.m2m_reverse_field_name())
    found: dict[object, set[object]] = {}
    wanted = rows_of(through.model, alias).filter(**{f"{source.name}__in": keys})
    for key, other in wanted.values_list(source.attname, target.attname):  # type: ignore[union-attr]
        found.setdefault(key, set()).add(other)
    return found
