"""What every way of restoring one database has in common: loading, and judging what was loaded."""

from __future__ import annotations

import abc
import logging
import time
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

from django.db import DatabaseError

from trustbackup.databases.alias import pointed_at
from trustbackup.databases.base import Database, Replacement
from trustbackup.databases.values import Facts, LoadRequest
from trustbackup.exceptions import RestoreError
from trustbackup.operations.context import Context
from trustbackup.operations.progress import Progress, Reporter
from trustbackup.operations.restore.comparison import compare, moved_rows
from trustbackup.operations.restore.inventory import filled_views, lost_objects, rights_of_all
from trustbackup.operations.restore.migrations import compare_migrations, run_migrations
from trustbackup.operations.restore.objections import unknown_migrations
from trustbackup.operations.restore.plan import PartPlan, RestorePlan
from trustbackup.operations.restore.result import RestoredDatabase
from trustbackup.operations.restore.source import raw_opener
from trustbackup.operations.restore.under_way import conclude
from trustbackup.phrases import gettext as _
from trustbackup.phrases import ngettext
from trustbackup.store.journal import JournalWriter
from trustbackup.store.journal_entry import JournalEntry, State

logger = logging.getLogger(__name__)


class DatabaseRestore(abc.ABC):
    """One database of a restore: ``prepared`` touches nothing live, ``complete`` does it."""

    log: JournalWriter
    facts: Facts
    """Of what was loaded."""

    def __init__(
        self,
        *,
        context: Context,
        plan: RestorePlan,
        part: PartPlan,
        database: Database,
        workdir: Path,
        report: Reporter,
    ) -> None:
        self.context, self.plan, self.part = context, plan, part
        self.database, self.workdir, self.report = database, workdir, report
        self.request = plan.request
        self.notes: tuple[str, ...] = ()
        self.session = ""
        """The hash of the operator's own, which goes on if it still does when all is loaded."""
        self.safety_backup = ""
        self.together = False
        """Whether other databases or folders are restored with it."""
        self.began = time.monotonic()
        self.changed = False
        """Whether the live database is the restored one, whatever else failed after that."""

    @abc.abstractmethod
    def prepared(self, entry: JournalEntry, now: datetime) -> AbstractContextManager[None]:
        """Do all that can fail before the live database is touched. Raises RestoreError.

        What was built is dropped at the end, unless it was put in its place; after any failure
        the database is in the old state or in the new one, and the journal says which.
        """

    @abc.abstractmethod
    def complete(self) -> RestoredDatabase:
        """Put it in its place. Raises RestoreError."""

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.facts.tables)

    @property
    def is_changed(self) -> bool:
        """The same, also when a failure came in the middle of the step that does it."""
        state = self.log.entry.state if hasattr(self, "log") else State.BUILDING
        return self.changed or state in (State.SWAPPED, State.DONE)

    def ready(self) -> None:
        """Note that it becomes the live one once anything of its restore is."""
        self.together = True
        self.log.update(state=State.READY)

    def forget(self) -> None:
        """Nothing is left to undo. What is restored with it must still find that it is live."""
        if self.together:
            self.log.update(state=State.DONE, previous="")
            self.log.ended = True
        else:
            self.log.forget()

    def outcome(self) -> RestoredDatabase:
        """What became of it so far."""
        undoable = self.log.entry.undoable
        return RestoredDatabase(
            alias=self.part.alias,
            strategy=self.part.strategy,
            rows=self.rows,
            previous=self.log.entry.previous if undoable else "",
            undo=self.log.entry.id if undoable else "",
            safety_backup=self.safety_backup,
            notes=self.notes,
        )

    def fill(self, new: Replacement) -> Facts:
        """Load the backup into a new database, and compare it with the manifest."""
        new.load(self.load_request())
        self.note(*new.notes)
        self.stage("comparing")
        facts = new.facts()
        if self.part.part is not None and not self.request.tables:
            self.must_equal(facts, set(), _LIVE_UNTOUCHED)
        return facts

    def must_equal(self, facts: Facts, leave_out: set[str], todo: str) -> None:
        """Raises RestoreError for the first difference between ``facts`` and the manifest."""
        if self.part.part is not None:
            problems = compare(facts, self.part.part, leave_out=leave_out)
            problems += lost_objects(facts, self.part.part, leave_out)
            for problem in problems:
                raise RestoreError(
                    _("Database %(alias)r was not restored", alias=self.part.alias),
                    why=_("after loading, %(problem)s", problem=problem),
                    todo=todo,
                )
            self.notes = (*self.notes, *moved_rows(facts, self.part.part))

    def load_request(self) -> LoadRequest:
        stage = f"restoring {self.part.alias}"
        return LoadRequest(
            open_raw=raw_opener(
                self.plan.entry, self.part.file, self.part.part, stage, self.report
            ),
            format=self.part.format,
            workdir=self.workdir,
            tables=self.request.tables,
            privileges=self.request.privileges,
            filled=filled_views(self.part.part),
            for_all=rights_of_all(self.part.part),
        )

    def judge_migrations(self, facts: Facts, live: Facts | None) -> None:
        """Raises RestoreError when what was loaded is not a database of this site's code."""
        state = compare_migrations(facts.migrations, live.migrations if live else ())
        if self.part.part is None and not self.request.allow_unknown_migrations:
            complaint = unknown_migrations(self.part.alias, state, facts.migrations, live)
            if complaint:
                raise RestoreError(
                    _("Backup %(id)s was not restored", id=self.plan.entry.id), why=complaint
                )
        if state.forward and not self.request.migrate:
            names = ", ".join(f"{app}.{name}" for app, name in state.forward[:5])
            note = ngettext(
                "%(number)d migration is still to be run (manage.py migrate): %(names)s.",
                "%(number)d migrations are still to be run (manage.py migrate): %(names)s.",
                len(state.forward),
                names=names,
            )
            self.note(note)

    def note(self, *sentences: str) -> None:
        """For the result; what was noted already is not said again."""
        new = [sentence for sentence in sentences if sentence not in self.notes]
        self.notes = (*self.notes, *new)

    def migrate(self, name: str) -> None:
        """Run the code's migrations on database ``name``."""
        self.stage("migrating")
        with pointed_at(self.part.alias, self.database.address(name)):
            run_migrations(self.part.alias)

    def conclude(self, name: str) -> None:
        """Say in database ``name`` what became of what was under way when the backup was made.

        Only where this app's tables come from the backup: those of the live database know more.
        """
        with pointed_at(self.part.alias, self.database.address(name)):
            try:
                conclude(self.part.alias, self.plan.entry.id, self.plan.manifest)
            except DatabaseError as error:
                logger.info("Runs of %s were left as they were: %s", name, error)

    def stage(self, action: str) -> None:
        self.report(Progress(stage=f"{action} {self.part.alias}"))


_LIVE_UNTOUCHED = _("The live database was not touched; restore another backup.")
