"""One PostgreSQL database: dump it, describe it, replace it."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.db import DatabaseError, connections

from trustbackup.databases.alias import pointed_at
from trustbackup.databases.base import Database, Dump, Replacement, no_room
from trustbackup.databases.postgresql.archive import look_through
from trustbackup.databases.postgresql.cluster import throwaway_cluster
from trustbackup.databases.postgresql.dump import (
    CUSTOM,
    DIRECTORY,
    DirectoryDump,
    PostgresDump,
    Snapshot,
    list_archive,
)
from trustbackup.databases.postgresql.inplace import InPlace
from trustbackup.databases.postgresql.replacement import PostgresReplacement
from trustbackup.databases.postgresql.server import Server
from trustbackup.databases.postgresql.session import (
    count_rows,
    has_row,
    list_tables,
    open_session,
    quote_name,
    read_facts,
    scalar,
    translate,
)
from trustbackup.databases.postgresql.tools import (
    binary_connector,
    environment,
    find_program,
    take_address,
    version_text,
    with_large_blocks,
)
from trustbackup.databases.process import Program
from trustbackup.databases.values import (
    NOT_YET,
    DumpRequest,
    Facts,
    InPlaceRequest,
    Interrupted,
    TableRows,
)
from trustbackup.exceptions import DumpError, ProgramError, RestoreError, TrustbackupError
from trustbackup.phrases import gettext as _
from trustbackup.store.streams import Readable

_LONGEST_NAME = 63
"""Bytes that PostgreSQL keeps of a name."""


class PostgreSQL(Database):
    """A PostgreSQL database."""

    engine = "postgresql"
    formats = {CUSTOM: (0, b"PGDMP"), DIRECTORY: (257, b"ustar")}

    @property
    def name(self) -> str:
        return str(connections[self.alias].settings_dict["NAME"])

    @contextlib.contextmanager
    def dump(self, request: DumpRequest) -> Iterator[Dump]:
        what = _("Database %(alias)r was not dumped", alias=self.alias)
        connector = binary_connector(self.alias)
        with contextlib.ExitStack() as stack:
            with translate(DumpError, what):
                settings = dict(connector.settings)
                cursor = stack.enter_context(open_session(self.alias, self.options, settings))
                server = int(scalar(cursor, "SHOW server_version_num"))
            configured = connector.dump_cmd if connector.dump_cmd != "pg_dump" else ""
            pg_dump = find_program("pg_dump", server, configured)
            tools = {
                "connector": f"{type(connector).__module__}.{type(connector).__qualname__}",
                "version": version_text(pg_dump),
                "restore": find_program("pg_restore", server),
            }
            snapshot = Snapshot(cursor, what, content=request.content)
            folder = request.workdir / "directory"
            arguments = self._dump_arguments(snapshot.id)
            if request.directory:
                jobs = max(2, min(8, os.cpu_count() or 1))
                arguments += ["--format=directory", f"--jobs={jobs}", f"--file={folder}"]
                arguments += ["--no-sync"]
            address = take_address(connector)
            connector.dump_cmd = shlex.quote(pg_dump)

            def run_command(
                command: str, _stdin: object = None, env: Mapping[str, str] | None = None
            ) -> tuple[Program, Program]:
                program = Program(
                    with_large_blocks([*shlex.split(command), *arguments]),
                    environment(connector, env or {}, address, self._limits()),
                    secrets=[address.get("PGPASSWORD", "")],
                    name="pg_dump",
                )
                return program, program

            connector.run_command = run_command
            try:
                program: Program = connector.create_dump()
            except ProgramError as error:
                raise DumpError(what, why=str(error), todo=error.todo) from error
            dump = (
                DirectoryDump(program, snapshot, folder, **tools)
                if request.directory
                else PostgresDump(program, snapshot, **tools)
            )
            stack.callback(dump.close)
            yield dump
        shutil.rmtree(folder, ignore_errors=True)

    def _dump_arguments(self, snapshot: str) -> list[str]:
        arguments = [
            "--compress=0",
            f"--snapshot={snapshot}",
            "--no-password",
            f"--lock-wait-timeout={round(self.options.wait * 1000)}",
        ]
        options: dict[str, Any] = connections[self.alias].settings_dict.get("OPTIONS") or {}
        if options.get("assume_role"):
            arguments.append(f"--role={options['assume_role']}")
        return arguments

    def _limits(self) -> dict[str, str]:
        return {"PGCONNECT_TIMEOUT": str(max(2, round(self.options.connect_timeout)))}

    def facts(self, *, count: bool = True) -> Facts | None:
        with translate(RestoreError, _("Database %(alias)r can't be read", alias=self.alias)):
            settings = dict(binary_connector(self.alias).settings)
            with open_session(self.alias, self.options, settings) as cursor:
                tables = list_tables(cursor)
                if count:
                    rows = tuple(count_rows(cursor, tables).values())
                else:
                    rows = tuple(TableRows(schema=t.schema, name=t.name, rows=0) for t in tables)
                return read_facts(cursor, rows) if tables else None

    def has_rows(self) -> bool:
        with translate(RestoreError, _("Database %(alias)r can't be read", alias=self.alias)):
            settings = dict(binary_connector(self.alias).settings)
            with open_session(self.alias, self.options, settings) as cursor:
                return any(has_row(cursor, table) for table in list_tables(cursor))

    def names_for_restore(self, stamp: str) -> tuple[str, str]:
        return self._beside(f"_restore_{stamp}"), self._beside(f"_before_{stamp}")

    def _beside(self, suffix: str) -> str:
        kept = self.name.encode()[: _LONGEST_NAME - len(suffix.encode())]
        return kept.decode(errors="ignore") + suffix

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
            listing = list_archive(find_program("pg_restore", 0), raw)
        except ProgramError as error:
            return _("pg_restore can't read it (%(why)s)", why=error.why)
        return "" if " TABLE " in listing else _("it holds no table")

    def why_not_swap(self) -> str:
        with (
            translate(RestoreError, _("Database %(alias)r can't be read", alias=self.alias)),
            self._server().maintenance() as cursor,
        ):
            cursor.execute(
                "SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user"
            )
            superuser, may_create = cursor.fetchone()
            if scalar(cursor, "SELECT current_database()") == self.name:
                return _("no other database of its server lets its role in")
            owner = scalar(
                cursor,
                "SELECT pg_has_role(current_user, datdba, 'MEMBER')"
                " FROM pg_database WHERE datname = %s",
                self.name,
            )
        if not (superuser or may_create):
            return _("its role may not create databases")
        return "" if superuser or owner else _("its role does not own the database")

    def room_for(self, raw_bytes: int) -> str:
        """Only a server on this machine shows its disk, and only to those it trusts."""
        with contextlib.suppress(DatabaseError), self._server().session(self.name) as cursor:
            folder = Path(scalar(cursor, "SELECT current_setting('data_directory', true)") or "")
            size = int(scalar(cursor, "SELECT pg_database_size(current_database())"))
            if folder.is_absolute() and folder.is_dir():
                free = shutil.disk_usage(folder).free
                needed = max(size, raw_bytes)
                if free < needed:
                    return no_room(folder, free, needed)
        return ""

    def address(self, name: str) -> dict[str, object]:
        return {"NAME": name}

    def exists(self, name: str) -> bool:
        with translate(RestoreError, _("Database %(alias)r can't be read", alias=self.alias)):
            return name in self._server().databases()

    def remove(self, name: str) -> None:
        with translate(RestoreError, _("Database %(name)r was not removed", name=name)):
            self._server().drop(name)

    def settle(self, interrupted: Interrupted) -> bool:
        server = self._server()
        with translate(RestoreError, _("Database %(alias)r can't be looked at", alias=self.alias)):
            server.end_run(interrupted.label)
            if interrupted.strategy == "in place":
                return self._committed(server, interrupted.marker)
            there = server.databases()
            swapped = interrupted.new not in there and interrupted.kept in there
            with server.maintenance() as cursor:
                for name in {self.name, interrupted.kept} & there:
                    cursor.execute(f"ALTER DATABASE {quote_name(name)} ALLOW_CONNECTIONS true")
            if not swapped and interrupted.strategy != "undo":
                server.drop(interrupted.new)
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
            encoding = scalar(cursor, "SHOW server_encoding")
            version = int(scalar(cursor, "SHOW server_version_num"))
        with (
            throwaway_cluster(what, encoding, version) as address,
            pointed_at(self.alias, {**address, "NAME": "postgres"}),
        ):
            yield self

    def check(self, *, ask_server: bool) -> list[tuple[str, str]]:
        try:
            connector = binary_connector(self.alias)
            configured = connector.dump_cmd if connector.dump_cmd != "pg_dump" else ""
            server = self._server_version(dict(connector.settings)) if ask_server else 0
            find_program("pg_dump", server, configured)
            find_program("pg_restore", server)
        except TrustbackupError as error:
            return [(error.sentence, error.todo)]
        return []

    def _server_version(self, settings: dict[str, Any]) -> int:
        """libpq's number of the server's version; 0 when the server can't be asked."""
        try:
            with open_session(self.alias, self.options, settings) as cursor:
                return int(scalar(cursor, "SHOW server_version_num"))
        except (DatabaseError, OSError):
            return 0
