"""One SQLite database: a consistent copy while others write.

The copy goes through SQLite's own online backup inside a read transaction: on a WAL
database writers go on, on a rollback journal they wait until the copy is made. The copy is
checked, counted and compressed after that, so nobody waits for those.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from dbbackup.db.base import get_connector
from django.db import connections

from trustbackup.databases.base import Database, Dump, Replacement
from trustbackup.databases.room import no_room
from trustbackup.databases.sqlite.dump import SQLITE_FILE, Source, SQLiteDump, check_source
from trustbackup.databases.sqlite.file import (
    MAGIC,
    checked_facts,
    create_private,
    has_row,
    list_tables,
    read_facts,
    readable_mode,
    size_in_header,
    translate,
)
from trustbackup.databases.sqlite.replacement import SQLiteReplacement
from trustbackup.databases.sqlite.row_access import SQLiteRowAccess
from trustbackup.databases.sqlite.site_connection import connect_as_site
from trustbackup.databases.sqlite.swap_sign import (
    UNFINISHED,
    check_kept_file,
    file_identity,
    finish_old_copy,
    has_sign,
    remove_file,
    remove_sign,
)
from trustbackup.databases.values import Capabilities, DumpRequest, Facts, Interrupted
from trustbackup.exceptions import DumpError, RestoreError, UsageError
from trustbackup.phrases import Grouped
from trustbackup.phrases import gettext as _
from trustbackup.store.journal_entry import Strategy
from trustbackup.store.sqlite_name import file_of
from trustbackup.store.streams import BLOCK, Readable


class SQLite(SQLiteRowAccess, Database):
    """An SQLite file."""

    engine = "sqlite"
    label = "SQLite"
    capabilities = Capabilities(leaves_sign=True)
    formats = {SQLITE_FILE: (0, MAGIC)}

    @classmethod
    def manual_restore(cls, unpack: str, file: str) -> str:
        return f"{unpack} > db.sqlite3"

    @property
    def name(self) -> str:
        return str(connections[self.alias].settings_dict["NAME"])

    @property
    def path(self) -> Path:
        """The file itself: what lies beside a link to it, the next deployment may remove."""
        return (file_of(self.name) or Path(self.name)).resolve()

    def identity(self) -> tuple[str, ...]:
        if file_of(self.name) is None:
            return ("memory", self.alias)
        # The same for a link of either sort; a file that is not there has only its path.
        return ("file", file_identity(self.path) or str(self.path))

    @contextlib.contextmanager
    def dump(self, request: DumpRequest) -> Iterator[Dump]:
        if request.directory:
            raise UsageError(
                _("Database %(alias)r can't be dumped as a directory", alias=self.alias),
                why=_("SQLite has one file"),
                todo=_("Leave --format out."),
            )
        connector = get_connector(self.alias)
        check_source(self.alias, self.name)
        copy = request.workdir / "copy.sqlite3"
        source = Source(self.alias, self.path, self.options.wait)
        connector.create_dump = lambda: source.copy_to(copy, connector.exclude, request.excluded)
        with translate(DumpError, _("Database %(alias)r was not dumped", alias=self.alias)):
            os.close(create_private(copy))
            connector.create_dump()
        with ThreadPoolExecutor(1, "trustbackup-facts") as pool:
            checking = pool.submit(
                checked_facts,
                copy,
                self.alias,
                self.options.wait,
                DumpError,
                content=request.content,
                compare=request.compare,
            )
            dump = SQLiteDump(
                self.name, copy, _dotted(connector), checking, excluded=request.excluded
            )
            try:
                yield dump
            finally:
                dump.close()
        copy.unlink()

    def facts(self, *, count: bool = True) -> Facts | None:
        if not self.path.exists() or self.path.stat().st_size == 0:
            return None
        with (
            translate(RestoreError, _("Database %(alias)r can't be read", alias=self.alias)),
            connect_as_site(
                self.alias, self.path, readable_mode(self.path), self.options.wait
            ) as live,
        ):
            facts = read_facts(live, self.name, count=count)
        return facts if facts.tables else None

    def has_rows(self, besides: Collection[str] = ()) -> bool:
        if not self.path.exists() or self.path.stat().st_size == 0:
            return False
        with (
            translate(RestoreError, _("Database %(alias)r can't be read", alias=self.alias)),
            connect_as_site(
                self.alias, self.path, readable_mode(self.path), self.options.wait
            ) as live,
        ):
            return any(has_row(live, table) for table in list_tables(live) if table not in besides)

    def names_for_restore(self, stamp: str) -> tuple[str, str]:
        stem, suffix = self.path.stem, self.path.suffix
        folder = self.path.absolute().parent
        return (
            str(folder / f"{stem}_restore_{stamp}{suffix}"),
            str(folder / f"{stem}_before_{stamp}{suffix}"),
        )

    def scratch_name(self, stamp: str, folder: Path) -> str:
        return str(folder / f"drill_{stamp}.sqlite3")

    def replacement(self, name: str, *, existing: bool = False) -> Replacement:
        return SQLiteReplacement(
            self.alias, self.path, Path(name).absolute(), self.options, existing=existing
        )

    def inspect(self, raw: Readable, format: str) -> str:  # noqa: A002 - the manifest's word
        head = raw.read(BLOCK)
        size = len(head)
        while block := raw.read(BLOCK):
            size += len(block)
        wanted = size_in_header(head)
        if size >= wanted:
            return ""
        return _(
            "it was cut short: %(size)s of %(wanted)s bytes are there",
            size=Grouped(size),
            wanted=Grouped(wanted),
        )

    def why_not_swap(self) -> str:
        if file_of(self.name) is None:
            return _("it lives in memory")
        folder = self.path.absolute().parent
        return (
            ""
            if os.access(folder, os.W_OK, effective_ids=os.access in os.supports_effective_ids)
            else _("the folder %(folder)s can't be written", folder=folder)
        )

    @contextlib.contextmanager
    def scratch_server(self) -> Iterator[Database]:
        """A drill's file lies in a private folder, whoever may write beside the live one."""
        yield self

    def room_for(self, raw_bytes: int) -> str:
        """The new file, and the old one that is kept, lie beside the live one."""
        folder = self.path.absolute().parent
        now = self.path.stat().st_size if self.path.exists() else 0
        free = shutil.disk_usage(folder).free
        # While it is swapped in, a journal holds up to the whole old content once more.
        needed = raw_bytes + 2 * now + max(0, raw_bytes - now)
        if free >= needed:
            return ""
        return no_room(folder, free, needed)

    def address(self, name: str) -> dict[str, object]:
        return {"NAME": name}

    def exists(self, name: str) -> bool:
        return Path(name).is_file()

    def unfinished_name(self, name: str, moment: datetime) -> str:
        return name + UNFINISHED

    def is_own_name(self, name: str, folder: Path) -> bool:
        if name.endswith(UNFINISHED):
            return True
        path, live = Path(name), self.path.absolute()
        stem, suffix = re.escape(live.stem), re.escape(live.suffix)
        beside = rf"{stem}_(restore|before)_\d{{8}}_\d{{6}}(_\d+)?{suffix}"
        if path.parent == live.parent:
            return re.fullmatch(beside, path.name) is not None
        drill = re.fullmatch(r"drill_\d{8}_\d{6}_\d{6}\.sqlite3", path.name)
        return path.parent == folder and drill is not None

    def check_previous(self, name: str, marker: str) -> None:
        check_kept_file(self.alias, Path(name), marker, self.options.wait)

    def is_previous(self, name: str, marker: str) -> bool:
        with translate(RestoreError, _("%(name)s was not removed", name=name)):
            path = Path(name)
            return not path.exists() or has_sign(path, marker, self.options.wait)

    def forget_swap(self, label: str) -> None:
        with translate(RestoreError, _("Database %(alias)r can't be written", alias=self.alias)):
            remove_sign(self.path, label, self.options.wait)

    def remove(self, name: str) -> list[str]:
        with translate(RestoreError, _("%(name)s was not removed", name=name)):
            remove_file(Path(name))
        return []

    def recover(self, interrupted: Interrupted) -> bool:
        with translate(RestoreError, _("Database %(alias)r can't be read", alias=self.alias)):
            new, previous = Path(interrupted.new), Path(interrupted.previous)
            if interrupted.strategy is Strategy.INTO:
                remove_file(new)
                return False
            # Opening it rolls an unfinished copy back, by SQLite's own journal.
            swapped = has_sign(self.path, interrupted.marker, self.options.wait)
            if interrupted.previous and swapped:
                finish_old_copy(previous)
            elif interrupted.previous:
                remove_file(previous.with_name(previous.name + UNFINISHED))
            goes = interrupted.strategy is not Strategy.UNDO and not interrupted.keeps_new
            if swapped or goes:
                remove_file(new)
        return swapped


def _dotted(connector: object) -> str:
    return f"{type(connector).__module__}.{type(connector).__qualname__}"
