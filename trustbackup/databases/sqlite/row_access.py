"""Reading an SQLite database at one instant, and writing to it in one transaction."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from django.db import DatabaseError, connections, transaction

from trustbackup.databases.alias import pointed_at
from trustbackup.databases.row_access import RowAccess
from trustbackup.databases.sqlite.dump import Source, check_source
from trustbackup.databases.sqlite.file import create_private, translate
from trustbackup.databases.values import Options
from trustbackup.exceptions import DumpError, RestoreError
from trustbackup.phrases import gettext as _
from trustbackup.phrases import one_line
from trustbackup.store.sqlite_name import file_of


class SQLiteRowAccess(RowAccess):
    """A private copy to read: reading slowly would keep writers from the live file."""

    options: Options

    @property
    def name(self) -> str:
        """The file's path, as the settings have it."""
        return str(connections[self.alias].settings_dict["NAME"])

    @contextlib.contextmanager
    def frozen(self, workdir: Path) -> Iterator[None]:
        what = _("Database %(alias)r was not read", alias=self.alias)
        check_source(self.alias, self.name)
        copy = workdir / "rows.sqlite3"
        live = (file_of(self.name) or Path(self.name)).resolve()
        with translate(DumpError, what):
            os.close(create_private(copy))
            Source(self.alias, live, self.options.wait).copy_to(copy)
        try:
            with pointed_at(self.alias, {"NAME": str(copy)}):
                yield
        except DatabaseError as error:
            raise DumpError(
                what, why=one_line(str(error)), todo=_("Mend that, then try again.")
            ) from error
        finally:
            copy.unlink(missing_ok=True)

    @contextlib.contextmanager
    def writing(self, tables: Sequence[str]) -> Iterator[None]:
        what = _("Database %(alias)r was not written", alias=self.alias)
        options = dict(connections[self.alias].settings_dict.get("OPTIONS") or {})
        # A transaction that begins by reading can't wait for who writes just then.
        options |= {"timeout": self.options.wait, "transaction_mode": "IMMEDIATE"}
        with pointed_at(self.alias, {"OPTIONS": options, "AUTOCOMMIT": True}):
            try:
                with transaction.atomic(self.alias):
                    yield
            except DatabaseError as error:
                raise RestoreError(
                    what,
                    why=one_line(str(error)),
                    todo=_("Wait until the program that holds it is done, then try again."),
                ) from error

    def raise_sequences(self, columns: Sequence[tuple[str, str]]) -> None:
        """SQLite has done it: a row's own number raises what AUTOINCREMENT counts by."""
