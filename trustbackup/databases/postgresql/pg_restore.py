"""Filling a database from an archive, as fast as the archive allows.

pg_restore only translates: what it prints is played over sessions of ours. The tables come
first, then the rows through several sessions, then keys and indexes side by side, and last
whose everything is and who may do what with it. An archive streams in once, decompressed on the
way and not written to the disk: its table of contents comes first, and that is all that the
other steps need.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from django.db import DatabaseError

from trustbackup.databases.feeder import Feeder
from trustbackup.databases.postgresql.archive import (
    Members,
    Outline,
    members,
    outline,
    save_head,
    unpack,
)
from trustbackup.databases.postgresql.check_constraints import (
    CheckConstraint,
    make_checks,
    put_off_checks,
)
from trustbackup.databases.postgresql.dump import DIRECTORY
from trustbackup.databases.postgresql.errors import explain
from trustbackup.databases.postgresql.extensions import (
    NO_ROWS,
    LeftOut,
    notes_of,
    without_missing,
)
from trustbackup.databases.postgresql.inventory import excused
from trustbackup.databases.postgresql.materialized_views import fill_views, still_to_fill
from trustbackup.databases.postgresql.parallel_copy import JOBS, ParallelCopy
from trustbackup.databases.postgresql.pooled import configure
from trustbackup.databases.postgresql.post_data import build
from trustbackup.databases.postgresql.restore_items import (
    Item,
    Player,
    Section,
    read_section,
    run_bytes,
)
from trustbackup.databases.postgresql.restore_script import Script
from trustbackup.databases.postgresql.rights import RIGHTS, Giving
from trustbackup.databases.postgresql.selection import select_tables
from trustbackup.databases.postgresql.session import Sessions
from trustbackup.databases.postgresql.subscriptions import notes_of_copies, without_slot
from trustbackup.databases.postgresql.tablespaces import only_usable
from trustbackup.databases.postgresql.tools import with_large_blocks
from trustbackup.databases.process import Program, output_of
from trustbackup.databases.values import Excused, LoadRequest
from trustbackup.exceptions import ProgramError, RestoreError
from trustbackup.phrases import gettext as _
from trustbackup.phrases import joined, one_line

_WITHOUT_RELOPTIONS = """
    SELECT format('%I.%I', n.nspname, c.relname)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence <> 't'
      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
      AND pg_has_role(c.relowner, 'USAGE')
      AND NOT coalesce(c.reloptions::text ~ '(autovacuum_enabled|parallel_workers)=', false)
"""
"""Tables that do not say themselves what autovacuum and parallel workers may do to them."""
_LOAD_RELOPTIONS = {"autovacuum_enabled": "false"}
"""How the server treats those tables until they have their indexes.

