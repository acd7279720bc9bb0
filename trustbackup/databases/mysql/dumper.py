"""Starting mariadb-dump or mysqldump by dbbackup's connector, and reading what it writes."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator, Mapping, Sequence

from dbbackup.db.base import get_connector
from dbbackup.db.mysql import MysqlDumpConnector

from trustbackup.databases.base import Dump
from trustbackup.databases.mysql.address import Address, server_of
from trustbackup.databases.mysql.dump import MySQLDump
from trustbackup.databases.mysql.errors import translate
from trustbackup.databases.mysql.programs import ClientProgram, commands_of, find_dumper
from trustbackup.databases.mysql.snapshot import Snapshot
from trustbackup.databases.process import Program
from trustbackup.databases.values import DumpRequest, Options
from trustbackup.exceptions import DumpError, ProgramError, UsageError
from trustbackup.phrases import gettext as _

_CONSISTENT = ("--single-transaction", "--quick", "--hex-blob", "--routines", "--skip-triggers")
_HISTORY = "--dump-history"
_SECOND = (
    *("--no-data", "--no-create-info", "--skip-lock-tables", "--triggers", "--events"),
    "--skip-routines",
)
_SECOND_IF_KNOWN = ("--add-drop-trigger", "--no-create-db")
_BOTH_IF_KNOWN = (
    *("--no-tablespaces", "--column-statistics=0", "--set-gtid-purged=OFF", "--skip-dump-date"),
    "--max-allowed-packet=1G",
)
"""What keeps a dump from asking for rights that only administrators have, and from stopping at
a row of more than 24 MB."""


@contextlib.contextmanager
def running_dump(alias: str, options: Options, what: str, request: DumpRequest) -> Iterator[Dump]:
    """Raises DumpError, UsageError."""
    if request.directory:
        raise UsageError(
            _("Database %(alias)r can't be dumped as a directory", alias=alias),
            why=_("MySQL's dumpers write one stream"),
            todo=_("Leave --format out."),
        )
    connector = mysql_connector(alias)
    address = Address(alias, options, dict(connector.settings))
    with contextlib.ExitStack() as stack:
        with translate(DumpError, what), address.session() as cursor:
            program = find_dumper(server_of(cursor), commands_of(connector)[0])
        snapshot = Snapshot(
            stack,
            address,
            what,
            content=request.content,
            compare=request.compare,
            excluded=request.excluded,
            absent=connector.exclude,
            history=program.knows(_HISTORY),
        )
        left_out = _left_out(program, snapshot, what)
        snapshot.begin()
        rows = [] if snapshot.counted_by_us else ["--skip-extended-insert"]
        both = [*program.known(*_BOTH_IF_KNOWN), *program.more]
        history = [_HISTORY] if snapshot.has_history else []
        events = program.known("--skip-events")
        first = [*_CONSISTENT, *history, *events, *both, *left_out, *rows]
        second = [*_SECOND, *program.known(*_SECOND_IF_KNOWN), *both, *left_out]
        file = stack.enter_context(address.option_file(program))

        def start(arguments: Sequence[str]) -> Program:
            arguments = [*arguments, "--", snapshot.schema]
            return _start(connector, program, address, file.argument, file.inherited, arguments)

        try:
            dump = MySQLDump(
                snapshot,
                f"{type(connector).__module__}.{type(connector).__qualname__}",
                program,
                [lambda: start(first), lambda: start(second)],
            )
        except ProgramError as error:
            raise DumpError(what, why=str(error), todo=error.todo) from error
        stack.callback(dump.close)
        yield dump


def mysql_connector(alias: str) -> MysqlDumpConnector:
    """dbbackup's connector, with ``DBBACKUP_CONNECTORS[alias]``, for whatever backend it is."""
    connector = get_connector(alias)
    if not isinstance(connector, MysqlDumpConnector):
        connector = get_connector(alias, connector_path="dbbackup.db.mysql.MysqlDumpConnector")
    return connector


def _left_out(program: ClientProgram, snapshot: Snapshot, what: str) -> list[str]:
    """``--ignore-table`` for what the site's connector leaves out, and for rows not wanted."""
    found = [f"--ignore-table={snapshot.schema}.{name}" for name in snapshot.absent]
    if snapshot.excluded and not program.knows("--ignore-table-data"):
        raise DumpError(
            what,
            why=_("%(path)s can't leave out rows alone", path=program.path),
            todo=_("Install MariaDB's client programs, or leave no table out."),
        )
    names = (table.name for table in snapshot.excluded)
    return found + [f"--ignore-table-data={snapshot.schema}.{name}" for name in names]


def _start(
    connector: MysqlDumpConnector,
    program: ClientProgram,
    address: Address,
    option_file: str,
    inherited: Sequence[int],
    arguments: Sequence[str],
) -> Program:
    """Run what the connector builds, but for the address, which is ours."""
    connector.dump_cmd = shlex.quote(program.path)
    connector.exclude = []
    blank = dict.fromkeys(("NAME", "USER", "HOST", "PORT", "PASSWORD"), "")
    connector._settings = {**connector.settings, **blank}  # noqa: SLF001 - its cache

    def run_command(
        command: str, _stdin: object = None, env: Mapping[str, str] | None = None
    ) -> tuple[Program, Program]:
        words = shlex.split(command)
        # The option file has to come before any other option, the dumper's prefix before both.
        place = words.index(program.path) + 1
        argv = [*words[:place], option_file, *words[place:], *arguments]
        environment = address.environment(
            connector.env, env or {}, inherit=bool(connector.use_parent_env)
        )
        running = Program(
            argv,
            environment,
            secrets=address.secrets(),
            name=program.path.rpartition("/")[2],
            inherited=inherited,
        )
        return running, running

    connector.run_command = run_command
    started: Program = connector.create_dump()
    return started
