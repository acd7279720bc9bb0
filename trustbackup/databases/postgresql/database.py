"""One PostgreSQL database: dump it, count it, replace it."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.db import DatabaseError, connections

from trustbackup.databases.base import Database, Dump, Replacement
from trustbackup.databases.postgresql.dump import PostgresDump, Snapshot, list_archive
from trustbackup.databases.postgresql.replacement import PostgresReplacement
from trustbackup.databases.postgresql.session import (
    count_rows,
    list_tables,
    open_session,
    scalar,
    translate,
)
from trustbackup.databases.postgresql.tools import (
    binary_connector,
    environment,
    find_program,
    take_address,
    version_text,
)
from trustbackup.databases.process import Program
from trustbackup.exceptions import DumpError, ProgramError, RestoreError, TrustbackupError
from trustbackup.store.streams import Readable

_LONGEST_NAME = 63
"""Bytes that PostgreSQL keeps of a name."""


class PostgreSQL(Database):
    """A PostgreSQL database."""

    engine = "postgresql"
    format = "pg_dump custom"
    magic = b"PGDMP"

    @property
    def name(self) -> str:
        return str(connections[self.alias].settings_dict["NAME"])

    @contextlib.contextmanager
    def dump(self, workdir: Path) -> Iterator[Dump]:
        what = f"Database {self.alias!r} was not dumped"
        connector = binary_connector(self.alias)
        with contextlib.ExitStack() as stack:
            with translate(DumpError, what):
                settings = dict(connector.settings)
                cursor = stack.enter_context(open_session(self.alias, self.options, settings))
                server = int(scalar(cursor, "SHOW server_version_num"))
            configured = connector.dump_cmd if connector.dump_cmd != "pg_dump" else ""
            pg_dump = find_program("pg_dump", server, configured)
            pg_restore = find_program("pg_restore", server)
            snapshot = Snapshot(cursor, what)
            address = take_address(connector)
            connector.dump_cmd = shlex.quote(pg_dump)

            def run_command(
                command: str, _stdin: object = None, env: Mapping[str, str] | None = None
            ) -> tuple[Program, Program]:
                argv = [*shlex.split(command), *self._dump_arguments(snapshot.id)]
                program = Program(
                    argv,
                    environment(connector, env or {}, address, self._limits()),
                    secrets=[address.get("PGPASSWORD", "")],
                )
                return program, program

            connector.run_command = run_command
            try:
                program: Program = connector.create_dump()
            except ProgramError as error:
                raise DumpError(what, why=str(error), todo=error.todo) from error
            dump = PostgresDump(
                program,
                snapshot,
                connector=f"{type(connector).__module__}.{type(connector).__qualname__}",
                tool_version=version_text(pg_dump),
                pg_restore=pg_restore,
            )
            stack.callback(dump.close)
            yield dump

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

    def rows(self) -> int:
        with translate(RestoreError, f"Database {self.alias!r} can't be read"):
            settings = dict(binary_connector(self.alias).settings)
            with open_session(self.alias, self.options, settings) as cursor:
                return sum(t.rows for t in count_rows(cursor, list_tables(cursor)).values())

    def names_for_restore(self, stamp: str) -> tuple[str, str]:
        return self._beside(f"_restore_{stamp}"), self._beside(f"_before_{stamp}")

    def _beside(self, suffix: str) -> str:
        kept = self.name.encode()[: _LONGEST_NAME - len(suffix.encode())]
        return kept.decode(errors="ignore") + suffix

    def replacement(self, name: str, workdir: Path) -> Replacement:
        return PostgresReplacement(self.alias, self.options, live=self.name, name=name)

    def inspect(self, archive: Readable) -> str:
        try:
            # The newest program reads every older archive; no server is asked.
            listing = list_archive(find_program("pg_restore", 0), archive)
        except ProgramError as error:
            return f"pg_restore can't read it ({error.why})"
        return "" if " TABLE " in listing else "it holds no table"

    def check(self, *, ask_server: bool) -> list[tuple[str, str]]:
        try:
            connector = binary_connector(self.alias)
            configured = connector.dump_cmd if connector.dump_cmd != "pg_dump" else ""
            server = self._server_version(dict(connector.settings)) if ask_server else 0
            find_program("pg_dump", server, configured)
            find_program("pg_restore", server)
        except TrustbackupError as error:
            return [(f"{error.what}: {error.why}.", error.todo)]
        return []

    def _server_version(self, settings: dict[str, Any]) -> int:
        """libpq's number of the server's version; 0 when the server can't be asked."""
        try:
            with open_session(self.alias, self.options, settings) as cursor:
                return int(scalar(cursor, "SHOW server_version_num"))
        except (DatabaseError, OSError):
            return 0
