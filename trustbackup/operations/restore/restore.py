"""Go back to a backup: build its databases and folders beside the live ones, compare, then swap.

Every step that a crash could interrupt is in the journal first, so that the next command can
tell which state is in place and clean up. All are built and compared before the first of them is
put in its place; once it is, the others follow, if need be by the next command.
"""

from __future__ import annotations

import contextlib
import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trustbackup.exceptions import Cancelled, RestoreError
from trustbackup.operations.context import Context
from trustbackup.operations.progress import Reporter, quiet
from trustbackup.operations.restore.database_restore import DatabaseRestore
from trustbackup.operations.restore.guard import only_restore
from trustbackup.operations.restore.plan import PartPlan, RestorePlan
from trustbackup.operations.restore.recover import forget_ended
from trustbackup.operations.restore.result import (
    OnDatabase,
    RestoredDatabase,
    RestoreResult,
    stopped,
)
from trustbackup.operations.restore.strategies import STRATEGIES
from trustbackup.phrases import gettext as _
from trustbackup.store import catalog
from trustbackup.store.journal_entry import JournalEntry, Strategy
from trustbackup.store.manifest import format_time

if TYPE_CHECKING:
    from trustbackup.operations.restore.media_plan import MediaPlan
    from trustbackup.operations.restore.media_restore import FolderRestore

logger = logging.getLogger(__name__)


def restore_backup(
    plan: RestorePlan,
    report: Reporter = quiet,
    *,
    files: MediaPlan | None = None,
    session: str = "",
    on_database: OnDatabase = lambda _database: None,
) -> RestoreResult:
    """Carry a plan out, and with it that of the backup's uploaded ``files``.

    Raises RestoreError; a database not yet swapped is as it was then.

    All sessions end but the one that ``session`` tells (see ``sessions.hash_of``).
    ``on_database`` is told of each database that is the restored one, also when another fails.
    """
    what = _("Backup %(id)s was not restored", id=plan.entry.id)
    if refusals := [*plan.refusals, *(files.refusals if files else ())]:
        raise RestoreError(what, why=refusals[0])
    work = _Together(Context.current(), plan, files, report, session)
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(plan.entry.in_use())
            work.prepare(stack)
            work.complete(on_database)
    except (Exception, Cancelled, KeyboardInterrupt) as error:
        changed = work.changed()
        if changed:
            what = _("Backup %(id)s was restored in part", id=plan.entry.id)
        wrapped = stopped(what, work.aliases, changed, error)
        if wrapped is error:
            raise
        raise wrapped from error
    finally:
        if work.is_begun():
            catalog.synchronise(work.context.folder, afresh=True)
    return RestoreResult(id=plan.entry.id, databases=work.done)


class _Together:
    """All that one restore puts in its place."""

    def __init__(
        self,
        context: Context,
        plan: RestorePlan,
        files: MediaPlan | None,
        report: Reporter,
        session: str,
    ) -> None:
        self.context, self.plan, self.report, self.session = context, plan, report, session
        self.folder_plans = [each for each in files.folders if each.target] if files else []
        self.databases: list[DatabaseRestore] = []
        self.folders: list[FolderRestore] = []
        self.done: list[RestoredDatabase] = []

    @property
    def aliases(self) -> list[str]:
        """Of databases, and of folders."""
        folders = [each.target.alias for each in self.folder_plans if each.target]
        return [*(part.alias for part in self.plan.parts), *folders]

    def is_begun(self) -> bool:
        """Whether a live database is the restored one."""
        return any(restore.is_changed for restore in self.databases)

    def prepare(self, stack: contextlib.ExitStack) -> None:
        """Build all of it beside what is live. Raises RestoreError, Busy."""
        for alias in sorted(self.aliases):
            stack.enter_context(only_restore(self.context, alias))
        now = datetime.now(UTC)
        for part in self.plan.parts:
            restore = _begin(self.context, self.plan, part, now, self.report, self.session, stack)
            self.databases.append(restore)
            stack.enter_context(restore.prepared(_entry(self.plan, part, now), now))
        for each in self.folder_plans:
            from trustbackup.operations.restore.media_restore import FolderRestore

            folder = FolderRestore(self.context, self.plan.entry, each, self.report)
            folder.must_follow = self.is_begun
            self.folders.append(folder)
            stack.enter_context(folder.prepared(now))
        if len(self.aliases) > 1:
            for restore in self.databases:
                restore.ready()
            for folder in self.folders:
                folder.ready()

    def complete(self, on_database: OnDatabase) -> None:
        """Put it in its place. What may fail most easily comes first: a swap is two names, or one
        copy; that of a folder is a rename."""
        for restore in sorted(self.databases, key=lambda r: r.part.strategy is Strategy.SWAP):
            self.done.append(restore.complete())
            on_database(self.done[-1])
            _log(self.plan, restore, self.done[-1].rows)
        for folder in self.folders:
            self.done.append(folder.complete())
            on_database(self.done[-1])
        forget_ended(self.context)

    def changed(self) -> list[RestoredDatabase]:
        """What is the restored one, also where its end was not told."""
        known = {item.alias for item in self.done}
        late = [r.outcome() for r in self.databases if r.is_changed and r.part.alias not in known]
        late += [f.outcome() for f in self.folders if f.is_changed and f.target.alias not in known]
        return [*self.done, *late]


def _begin(
    context: Context,
    plan: RestorePlan,
    part: PartPlan,
    now: datetime,
    report: Reporter,
    session: str,
    stack: contextlib.ExitStack,
) -> DatabaseRestore:
    entry = _entry(plan, part, now)
    database = context.database(part.alias, label=entry.id)
    workdir = stack.enter_context(context.journal.held(entry.id))
    restore = STRATEGIES[part.strategy](
        context=context, plan=plan, part=part, database=database, workdir=workdir, report=report
    )
    if part.strategy is not Strategy.INTO:
        restore.session = session
    return restore


def _entry(plan: RestorePlan, part: PartPlan, now: datetime) -> JournalEntry:
    together = f"{now:%Y%m%dT%H%M%S%f}"
    return JournalEntry(
        id=f"{together}-{part.alias}",
        restore=together,
        alias=part.alias,
        backup=plan.entry.id,
        strategy=part.strategy,
        new="",
        previous="",
        started=format_time(now),
    )


def _log(plan: RestorePlan, restore: DatabaseRestore, rows: int) -> None:
    part = restore.part.part
    logger.info(
        "restored database %s from backup %s (%s): %d bytes, %d rows, %.1f s",
        restore.part.alias,
        plan.entry.id,
        restore.part.strategy,
        part.raw_bytes if part else 0,
        rows,
        time.monotonic() - restore.began,
    )
