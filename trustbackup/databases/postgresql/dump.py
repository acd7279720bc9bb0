"""What pg_dump writes, as a stream, and what was counted in its snapshot meanwhile."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import tarfile
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

from trustbackup.databases.base import Dump
from trustbackup.databases.feeder import Feeder
from trustbackup.databases.postgresql.archive import TOC
from trustbackup.databases.postgresql.inventory import Catalogs
from trustbackup.databases.postgresql.snapshot import Snapshot, remedy
from trustbackup.databases.process import Program, output_of
from trustbackup.databases.values import Facts, OpenRaw, TableRows
from trustbackup.exceptions import DumpError, ProgramError
from trustbackup.phrases import gettext as _
from trustbackup.phrases import ngettext
from trustbackup.store import pipes
from trustbackup.store.streams import BLOCK, Readable

CUSTOM = "pg_dump custom"
DIRECTORY = "pg_dump directory"
_NO_SEARCH_PATH = b"set_config('search_path', '', false)"
"""Set by pg_dump before it begins its transaction; in another session names lack their schemas."""
# "215; 0 16402 TABLE DATA public shop_order owner": the second number is the table's oid.
_TABLE_DATA = re.compile(r"^\d+; \d+ (\d+) TABLE DATA ", re.MULTILINE)


class PostgresDump(Dump):
    """pg_dump's archive as a stream, and what was counted beside it."""

    # Not for every engine: SQLite has no dumper that waits, and would take 40 MB more memory.
    step = BLOCK // 4

    def __init__(
        self, program: Program, snapshot: Snapshot, *, connector: str, version: str, restore: str
    ) -> None:
        self.connector = connector
        self.format = CUSTOM
        self.suffix = "dump"
        self.tool_version = version
        self.estimate = snapshot.estimate
        self.what = snapshot.what
        self._program = program
        self._snapshot = snapshot
        self._pg_restore = restore
        self._pool = ThreadPoolExecutor(1, "trustbackup-facts")
        self._counting: Future[tuple[Facts, dict[int, TableRows], Catalogs]] = self._pool.submit(
            snapshot.count
        )

    def readinto(self, buffer: memoryview, /) -> int:
        with self._one_sentence():
            count = self._program.readinto(buffer)
        if not count:
            self._snapshot.end()
        return count

    @contextlib.contextmanager
    def _one_sentence(self) -> Iterator[None]:
        try:
            yield
        except ProgramError as error:
            self._snapshot.end()
            # When counting fails its snapshot ends, and pg_dump complains about that only.
            if self._counting.done() and (cause := self._counting.exception()):
                raise cause from error
            raise DumpError(
                self.what, why=str(error), todo=remedy(self._snapshot.session())
            ) from error

    def listing(self, open_raw: OpenRaw) -> str:
        with open_raw() as raw:
            return list_archive(self._pg_restore, raw)

    def _head(self, open_raw: OpenRaw) -> bytes:
        """What was set in the session that dumped, as pg_restore prints it."""
        argv = [self._pg_restore, "--file=-", f"--use-list={os.devnull}"]
        with open_raw() as raw, Feeder(raw) as feeder:
            return output_of(argv, stdin=feeder.read_end, timeout=600).encode()

    def facts(self, open_raw: OpenRaw) -> Facts:
        """Rows of the tables whose data the archive really holds (by its table of contents)."""
        facts, counted, catalogs = self._counting.result()
        try:
            listing = self.listing(open_raw)
        except ProgramError as error:
            raise DumpError(
                self.what, why=_("its archive can't be listed: %(error)s", error=error)
            ) from error
        if self._snapshot.pooled and _NO_SEARCH_PATH not in self._head(open_raw):
            raise DumpError(
                self.what,
                why=_("the pooler dealt pg_dump's statements out to several connections"),
                todo=_(
                    "Name the server itself in DBBACKUP_CONNECTORS (HOST and PORT), or PgBouncer's"
                    " console in TRUSTBACKUP['PGBOUNCER'], then try again."
                ),
            )
        oids = {int(oid) for oid in _TABLE_DATA.findall(listing)}
        excluded = {table.oid for table in self._snapshot.excluded}
        if oids & excluded:
            raise DumpError(
                self.what,
                why=_("pg_dump did not leave out the rows that it was asked to"),
                todo=_("Leave that table's rows in, or out of the database."),
            )
        missing = oids - counted.keys()
        if missing:
            raise DumpError(
                self.what,
                why=ngettext(
                    "%(number)d of its tables could not be counted",
                    "%(number)d of its tables could not be counted",
                    len(missing),
                ),
                todo=_("Give the role the right to read all tables, then try again."),
            )
        return replace(
            facts,
            tables=tuple(rows for oid, rows in counted.items() if oid in oids | excluded),
            inventory=catalogs.within(listing),
            excluded=tuple(f"{table.schema}.{table.name}" for table in self._snapshot.excluded),
        )

    def close(self) -> None:
        self._program.close()
        self._snapshot.end()
        self._pool.shutdown(wait=True, cancel_futures=True)


