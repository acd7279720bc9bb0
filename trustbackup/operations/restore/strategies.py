"""The ways to restore a database: swap it, do it in place, or into another one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from trustbackup.databases.base import Replacement
from trustbackup.databases.values import Facts, InPlaceRequest
from trustbackup.exceptions import NothingKept, RestoreError
from trustbackup.operations.backup.create import create_backup
from trustbackup.operations.restore.database_restore import DatabaseRestore
from trustbackup.operations.restore.migrations import run_migrations
from trustbackup.operations.restore.own_tables import OWN_APP, SESSIONS, app_tables
from trustbackup.operations.restore.recover import end_swap, recovering
from trustbackup.operations.restore.result import RestoredDatabase
from trustbackup.operations.restore.sessions import find_session, put_session
from trustbackup.operations.restore.under_way import RUNS, has_runs
from trustbackup.phrases import gettext as _
from trustbackup.store.journal_entry import JournalEntry, State, Strategy


class SwapRestore(DatabaseRestore):
    """A new database is built beside the live one and changes places with it."""

    new: Replacement
    had_tables: bool

    @contextlib.contextmanager
    def prepared(self, entry: JournalEntry, now: datetime) -> Iterator[None]:
        new, previous = self.database.free_names(now)
        live = self.database.facts(count=False)
        self.had_tables = live is not None
        self.log = self.context.journal.writer(replace(entry, new=new, previous=previous))
        self.log.update()
        with recovering(self.database, self.log), self.database.replacement(new) as self.new:
            self.stage("creating")
            self._must_be_possible()
            self.new.create()
            self.facts = self.fill(self.new)
            self.judge_migrations(self.facts, live)
            if live is None or RUNS not in {table.name for table in live.tables}:
                self.conclude(new)
            yield

    def _must_be_possible(self) -> None:
        """Raises RestoreError for what came since the plan, before hours are spent on loading."""
        if why := self.database.why_not_swap():
            raise RestoreError(
                _("Database %(alias)r was not restored", alias=self.part.alias),
                why=why,
                todo=_("Mend that, or restore it in place, then try again."),
            )

    def complete(self) -> RestoredDatabase:
        entry = self.log.entry
        if self.request.migrate:
            self.migrate(entry.new)
        # As they are now: last, once everything that takes long is done.
        self.stage("carrying over")
        self.new.carry_over(app_tables(), OWN_APP)
        self.new.empty(SESSIONS)
        if session := find_session(self.part.alias, self.session):
            put_session(self.database, entry.new, session)
        self.stage("swapping")
        self.log.update(
            state=State.SWAPPING,
            marker=self.new.marker(),
            previous_marker=self.new.previous_marker(),
            rows=self.rows,
        )
        self.new.swap(entry.previous)
        self.changed = True
        end_swap(self.database, self.log)
        undo, previous = entry.id, entry.previous
        if not self.had_tables and self._is_empty(previous) and self._removed(previous):
            self.forget()
            undo = previous = ""
        self.note(*self.new.notes)
        return replace(self.outcome(), previous=previous, undo=undo)

    def _is_empty(self, previous: str) -> bool:
        """Tables may have come into it while the backup was loaded."""
        try:
            self.database.check_previous(previous, self.log.entry.previous_marker)
        except NothingKept:
            return True
        except RestoreError as error:
            self.note(str(error))
        return False

    def _removed(self, previous: str) -> bool:
        try:
            self.note(*self.database.remove(previous))
        except RestoreError as error:
            self.note(str(error))
            return False
        return True


class IntoRestore(DatabaseRestore):
    """Another database is made, under a name of the operator's choice; the live one stays."""

    new: Replacement

    @contextlib.contextmanager
    def prepared(self, entry: JournalEntry, now: datetime) -> Iterator[None]:
        # Under its own name only at the end: a journal that somebody kept and brought back later
        # names nothing but what is unfinished.
        name = self.database.unfinished_name(self.request.into, now)
        self.log = self.context.journal.writer(replace(entry, new=name))
        self.log.update()
        with recovering(self.database, self.log), self.database.replacement(name) as self.new:
            self.stage("creating")
            self.new.create()
            self.facts = self.fill(self.new)
            self.conclude(name)
            yield

    def complete(self) -> RestoredDatabase:
        self.new.empty(SESSIONS)
        self.new.stay(self.request.into)
        self.note(*self.new.notes)
        self.log.forget()
        return self.outcome()


class InPlaceRestore(DatabaseRestore):
    """The live database's content is replaced in one transaction."""

    @contextlib.contextmanager
    def prepared(self, entry: JournalEntry, now: datetime) -> Iterator[None]:
        # Asked again: when the plan was made it may have been empty still.
        if self.request.safety_backup and self.database.has_rows():
            made = create_backup(
                databases=[self.part.alias],
                name=f"Safety: before restoring {self.plan.entry.id}",
                keep=True,
                trigger="safety",
                report=self.report,
            )
            self.safety_backup = made.id
        self.log = self.context.journal.writer(entry)
        self.log.update()
        with recovering(self.database, self.log):
            yield

    def complete(self) -> RestoredDatabase:
        session = find_session(self.part.alias, self.session)
        had_runs = has_runs(self.part.alias)
        self.facts = self.database.restore_in_place(
            InPlaceRequest(
                load=self.load_request(),
                app_tables=app_tables(),
                own_app=OWN_APP,
                sessions=SESSIONS,
                accept=self._accept,
                note=self.note,
                on_commit=lambda marker: self.log.update(state=State.SWAPPING, marker=marker),
            )
        )
        self.changed = True
        self.forget()
        if not had_runs:
            self.conclude(self.database.name)
        if session:
            put_session(self.database, self.database.name, session)
        if self.request.migrate:
            run_migrations(self.part.alias)
        return self.outcome()

    def _accept(self, facts: Facts) -> None:
        """Raises RestoreError when the loaded database is not the backup, or not this site's."""
        leave_out = {*app_tables(), SESSIONS}
        self.must_equal(facts, leave_out, _("Everything was rolled back."))
        self.judge_migrations(facts, None)


STRATEGIES: Mapping[Strategy, type[DatabaseRestore]] = {
    Strategy.SWAP: SwapRestore,
    Strategy.IN_PLACE: InPlaceRestore,
    Strategy.INTO: IntoRestore,
}
"""An unknown way is none of them, and so a KeyError, never a swap."""
