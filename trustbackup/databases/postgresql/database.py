"""One PostgreSQL database: dump it, describe it, replace it."""

from __future__ import annotations

import contextlib
import functools
import re
import shlex
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from django.db import DatabaseError, connections
from django.db.backends.utils import CursorWrapper

from trustbackup.databases.alias import pointed_at
from trustbackup.databases.base import Database, Dump, Replacement
from trustbackup.databases.postgresql import obstacles, subscriptions
from trustbackup.databases.postgresql.address import server_identity
from trustbackup.databases.postgresql.archive import look_through
from trustbackup.databases.postgresql.dump import CUSTOM, DIRECTORY, list_archive
from trustbackup.databases.postgresql.dumper import check_readable, running_dump
from trustbackup.databases.postgresql.errors import translate
from trustbackup.databases.postgresql.in_place import InPlace
from trustbackup.databases.postgresql.pooled import begin
from trustbackup.databases.postgresql.replacement import PostgresReplacement
from trustbackup.databases.postgresql.roles import role_gaps
from trustbackup.databases.postgresql.row_access import PostgresRowAccess
from trustbackup.databases.postgresql.scratch_cluster import locale_options, throwaway_cluster
from trustbackup.databases.postgresql.scratch_role import make_role
from trustbackup.databases.postgresql.server import Server
from trustbackup.databases.postgresql.session import (
    count_rows,
    has_row,
    list_tables,
    quote_name,
    read_facts,
    scalar,
)
from trustbackup.databases.postgresql.tools import binary_connector, find_dumper, find_reader
from trustbackup.databases.room import no_room
from trustbackup.databases.values import (
    Capabilities,
    DumpRequest,
    Facts,
    InPlaceRequest,
    Interrupted,
    RoleGaps,
    TableRows,
)
from trustbackup.exceptions import NothingKept, ProgramError, RestoreError, TrustbackupError
from trustbackup.phrases import gettext as _
from trustbackup.store.journal_entry import NOT_YET, Strategy
from trustbackup.store.streams import Readable

_Answer = TypeVar("_Answer")
_LONGEST_NAME = 63
"""Bytes that PostgreSQL keeps of a name."""


