"""Which uploaded files the rows of a site name, beside those that are there: on the disk, not in
memory."""

from __future__ import annotations

import os
import posixpath
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from django.apps import apps
from django.core.exceptions import SuspiciousOperation
from django.db import connections, models, router

from trustbackup.contents.media.index import Member, MemberKind

_ROWS = 2000
_SHOWN = 10
_SCHEMA = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    CREATE TABLE named (part TEXT, path BLOB, row TEXT, there INTEGER);
"""


class FileReferences:
    """What file fields name in these folders, by the name of the folder's part."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self._folders = folders
        # Without a name it is a private file that is gone whatever becomes of this process.
        self._file = sqlite3.connect("", isolation_level=None)
        self._file.executescript(_SCHEMA)
        self._file.execute("BEGIN")
        self.unnamed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read_rows(self, alias: str) -> None:
        """Note what the rows of a database name now. Raises DatabaseError."""
        with connections[alias].cursor() as cursor:
            tables = set(connections[alias].introspection.table_names(cursor))
        for model, field in _file_fields():
            meta = model._meta  # noqa: SLF001 - documented API
            if meta.db_table in tables and router.allow_migrate_model(alias, model):
                self._note(alias, model, field)

    def _note(self, alias: str, model: type[models.Model], field: models.FileField) -> None:
        place = self._place(field)
        if place is None:
            return
        part, below = place
        rows: models.QuerySet[Any] = models.QuerySet(model, using=alias)
        found = rows.exclude(**{field.name: ""})
        found = found.exclude(**{field.name: None})
        label = model._meta.label  # noqa: SLF001
        self._file.executemany(
            "INSERT INTO named VALUES (?, ?, ?, 0)",
            (
                (
                    part,
                    os.fsencode(posixpath.normpath(posixpath.join(below, name))),
                    f"{label} {key} {field.name}: {name}",
                )
                for key, name in found.values_list("pk", field.name).iterator(chunk_size=_ROWS)
            ),
        )

    def _place(self, field: models.FileField) -> tuple[str, str] | None:
        """The part in which the field's files are, and the path of their folder below its own."""
        try:
            location = Path(os.path.realpath(field.storage.path("")))
        except (NotImplementedError, AttributeError, TypeError, ValueError, SuspiciousOperation):
            return None  # they are in no folder of this machine
        for part, folder in self._folders.items():
            if location.is_relative_to(folder):
                return part, location.relative_to(folder).as_posix()
        return None

    def compare(self, part: str, members: Iterable[Member]) -> None:
        """Note which files of a folder are there."""
        self._file.execute("CREATE INDEX IF NOT EXISTS paths ON named (part, path)")
        look = "UPDATE named SET there = 1 WHERE part = ? AND path = ?"
        for member in members:
            if member.kind is not MemberKind.FOLDER:
                found = self._file.execute(look, (part, os.fsencode(member.path)))
                self.unnamed += found.rowcount == 0

    @property
    def named(self) -> int:
        (count,) = self._file.execute("SELECT count(*) FROM named").fetchone()
        return int(count)

    @property
    def missing(self) -> int:
        """How many of the named files are not there."""
        (count,) = self._file.execute("SELECT count(*) FROM named WHERE NOT there").fetchone()
        return int(count)

    def first_rows(self) -> tuple[str, ...]:
        """Some of the rows whose file is missing."""
        look = f"SELECT row FROM named WHERE NOT there ORDER BY rowid LIMIT {_SHOWN}"  # noqa: S608
        return tuple(row for (row,) in self._file.execute(look))


def _file_fields() -> Iterator[tuple[type[models.Model], Any]]:
    for model in apps.get_models():
        if not model._meta.proxy:  # noqa: SLF001
            for field in model._meta.local_fields:  # noqa: SLF001
                if isinstance(field, models.FileField):
                    yield model, field