class DirectoryDump(PostgresDump):
    """A folder that several workers of pg_dump wrote, as one tar stream."""

    def __init__(
        self,
        program: Program,
        snapshot: Snapshot,
        folder: Path,
        *,
        connector: str,
        version: str,
        restore: str,
    ) -> None:
        super().__init__(program, snapshot, connector=connector, version=version, restore=restore)
        self.format = DIRECTORY
        self.suffix = "dump.tar"
        self._folder = folder
        self._tar: BinaryIO | None = None
        self._writing: threading.Thread | None = None
        self._error: BaseException | None = None

    def readinto(self, buffer: memoryview, /) -> int:
        if self._tar is None:
            with self._one_sentence():
                self._program.check()
            self._snapshot.end()
            read_end, write_end = os.pipe()
            with contextlib.suppress(OSError):
                fcntl.fcntl(read_end, fcntl.F_SETPIPE_SZ, BLOCK)
            pipes.prepare(read_end)
            pipes.prepare(write_end)
            self._tar = os.fdopen(read_end, "rb", buffering=0)
            self._writing = threading.Thread(target=self._write, args=[write_end], daemon=True)
            self._writing.start()
        count = pipes.read_into(self._tar.fileno(), buffer)
        if not count and self._error is not None:
            raise DumpError(self.what, why=str(self._error)) from self._error
        return count

    def _write(self, write_end: int) -> None:
        try:
            with (
                pipes.WriteEnd(write_end) as pipe,
                tarfile.open(fileobj=cast("BinaryIO", pipe), mode="w|", bufsize=BLOCK) as tar,
            ):
                tar.copybufsize = BLOCK  # type: ignore[attr-defined]
                # A restore can begin before the rest has come.
                for path in sorted(self._folder.iterdir(), key=_toc_first):
                    info = tar.gettarinfo(str(path), path.name)
                    info.uid = info.gid = info.mtime = 0
                    info.uname = info.gname = ""
                    with path.open("rb") as file:
                        tar.addfile(info, file)
        except BaseException as error:
            self._error = error

    def listing(self, open_raw: OpenRaw) -> str:
        return output_of([self._pg_restore, "--list", str(self._folder)], timeout=600)

    def _head(self, open_raw: OpenRaw) -> bytes:
        argv = [self._pg_restore, "--file=-", f"--use-list={os.devnull}", str(self._folder)]
        return output_of(argv, timeout=600).encode()

    def close(self) -> None:
        if self._tar is not None:
            self._tar.close()
        if self._writing is not None:
            self._writing.join()
        super().close()


def _toc_first(path: Path) -> tuple[bool, str]:
    return path.name != TOC, path.name


def list_archive(pg_restore: str, raw: Readable) -> str:
    """An archive's table of contents, as ``pg_restore --list`` prints it."""
    with Feeder(raw) as feeder:
        return output_of([pg_restore, "--list"], stdin=feeder.read_end, timeout=600)
