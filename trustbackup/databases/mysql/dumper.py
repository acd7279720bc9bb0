"""Starting mariadb-dump or mysqldump by dbbackup's connector, and reading what it writes."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from dbbackup.db.base import get_connector
from dbbackup.db.mysql import MysqlDumpConnector

from trustbackup.databases.base import Dump
from trustbackup.databases.mysql.address import Address, server_of
from trustbackup.databases.mysql.errors import translate
from trustbackup.databases.mysql.inspector import Inspector
from trustbackup.databases.mysql.programs import ClientProgram, commands_of, find_dumper
from trustbackup.databases.mysql.snapshot import Snapshot
from trustbackup.databases.process import Program
from trustbackup.databases.values import DumpRequest, Facts, OpenRaw, Options, TableRows
from trustbackup.exceptions import DumpError, ProgramError, UsageError
from trustbackup.phrases import gettext as _
from trustbackup.store.inventory import names_in
from trustbackup.store.streams import BLOCK

BOUNDARY = b"\n-- trustbackup: triggers and events, after everything else\n\n"
"""Divides the two dumps that a stream holds; a load beside the live database ends here.

A copy's events would run at once, and its triggers keep its tables from being renamed.
"""
_CONSISTENT = ("--single-transaction", "--quick", "--hex-blob", "--routines", "--skip-triggers")
_FIRST_IF_KNOWN = ("--dump-history", "--skip-events")
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
_TRIGGER = re.compile(rb"DROP TRIGGER IF EXISTS `((?:[^`]|``)*)` \*/")
_EVENT = re.compile(rb"DROP EVENT IF EXISTS `((?:[^`]|``)*)` ?\*/")
_NO_BODY = "insufficient privileges to SHOW CREATE"
SEE_ROUTINES = _(
    "Give the user SHOW CREATE ROUTINE (MariaDB from 11.3), SHOW_ROUTINE (MySQL) or SELECT on"
    " mysql.proc, then try again."
)
"""What lets a user see routines that somebody else has made."""
_LARGEST_SECOND = 64 << 20
_ROUTINES = ("function", "procedure", "package", "package body")


class MySQLDump(Dump):
    """Two dumps in one stream: all tables, views and routines, then triggers and events."""

    suffix = "dump"
    step = BLOCK // 4

    def __init__(
        self, snapshot: Snapshot, connector: str, program: ClientProgram, starts: Sequence[Any]
    ) -> None:
        self.connector = connector
        self.tool_version = program.version_text
        self.format = "mysqldump"
        self.estimate = snapshot.estimate
        self._snapshot = snapshot
        self._maker = program
        self._starts = iter(starts)
        self._program: Program = next(self._starts)()
        self._inspector = Inspector(count=not snapshot.counted_by_us)
        self._first: Inspector | None = None
        """What was in the first dump, once it is over."""
        self._head = b""
        self._second = bytearray()
        self._pending = b""
        self._pool = ThreadPoolExecutor(1, "trustbackup-facts")
        self._counting: Future[Facts] | None = None

    def readinto(self, buffer: memoryview, /) -> int:
        if self._pending:
            piece, self._pending = self._pending[: len(buffer)], self._pending[len(buffer) :]
            buffer[: len(piece)] = piece
            return len(piece)
        count = self._read(buffer)
        if count:
            self._look_at(buffer[:count])
            return count
        if not self._inspector.whole:
            raise DumpError(
                self._snapshot.what,
                why=_("%(program)s ended without its last line", program=self._program.name),
                todo=_("Look into the server's log, then try again."),
            )
        if self._first is not None:
            return 0
        self._first, self._inspector = self._inspector, Inspector()
        self._begun()
        self._program.close()
        with self._one_sentence():
            self._program = next(self._starts)()
        self._pending = BOUNDARY
        return self.readinto(buffer)

    def _look_at(self, block: memoryview) -> None:
        if len(self._head) < 64 and self._first is None:
            self._head += bytes(block[:64])
            self.format = _format_of(self._head)
        self._inspector.feed(block)
        if self._first is not None:
            self._second += block
            if len(self._second) > _LARGEST_SECOND:
                raise DumpError(self._snapshot.what, why=_("its triggers and events are too large"))
        elif self._inspector.begun:
            self._begun()

    def _begun(self) -> None:
        if self._counting is None:
            self._snapshot.begun()
            self._counting = self._pool.submit(self._snapshot.count)

    def _read(self, buffer: memoryview) -> int:
        with self._one_sentence():
            return self._program.readinto(buffer)

    @contextlib.contextmanager
    def _one_sentence(self) -> Iterator[None]:
        try:
            yield
        except ProgramError as error:
            todo = error.todo or _("Mend that, then make the backup again.")
            if _NO_BODY in str(error):
                todo = SEE_ROUTINES
            raise DumpError(self._snapshot.what, why=str(error), todo=todo) from error

    def facts(self, open_raw: OpenRaw) -> Facts:
        """Rows as our snapshot has them, of objects that are all in the dump. Raises DumpError."""
        assert self._counting is not None  # noqa: S101 - the stream was read to its end
        assert self._first is not None  # noqa: S101
        facts = self._counting.result()
        missing = sorted(self._expected(facts) - self._first.objects - self._seconds())
        if missing:
            kind, name = missing[0]
            raise DumpError(
                self._snapshot.what,
                why=_("%(kind)s %(name)s is not in the dump", kind=kind, name=name),
                todo=SEE_ROUTINES
                if kind in _ROUTINES
                else _("If it was not removed meanwhile, see that the user may read it."),
            )
        tables = facts.tables
        if not self._snapshot.counted_by_us:
            rows = self._first.rows
            tables = tuple(
                TableRows(schema="", name=one.name, rows=rows[one.name]) for one in tables
            )
        excluded = tuple(table.name for table in self._snapshot.excluded)
        return replace(facts, tables=tables, excluded=excluded)

    def _expected(self, facts: Facts) -> set[tuple[str, str]]:
        objects = facts.inventory.objects if facts.inventory else {}
        found = {("table", table.name) for table in facts.tables}
        for kind in ("view", "sequence", "event", *_ROUTINES):
            found |= {(kind, name) for name in names_in(objects.get(kind, ""))}
        if self._maker.knows("--add-drop-trigger"):
            names = names_in(objects.get("trigger", ""))
            found |= {("trigger", name.partition(".")[2]) for name in names}
        return (
            found
            - {("view", name) for name in self._absent}
            - {("sequence", name) for name in self._absent}
        )

    @property
    def _absent(self) -> set[str]:
        return set(self._snapshot.absent)

    def _seconds(self) -> set[tuple[str, str]]:
        return {
            (kind, name.decode(errors="replace").replace("``", "`"))
            for kind, pattern in (("trigger", _TRIGGER), ("event", _EVENT))
            for name in pattern.findall(self._second)
        }

    def close(self) -> None:
        self._program.close()
        self._pool.shutdown(wait=True, cancel_futures=True)


def _format_of(head: bytes) -> str:
    if head.startswith(b"/*M!999999"):
        return "mariadb-dump in the sandbox"
    return "mariadb-dump" if head.startswith(b"-- MariaDB") else "mysqldump"


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
            history=program.knows("--dump-history"),
        )
        left_out = _left_out(program, snapshot, what)
        snapshot.begin()
        rows = [] if snapshot.counted_by_us else ["--skip-extended-insert"]
        both = [*program.known(*_BOTH_IF_KNOWN), *program.more]
        first = [*_CONSISTENT, *program.known(*_FIRST_IF_KNOWN), *both, *left_out, *rows]
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
