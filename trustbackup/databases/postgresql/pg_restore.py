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
from trustbackup.databases.postgresql.held_tables import HeldTables
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
)
from trustbackup.databases.postgresql.restore_script import Script
from trustbackup.databases.postgresql.rights import RIGHTS, Giving
from trustbackup.databases.postgresql.scratch_role import Superuser, helping
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


class Loader:
    """Fills one database from an archive; ``sessions`` opens one there."""

    def __init__(
        self,
        what: str,
        program: str,
        sessions: Sessions,
        request: LoadRequest,
        options: Sequence[str] = (),
        superuser: Superuser | None = None,
    ) -> None:
        self.what = what
        self.sessions = sessions
        self.request = request
        self.program = program
        self.notes: list[str] = []
        """A sentence for each thing that could not come back as it was."""
        self._options = list(options)
        self._superuser = superuser
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
        self._held = HeldTables(sessions)
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
        items, notes = only_usable(section.items, self.sessions)
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
            with helping(self._superuser, section.preamble) as player.helper:
                player.play([_if_missing(item) for item in section.items], NO_ROWS)
            self._note(player.failed)
            if any(left.item.kind == "EXTENSION" for left in self._failed):
                listing, self.left_out = without_missing(self.listing, cursor)
                chosen = archive.with_name("list")
                chosen.write_text(listing, "utf-8")
                self._options += ["--use-list", str(chosen)]
            self._checks = put_off_checks(cursor)
        self._held.hold()

    def _build_indexes(self, archive: Path) -> None:
        giving = Giving()
        if self.request.owners:
            with self.sessions() as cursor:
                lenient = self.request.lenient or bool(self._failed)
                giving.before_functions_run(cursor, self._items, self._left(), lenient=lenient)
        section = self._section("post-data", archive)
        with helping(self._superuser, section.preamble) as helper:
            failed, notes = build(
                section,
                self.sessions,
                self._jobs,
                self._held.release,
                NO_ROWS,
                helper,
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
            if self.request.privileges and not self.request.tables:
                giving.give_to_all(cursor, self.request.for_all)
        self.notes += giving.given.notes
        self.excused = excused(self._failed, giving.given, self._options, self.request)

    def _left(self) -> set[int]:
        return {id(one.item) for one in self._failed}

    def _note(self, failed: Sequence[tuple[Item, DatabaseError]]) -> None:
        self._failed += [LeftOut(item, explain(problem)[0]) for item, problem in failed]

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
