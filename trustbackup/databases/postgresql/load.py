"""Filling a database with pg_restore, as fast as the archive allows.

pg_restore makes the tables, and builds the keys and indexes with several workers at the end.
The rows between go through several sessions of ours. An archive streams in once,
decompressed on the way and not written to the disk: its table of contents comes first, and
that is all that the other two steps need.
"""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

from django.db import DatabaseError

from trustbackup.databases.postgresql.archive import (
    Members,
    Outline,
    members,
    outline,
    save_head,
    unpack,
)
from trustbackup.databases.postgresql.crew import JOBS, Crew, Sessions
from trustbackup.databases.postgresql.dump import DIRECTORY
from trustbackup.databases.postgresql.script import Script
from trustbackup.databases.postgresql.tools import (
    binary_connector,
    environment,
    find_program,
    take_address,
    with_large_blocks,
)
from trustbackup.databases.process import Feeder, Program, output_of
from trustbackup.databases.values import LoadRequest
from trustbackup.exceptions import ProgramError, RestoreError
from trustbackup.phrases import gettext as _
from trustbackup.phrases import one_line

_LEFT_TO_US = """
    SELECT format('%I.%I', n.nspname, c.relname)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence <> 't'
      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
      AND pg_has_role(c.relowner, 'USAGE')
      AND NOT coalesce(c.reloptions::text ~ '(autovacuum_enabled|parallel_workers)=', false)
"""
"""Tables that do not say themselves what autovacuum and parallel workers may do to them."""
_MEANWHILE = {"autovacuum_enabled": "false"}
"""How the server treats those tables until they have their indexes.

Autovacuum would go through them beside the load, and whoever builds an index waits a second
before the server calls it off.
"""
if JOBS == 2:
    # Two indexes at a time keep two processors busy. The workers that the server adds to each
    # take a seventh more of their time; with more processors the last large index needs them.
    _MEANWHILE["parallel_workers"] = "0"


class Loader:
    """pg_restore aimed at one database of an alias's server."""

    def __init__(
        self, alias: str, what: str, server_version: int, address: Mapping[str, str]
    ) -> None:
        self.alias = alias
        self.what = what
        self._server_version = server_version
        self._address = address

    def load(self, request: LoadRequest, sessions: Sessions) -> None:
        """``sessions`` opens one on that database. Raises RestoreError."""
        with tempfile.TemporaryDirectory(dir=request.workdir, prefix="restore-") as folder:
            work = _Load(self, request, sessions, Path(folder) / "archive")
            try:
                work.directory() if request.format == DIRECTORY else work.custom()
            except (ProgramError, DatabaseError) as error:
                why = error.why or error.what if isinstance(error, ProgramError) else str(error)
                raise RestoreError(
                    self.what,
                    why=one_line(why),
                    todo=_("The live database was not touched."),
                ) from error

    def run(self, arguments: Iterable[str], stdin: BinaryIO | None = None) -> None:
        """One pg_restore, built by dbbackup's connector. Raises RestoreError."""
        connector = binary_connector(self.alias)
        address = {**take_address(connector), **self._address}
        connector.restore_cmd = shlex.quote(self.program())
        connector.drop = connector.if_exists = connector.single_transaction = False

        def run_command(
            command: str, stdin: BinaryIO | None = None, env: Mapping[str, str] | None = None
        ) -> tuple[None, None]:
            fixed = ["--no-owner", "--exit-on-error", "--no-password"]
            with Program(
                [*shlex.split(command), *fixed, *arguments],
                environment(connector, env or {}, address),
                stdin=stdin,
                secrets=[address.get("PGPASSWORD", "")],
            ) as program:
                program.check()
            return None, None

        connector.run_command = run_command
        try:
            connector.restore_dump(stdin)
        except ProgramError as error:
            raise RestoreError(
                self.what, why=error.why or error.what, todo=_("The live database was not touched.")
            ) from error

    def program(self) -> str:
        connector = binary_connector(self.alias)
        configured = connector.restore_cmd if connector.restore_cmd != "pg_restore" else ""
        return find_program("pg_restore", self._server_version, configured)


class _Load:
    """One load: the tables, then the rows, then keys and indexes."""

    def __init__(
        self, loader: Loader, request: LoadRequest, sessions: Sessions, archive: Path
    ) -> None:
        self.loader = loader
        self.request = request
        self.sessions = sessions
        self.archive = archive
        self.options = [f"--table={table}" for table in request.tables]
        if not request.privileges:
            self.options.append("--no-privileges")
        self._held: list[str] = []

    def custom(self) -> None:
        save_head(self.loader.program(), self.request.open_raw, self.archive)
        self._make_tables()
        with self.request.open_raw() as raw:
            feeder = Feeder(raw)
            try:
                self._play([], feeder.read_end)
            finally:
                # Damage in the backup is the cause of what pg_restore complains about.
                feeder.finish()
        self._build_indexes()

    def directory(self) -> None:
        self.archive.mkdir(mode=0o700)
        with members(self.request.open_raw, self.loader.what) as files:
            plan = outline(self.loader.program(), files, self.archive, self.options)
            if plan is None:
                unpack(files, self.archive)
            self._make_tables()
            if plan is not None:
                self._deal(plan, files)
        if plan is None:
            self._play([str(self.archive)], None)
        self._build_indexes()

    def _make_tables(self) -> None:
        section = ["--section=pre-data", "--single-transaction"]
        self.loader.run([*self.options, *section, str(self.archive)])
        self._hold_tables()

    def _build_indexes(self) -> None:
        section = ["--section=post-data", "--jobs", str(JOBS)]
        self.loader.run([*self.options, *section, str(self.archive)])
        self._alter_tables(f"RESET ({', '.join(_MEANWHILE)})")

    def _hold_tables(self) -> None:
        # Event triggers would take note of the ALTER TABLE that ends this.
        listing = output_of([self.loader.program(), "--list", str(self.archive)], timeout=600)
        if " EVENT TRIGGER " not in listing:
            with self.sessions() as cursor:
                cursor.execute(_LEFT_TO_US)
                self._held = [name for (name,) in cursor.fetchall()]
            changes = ", ".join(f"{name} = {value}" for name, value in _MEANWHILE.items())
            self._alter_tables(f"SET ({changes})")

    def _alter_tables(self, action: str) -> None:
        with self.sessions() as cursor:
            # What commits next and waits for the disk, the swap at the latest, takes this along.
            cursor.execute("SET synchronous_commit = off")
            for table in self._held:
                cursor.execute(f"ALTER TABLE {table} {action}")

    def _play(self, source: list[str], stdin: BinaryIO | None) -> None:
        """Load what pg_restore prints."""
        argv = [self.loader.program(), "--section=data", "--file=-", *self.options, *source]
        with Program(with_large_blocks(argv), stdin=stdin) as program, Crew(self.sessions) as crew:
            Script(program).play(crew.run, crew.copy)

    def _deal(self, plan: Outline, files: Members) -> None:
        """Load the rows from where they lie in the tar."""
        missing = dict(plan.copies)
        with Crew(self.sessions) as crew:
            for text in plan.statements:
                crew.run(text)
            for name, source in files:
                if statement := missing.pop(name, ""):
                    crew.copy(statement, Script(source).rows())
        if missing:
            raise RestoreError(
                self.loader.what,
                why=_(
                    "its archive lacks %(file)s, the rows of a table",
                    file=next(iter(missing)),
                ),
                todo=_("The live database was not touched; restore another backup."),
            )
