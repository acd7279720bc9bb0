"""Starting pg_dump, by dbbackup's connector, on a snapshot of ours."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
from collections.abc import Iterator, Mapping

from dbbackup.db.postgresql import PgDumpBinaryConnector
from django.db import DatabaseError

from trustbackup.databases.base import Dump
from trustbackup.databases.postgresql.address import Address, ProgramAddress
from trustbackup.databases.postgresql.configured import extensions_beside, hidden_tables
from trustbackup.databases.postgresql.dump import DirectoryDump, PostgresDump
from trustbackup.databases.postgresql.errors import translate
from trustbackup.databases.postgresql.large_objects import check_large_objects
from trustbackup.databases.postgresql.row_security import check_row_security
from trustbackup.databases.postgresql.session import scalar
from trustbackup.databases.postgresql.snapshot import Snapshot
from trustbackup.databases.postgresql.tools import (
    binary_connector,
    find_dumper,
    find_reader,
    version_of,
    version_text,
    with_large_blocks,
)
from trustbackup.databases.process import Program
from trustbackup.databases.values import DumpRequest, Options
from trustbackup.exceptions import DumpError, ProgramError


@contextlib.contextmanager
def running_dump(alias: str, options: Options, what: str, request: DumpRequest) -> Iterator[Dump]:
    """Raises DumpError."""
    connector = binary_connector(alias)
    address = Address(alias, options, dict(connector.settings))
    with contextlib.ExitStack() as stack:
        with translate(DumpError, what):
            cursor = stack.enter_context(address.session())
            program = find_dumper(connector, int(scalar(cursor, "SHOW server_version_num")))
            where = address.of_program(cursor)
            beside = []
            if connector.schemas and version_of(program[0]) >= 14:
                beside = extensions_beside(cursor, [shlex.split(s)[0] for s in connector.schemas])
            if not connector.schemas:  # else pg_dump leaves them out
                check_large_objects(cursor, what)
        snapshot = Snapshot(
            cursor,
            what,
            address.session,
            label=options.label,
            content=request.content,
            compare=request.compare,
            excluded=request.excluded,
        )
        folder = request.workdir / "directory"
        hollow = [*snapshot.hidden.values(), *(table.quoted for table in snapshot.excluded)]
        beside += [f"--exclude-table-data={name}" for name in hollow]
        arguments = [*program[1:], *beside, "--compress=0", f"--snapshot={snapshot.id}"]
        arguments.append(f"--lock-wait-timeout={round(options.wait * 1000)}")
        if request.directory:
            # Through a pooler there may be no connection for any worker.
            jobs = 1 if address.pooled else max(2, min(8, os.cpu_count() or 1))
            arguments += ["--format=directory", f"--jobs={jobs}", f"--file={folder}", "--no-sync"]
        try:
            running = _start(connector, program[0], where, arguments)
        except ProgramError as error:
            raise DumpError(what, why=str(error), todo=error.todo) from error
        tools = {
            "connector": f"{type(connector).__module__}.{type(connector).__qualname__}",
            "version": version_text(program[0]),
            "restore": find_reader(alias),
        }
        dump = (
            DirectoryDump(running, snapshot, folder, **tools)
            if request.directory
            else PostgresDump(running, snapshot, **tools)
        )
        stack.callback(dump.close)
        yield dump
    shutil.rmtree(folder, ignore_errors=True)


def check_readable(alias: str, options: Options, what: str) -> None:
    """Whether the role that dumps may see every row; nothing is said where nobody answers.

    Raises DumpError.
    """
    connector = binary_connector(alias)
    address = Address(alias, options, dict(connector.settings))
    with contextlib.suppress(DatabaseError, OSError), address.session() as cursor:
        check_row_security(cursor, what, hidden_tables(cursor))
        if not connector.schemas:
            check_large_objects(cursor, what)


def _start(
    connector: PgDumpBinaryConnector, pg_dump: str, where: ProgramAddress, arguments: list[str]
) -> Program:
    """Run what the connector builds, but for the address, which is ours."""
    connector.dump_cmd = shlex.quote(pg_dump)
    blank = dict.fromkeys(("NAME", "USER", "HOST", "PORT", "PASSWORD"), "")
    connector._settings = {**connector.settings, **blank, "OPTIONS": {}}  # noqa: SLF001 - its cache

    def run_command(
        command: str, _stdin: object = None, env: Mapping[str, str] | None = None
    ) -> tuple[Program, Program]:
        built = [word for word in shlex.split(command) if not word.startswith("--dbname=")]
        program = Program(
            with_large_blocks([*built, *where.arguments, *arguments]),
            where.environment(connector.env, env or {}, inherit=bool(connector.use_parent_env)),
            secrets=where.secrets,
            name="pg_dump",
        )
        return program, program

    connector.run_command = run_command
    program: Program = connector.create_dump()
    return program