class PostgreSQL(PostgresRowAccess, Database):
    """A PostgreSQL database."""

    engine = "postgresql"
    label = "PostgreSQL"
    capabilities = Capabilities(in_place=True, reads_newer=False)
    formats = {CUSTOM: (0, b"PGDMP"), DIRECTORY: (257, b"ustar")}

    @classmethod
    def manual_restore(cls, unpack: str, file: str) -> str:
        pg_restore = "pg_restore --no-owner -d DATABASE"
        if ".dump.tar" in file:
            return f"mkdir dump && {unpack} | tar x -C dump && {pg_restore} -j 4 dump"
        return f"{unpack} | {pg_restore}"

    def creation_commands(self, encoding: str) -> list[str]:
        role = str(connections[self.alias].settings_dict["USER"] or "ROLE")
        may_create = "" if self.why_not_swap() else " CREATEDB"
        make_role = f"CREATE ROLE {quote_name(role)} LOGIN{may_create}"
        options = [f"--owner={role}", "--template=template0"]
        if encoding:
            options.append(f"--encoding={encoding}")
        return [
            shlex.join(["psql", "--dbname=postgres", f"--command={make_role}"]),
            shlex.join(["psql", "--dbname=postgres", f"--command=\\password {quote_name(role)}"]),
            shlex.join(["createdb", *options, self.name]),
        ]

    @property
    def name(self) -> str:
        if name := connections[self.alias].settings_dict["NAME"]:
            return str(name)
        with translate(RestoreError, _("Database %(alias)r can't be read", alias=self.alias)):
            return self._server().where.name

    def identity(self) -> tuple[str, ...]:
        with self._reading() as cursor:
            return server_identity(cursor), str(scalar(cursor, "SELECT current_database()"))

    def dump(self, request: DumpRequest) -> AbstractContextManager[Dump]:
        what = _("Database %(alias)r was not dumped", alias=self.alias)
        return running_dump(self.alias, self.options, what, request)

    def facts(self, *, count: bool = True) -> Facts | None:
        with self._reading() as cursor:
            tables = list_tables(cursor)
            if count:
                begin(cursor, "READ ONLY")
                rows = tuple(count_rows(cursor, tables).values())
                cursor.execute("COMMIT")
            else:
                rows = tuple(TableRows(schema=t.schema, name=t.name, rows=0) for t in tables)
            return read_facts(cursor, rows) if tables else None

    def has_rows(self, besides: Collection[str] = ()) -> bool:
        with self._reading() as cursor:
            return any(has_row(cursor, t) for t in list_tables(cursor) if t.name not in besides)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[CursorWrapper]:
        what = _("Database %(alias)r can't be read", alias=self.alias)
        with translate(RestoreError, what), self._server().where.session() as cursor:
            yield cursor

    def names_for_restore(self, stamp: str) -> tuple[str, str]:
        return self._beside(f"_restore_{stamp}"), self._beside(f"_before_{stamp}")

    def _beside(self, suffix: str) -> str:
        room = _LONGEST_NAME - len(suffix.encode())
        return self.name.encode()[:room].decode(errors="ignore") + suffix

    def scratch_name(self, stamp: str, folder: Path) -> str:
        return self._beside(f"_drill_{stamp}")

    def replacement(self, name: str, *, existing: bool = False) -> Replacement:
        with translate(RestoreError, _("Database %(alias)r was not restored", alias=self.alias)):
            return PostgresReplacement(
                self.alias, self.options, live=self.name, name=name, existing=existing
            )

    def restore_in_place(self, request: InPlaceRequest) -> Facts:
        what = _("Database %(alias)r was not restored", alias=self.alias)
        with translate(RestoreError, what):
            return InPlace(self._server(), what, self.name).run(request)

    def _server(self) -> Server:
        return Server(self.alias, self.options)

    def inspect(self, raw: Readable, format: str) -> str:  # noqa: A002 - the manifest's word
        if format == DIRECTORY:
            return look_through(raw)
        try:
            # The newest program reads every older archive; no server is asked.
            listing = list_archive(find_reader(self.alias), raw)
        except ProgramError as error:
            return _("pg_restore can't read it (%(why)s)", why=error.why)
        return "" if " TABLE " in listing else _("it holds no table")

    def why_not_swap(self) -> str:
        return self._ask(obstacles.why_not_swap)

    def why_not_scratch(self) -> str:
        return self._ask(obstacles.why_not_scratch)

    def why_not_in_place(self) -> str:
        return self._ask(obstacles.why_not_in_place)

    def cautions(self, strategy: Strategy) -> list[str]:
        return self._ask(functools.partial(obstacles.cautions, strategy=strategy))

    def _ask(self, question: Callable[[Server, str], _Answer]) -> _Answer:
        with translate(RestoreError, _("Database %(alias)r can't be read", alias=self.alias)):
            return question(self._server(), self.name)

    def role_gaps(self, owners: Collection[str], grantees: Collection[str]) -> RoleGaps:
        with self._reading() as cursor:
            return role_gaps(cursor, owners, grantees)

    def room_for(self, raw_bytes: int) -> str:
        """Only a server on this machine shows its disk, and only to those it trusts."""
        with contextlib.suppress(DatabaseError), self._server().session(self.name) as cursor:
            folder = Path(scalar(cursor, "SELECT current_setting('data_directory', true)") or "")
            size = int(scalar(cursor, "SELECT pg_database_size(current_database())"))
            if folder.is_absolute() and folder.is_dir():
                free, needed = shutil.disk_usage(folder).free, max(size, raw_bytes)
                if free < needed:
                    return no_room(folder, free, needed)
        return ""

    def address(self, name: str) -> dict[str, object]:
        return {"NAME": name}

    def exists(self, name: str) -> bool:
        with translate(RestoreError, _("Database %(alias)r can't be read", alias=self.alias)):
            return name in self._server().databases()

    def is_own_name(self, name: str, folder: Path) -> bool:
        found = re.search(r"_(restore|before)_\d{8}_\d{6}(_\d+)?$|_drill_\d{8}_\d{6}_\d{6}$", name)
        return found is not None and name == self._beside(found[0])

    def check_previous(self, name: str, marker: str) -> None:
        what = _("%(name)s is not put back", name=name)
        todo = _("Restore a backup instead.")
        with translate(RestoreError, what):
            identity = self._server().identity(name)
            if not identity:
                raise RestoreError(
                    what,
                    why=_("the old database %(name)s is not there any more", name=name),
                    todo=todo,
                )
            if identity != marker:
                raise RestoreError(what, why=_("it is not what the restore kept"), todo=todo)
            with self._server().session(name) as cursor:
                if not list_tables(cursor):
                    raise NothingKept(what, why=_("it is empty"), todo=todo)

    def is_previous(self, name: str, marker: str) -> bool:
        with translate(RestoreError, _("Database %(name)r was not removed", name=name)):
            return self._server().identity(name) in ("", marker)

    def remove(self, name: str) -> list[str]:
        what, server = _("Database %(name)r was not removed", name=name), self._server()
        with translate(RestoreError, what):
            with server.maintenance() as cursor:
                slots = subscriptions.logical_slots(cursor, name)
            if slots:
                raise RestoreError(
                    what,
                    why=_("others follow it by logical slots (%(slots)s)", slots=slots),
                    todo=_("Once nobody needs them, drop them there (pg_drop_replication_slot)."),
                )
            return [
                _(
                    "The slot %(slot)s stays at its publisher and keeps its log: drop it there"
                    " unless another subscription follows by it.",
                    slot=slot,
                )
                for slot in subscriptions.drop_database(server, name)
            ]

    def recover(self, interrupted: Interrupted) -> bool:
        server = self._server()
        with translate(RestoreError, _("Database %(alias)r can't be looked at", alias=self.alias)):
            server.end_run(interrupted.label)
            if interrupted.strategy is Strategy.IN_PLACE:
                return self._committed(server, interrupted.marker)
            if interrupted.strategy is Strategy.INTO:
                subscriptions.drop_database(server, interrupted.new)
                return False
            # No database but the new one ever has its number.
            swapped = server.identity(self.name) == interrupted.marker != ""
            subscriptions.wake(server, self.name)
            if server.pooler is not None:
                server.pooler.resume(self.name)
            goes = interrupted.strategy is not Strategy.UNDO and not interrupted.keeps_new
            if not swapped and goes:
                subscriptions.drop_database(server, interrupted.new)
        return swapped

    def _committed(self, server: Server, marker: str) -> bool:
        """The server remembers how a transaction ended: the marker is its number."""
        if marker == NOT_YET:
            return False
        with server.session(self.name) as cursor:
            status = scalar(cursor, "SELECT pg_xact_status(%s::xid8)", marker)
        return bool(status == "committed")

    @contextlib.contextmanager
    def scratch_server(self) -> Iterator[Database]:
        what = _("Database %(alias)r was not drilled", alias=self.alias)
        with translate(RestoreError, what), self._server().session(self.name) as cursor:
            encoding, locale = scalar(cursor, "SHOW server_encoding"), locale_options(cursor)
            version = int(scalar(cursor, "SHOW server_version_num"))
            size = int(scalar(cursor, "SELECT pg_database_size(current_database())"))
        with (
            throwaway_cluster(what, encoding, locale, version, size) as address,
            pointed_at(self.alias, {**address, "NAME": "postgres"}),
        ):
            make_role(self.alias, self.options, what)
            yield self

    def check(self, *, ask_server: bool) -> list[tuple[str, str]]:
        try:
            server = self._server_version() if ask_server else 0
            find_dumper(binary_connector(self.alias), server)
            find_reader(self.alias)
            if ask_server:
                check_readable(self.alias, self.options, _("The database was not dumped"))
        except TrustbackupError as error:
            return [(error.sentence, error.todo)]
        return []

    def _server_version(self) -> int:
        """libpq's number of the server's version; 0 when the server can't be asked."""
        with contextlib.suppress(DatabaseError, OSError):
            return self._server().version()
        return 0
