"""An app's rows as a stream of bytes, read a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from django.db import DatabaseError, models

from trustbackup.contents.app_data.formats import FixtureFormat, is_content_type
from trustbackup.contents.app_data.row_set import RowSet
from trustbackup.contents.app_data.tables import (
    Model,
    concrete,
    links_of,
    references_of,
    rows_of,
)
from trustbackup.exceptions import DumpError, TrustbackupError
from trustbackup.phrases import gettext as _
from trustbackup.phrases import one_line

_BATCH = 500
"""Rows that are in memory together."""


class AppExport:
    """A source for ``write_compressed``: everything that the models hold, in their order.

    ``rows`` counts what was read of each. It reads the alias as it is: who wants one instant
    holds a snapshot.
    """

    def __init__(
        self,
        row_set: RowSet,
        how: FixtureFormat,
        on_rows: Callable[[int], object] = lambda _count: None,
    ) -> None:
        self.row_set, self.alias, self.how = row_set, row_set.alias, how
        self.rows: dict[Model, int] = dict.fromkeys(row_set.models, 0)
        self._on_rows = on_rows
        self._blocks = self._produce()
        self._rest = memoryview(b"")

    def readinto(self, buffer: memoryview, /) -> int:
        """The next bytes, 0 at the end. Raises DumpError, DatabaseError."""
        while not self._rest:
            try:
                block = next(self._blocks, None)
            except (DatabaseError, TrustbackupError):
                raise
            except Exception as error:  # whatever a field of the site's own raises
                raise DumpError(
                    _("The settings were not backed up")
                    if self.row_set.is_settings
                    else _("The data of app %(app)r was not backed up", app=self.row_set.label),
                    why=one_line(str(error)) or type(error).__name__,
                    todo=_("Mend that row, or choose another format."),
                ) from error
            if block is None:
                return 0
            self._rest = memoryview(block)
        count = min(len(self._rest), len(buffer))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def _produce(self) -> Iterator[bytes]:
        yield self.how.begin
        between = b""
        for model in self.rows:
            found, fields = self._rows(model), self.row_set.fields_of(model)
            while batch := list(islice(found, _BATCH)):
                yield between
                yield self.how.batch(batch, fields)
                between = self.how.between
                self.rows[model] += len(batch)
                self._on_rows(sum(self.rows.values()))
        yield self.how.end

    def _rows(self, model: Model) -> Iterator[models.Model]:
        found = rows_of(model, self.alias).order_by("pk")
        # Else each row would ask for what it names. A join would leave rows out that name nothing.
        named = [field for field in references_of(model) if self._is_natural(field)]
        for field in (*named, *links_of(model)):
            related = rows_of(concrete(field.related_model), self.alias).order_by("pk")
            found = found.prefetch_related(models.Prefetch(field.name, queryset=related))
        return iter(found.iterator(chunk_size=_BATCH))

    def _is_natural(self, field: models.Field[object, object]) -> bool:
        if is_content_type(field):
            return True
        if field.related_model in self.how.inside:
            return False
        return self.how.options.natural and hasattr(field.related_model, "natural_key")