Autovacuum would go through them beside the load, and building an index would wait a second
before the server calls it off.
"""
if JOBS == 2:
    # Two indexes at a time keep two processors busy. The workers that the server adds to each
    # take a seventh more of their time; with more processors the last large index needs them.
    _LOAD_RELOPTIONS["parallel_workers"] = "0"


_AT_A_TIME = 100
"""Tables that are changed in one transaction: the server has room for so many locks."""


class Loader:
    """Fills one database from an archive; ``sessions`` opens one there."""

    def __init__(
        self,
        what: str,
        program: str,
        sessions: Sessions,
        request: LoadRequest,
        options: Sequence[str] = (),
    ) -> None:
        self.what = what
        self.sessions = sessions
        self.request = request
        self.program = program
        self.notes: list[str] = []
        """A sentence for each thing that could not come back as it was."""
        self._options = list(options)
        if not request.privileges:
            self._options.append("--no-privileges")
        self.listing = ""
        """The archive's table of contents."""
        self.left_out: frozenset[tuple[str, str]] = frozenset()
        """Tables of extensions that could not be made."""
        self.excused = Excused()
        self._checks: list[CheckConstraint] = []
        self._failed: list[LeftOut] = []
        self._jobs = JOBS
        self._held: list[str] = []
        self._items: list[Item] = []

    def load(self) -> None:
        """Raises RestoreError."""
        with tempfile.TemporaryDirectory(dir=self.request.workdir, prefix="restore-") as folder:
            archive = Path(folder) / "archive"
            try:
                if self.request.format == DIRECTORY:
                    self._directory(archive)
                else:
                    self._custom(archive)
            except (ProgramError, DatabaseError) as error:
                raise RestoreError(
                    self.what,
                    why=self._why(error),
                    todo=_("The live database was not touched."),
                ) from error

    def _why(self, error: ProgramError | DatabaseError) -> str:
        if isinstance(error, ProgramError):
            return one_line(error.why or error.what)
        why = explain(error)[0]
        # What is not there is often the cause of what went wrong after it.
        causes = [left.note for left in self._failed if left.item.kind == "EXTENSION"]
        return joined([why, *causes], "; ") if causes else why

    def _custom(self, archive: Path) -> None:
        save_head(self.program, self.request.open_raw, archive)
        self._choose(archive)
        self._make_tables(archive)
        with self.request.open_raw() as raw, Feeder(raw) as feeder:
            self._play([], feeder.read_end)
        self._build_indexes(archive)

    def _directory(self, archive: Path) -> None:
        archive.mkdir(mode=0o700)
        with members(self.request.open_raw, self.what) as files:
            plan = outline(self.program, files, archive, self._choose)
            if plan is None:
                unpack(files, archive)
                self._choose(archive)
            self._make_tables(archive)
            if plan is not None:
                self._deal(plan, files)
        if plan is None:
            self._play([str(archive)], None)
        self._build_indexes(archive)

    def _choose(self, archive: Path) -> list[str]:
        """The options for all that pg_restore prints, once the table of contents is there."""
        use_list = archive.with_name("list")
        if self.request.tables and not use_list.exists():
            use_list.write_text(
                select_tables(self.program, archive, self.request.tables, self.what), "utf-8"
            )
            self._options += ["--use-list", str(use_list)]
        return self._options

    def _section(self, name: str, archive: Path) -> Section:
        """Its items but those that are about rights, which come last."""
        argv = [self.program, f"--section={name}", "--file=-", *self._options, str(archive)]
        with Program(with_large_blocks(argv)) as program:
            section = read_section(program.read())
        with self.sessions() as cursor:
            items, notes = only_usable(section.items, cursor)
        self.notes += [note for note in notes if note not in self.notes]
        self.notes += notes_of_copies(items)
        items = [without_slot(item) for item in items]
        self._items += items
        return Section(section.preamble, [item for item in items if item.kind not in RIGHTS])

    def _make_tables(self, archive: Path) -> None:
        self.listing = output_of([self.program, "--list", str(archive)], timeout=600)
        section = self._section("pre-data", archive)
        with self.sessions() as cursor:
            configure(cursor, synchronous_commit="off")
            player = Player(cursor, section.preamble)
            player.play([_if_missing(item) for item in section.items], NO_ROWS)
            self._note(player.failed)
            if any(left.item.kind == "EXTENSION" for left in self._failed):
                listing, self.left_out = without_missing(self.listing, cursor)
                chosen = archive.with_name("list")
                chosen.write_text(listing, "utf-8")
                self._options += ["--use-list", str(chosen)]
            self._checks = put_off_checks(cursor)
        self._hold_tables()

    def _build_indexes(self, archive: Path) -> None:
        giving = Giving()
        if self.request.owners:
            with self.sessions() as cursor:
                lenient = self.request.lenient or bool(self._failed)
                giving.before_functions_run(cursor, self._items, self._left(), lenient=lenient)
        failed, notes = build(
            self._section("post-data", archive),
            self.sessions,
            self._jobs,
            lambda: self._alter_tables(f"RESET ({', '.join(_LOAD_RELOPTIONS)})"),
            NO_ROWS,
        )
        self._note(failed)
        self.notes += notes
        with self.sessions() as cursor:
            self.notes += make_checks(cursor, self._checks, inside=False)
            wanted = still_to_fill(self.request.filled, self._failed)
            if not self.request.tables:
                self._failed += fill_views(cursor, wanted, inside=False)
        self.notes += notes_of(self._failed)
        self.excused = excused(self._failed, None, self._options, self.request)
        if not self.request.owners:
            return
        with self.sessions() as cursor:
            lenient = self.request.lenient or bool(self._failed)
            giving.give(cursor, self._items, self._left(), lenient=lenient)
        self.notes += giving.given.notes
        self.excused = excused(self._failed, giving.given, self._options, self.request)

    def _left(self) -> set[int]:
        return {id(one.item) for one in self._failed}

    def _note(self, failed: Sequence[tuple[Item, DatabaseError]]) -> None:
        self._failed += [LeftOut(item, explain(problem)[0]) for item, problem in failed]

    def _hold_tables(self) -> None:
        with self.sessions() as cursor:
            cursor.execute(_WITHOUT_RELOPTIONS)
            self._held = [name for (name,) in cursor.fetchall()]
        changes = ", ".join(f"{name} = {value}" for name, value in _LOAD_RELOPTIONS.items())
        self._alter_tables(f"SET ({changes})")

    def _alter_tables(self, action: str) -> None:
        with self.sessions() as cursor:
            # What commits next and waits for the disk, the swap at the latest, takes this along.
            configure(cursor, synchronous_commit="off")
            for start in range(0, len(self._held), _AT_A_TIME):
                chunk = self._held[start : start + _AT_A_TIME]
                changes = [f"ALTER TABLE {table} {action};" for table in chunk]
                run_bytes(cursor, "\n".join(changes).encode())

    def _play(self, source: list[str], stdin: BinaryIO | None) -> None:
        """Load what pg_restore prints."""
        argv = [self.program, "--section=data", "--file=-", *self._options, *source]
        with (
            Program(with_large_blocks(argv), stdin=stdin) as program,
            ParallelCopy(self.sessions) as rows,
        ):
            self._jobs = min(JOBS, rows.width)
            Script(program).play(rows.run, rows.copy)

    def _deal(self, plan: Outline, files: Members) -> None:
        """Load the rows from where they lie in the tar."""
        missing = dict(plan.copies)
        with ParallelCopy(self.sessions) as rows:
            self._jobs = min(JOBS, rows.width)
            for text in plan.statements:
                rows.run(text)
            for name, source in files:
                if statement := missing.pop(name, b""):
                    rows.copy(statement, Script(source).rows())
        if missing:
            raise RestoreError(
                self.what,
                why=_(
                    "its archive lacks %(file)s, the rows of a table",
                    file=next(iter(missing)),
                ),
                todo=_("The live database was not touched; restore another backup."),
            )


def _if_missing(item: Item) -> Item:
    """Every new database has a schema "public"; a dump of chosen schemas makes it, too."""
    if item.kind != "SCHEMA":
        return item
    text = item.text.replace(b"CREATE SCHEMA ", b"CREATE SCHEMA IF NOT EXISTS ", 1)
    return replace(item, text=text)
