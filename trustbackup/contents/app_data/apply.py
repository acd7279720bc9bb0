"""Putting the rows of a fixture into the database, within a transaction that somebody holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.core.serializers.base import DeserializedObject
from django.db import connections, models

from trustbackup.contents.app_data.keys import KeyIndex
from trustbackup.contents.app_data.load import LoadedRow, Present, batches
from trustbackup.contents.app_data.mode import Mode
from trustbackup.contents.app_data.surplus import SurplusCollector, collect, surplus_rows
from trustbackup.contents.app_data.survey import Fixture
from trustbackup.contents.app_data.tables import links_of, meta_of, table_of
from trustbackup.exceptions import RestoreError


def apply_fixture(
    fixture: Fixture,
    mode: Mode,
    index: KeyIndex,
    on_rows: Callable[[int], object] = lambda _count: None,
) -> None:
    """Delete what is too much, then add and change rows, then check all keys.

    ``index`` knows the fixture's keys, of a survey in the same transaction. What is surplus goes
    first, for a row that comes back may have its name. Raises RestoreError, FixtureError,
    DatabaseError.
    """
    if mode is Mode.REPLACE:
        for model in reversed(fixture.models):
            for rows, _those in surplus_rows(model, index, fixture.alias):
                collector = SurplusCollector(fixture.alias, fixture.models)
                if problem := collect(collector, rows):
                    raise RestoreError(why=problem)
                collector.delete()
    waiting: list[DeserializedObject] = []
    done = 0
    with fixture.open_raw() as raw:
        for model, batch in batches(fixture.rows(raw)):
            present = Present(model, batch, fixture.alias)
            for row in batch:
                _save(row, present, mode, fixture.alias)
                if row.item.deferred_fields and not (mode is Mode.ADD and present.has(row)):
                    waiting.append(row.item)
            done += len(batch)
            on_rows(done)
    for item in waiting:
        item.save_deferred_fields(using=fixture.alias)
    connections[fixture.alias].check_constraints(table_names=sorted(_tables_to_check(fixture)))


def _save(row: LoadedRow, present: Present, mode: Mode, alias: str) -> None:
    """Signals are told ``raw=True``, and no method of the site's own is called."""
    if not present.has(row):
        row.item.save(using=alias, force_insert=True)
    elif mode is not Mode.ADD and present.differs(row):
        present.complete(row)
        row.item.save(using=alias, force_update=True)


def tables_of(fixture: Fixture) -> list[str]:
    """The tables that are written to: the models', and those of their links."""
    found = {table_of(model) for model in fixture.models}
    for model in fixture.models:
        for link in links_of(model):
            found.add(str(meta_of(link.remote_field.through).db_table))
    return sorted(found)


def _tables_to_check(fixture: Fixture) -> Iterator[str]:
    """Those, and the tables of whoever names a row of theirs."""
    yield from tables_of(fixture)
    for model in fixture.models:
        for relation in meta_of(model).get_fields(include_hidden=True):
            other = getattr(relation, "related_model", None)
            is_reverse = isinstance(relation, models.ForeignObjectRel)
            if is_reverse and isinstance(other, type) and meta_of(other).managed:
                yield table_of(other)


def counted_columns(fixture: Fixture) -> list[tuple[str, str]]:
    """Table and column of each number that the database gives."""
    return [
        (table_of(model), str(field.column))
        for model in fixture.models
        for field in meta_of(model).local_concrete_fields
        if isinstance(field, models.AutoField)
    ]
