"""Go back to a backup: build its databases beside the live ones, compare, then swap.

Every step that a crash could interrupt is in the journal first, so that the next command can
tell which state is in place and clean up. All databases are built and compared before the
first of them is put in its place.
"""

from __future__ import annotations

import contextlib
import logging
import time
from datetime import UTC, datetime

from trustbackup.exceptions import Cancelled, RestoreError
from trustbackup.operations.context import Context
from trustbackup.operations.progress import Reporter, quiet
from trustbackup.operations.restore.database_restore import DatabaseRestore
from trustbackup.operations.restore.guard import only_restore
from trustbackup.operations.restore.plan import PartPlan, RestorePlan
from trustbackup.operations.restore.result import OnDatabase, RestoreResult, stopped
from trustbackup.operations.restore.strategies import STRATEGIES
from trustbackup.phrases import gettext as _
from trustbackup.store import catalog
from trustbackup.store.journal_entry import JournalEntry, Strategy
from trustbackup.store.manifest import format_time

logger = logging.getLogger(__name__)


def restore_backup(
    plan: RestorePlan,
    report: Reporter = quiet,
    *,
    session: str = "",
    on_database: OnDatabase = lambda _database: None,
) -> RestoreResult:
    """Carry a plan out. Raises RestoreError; a database not yet swapped is as it was then.

    All sessions end but the one that ``session`` tells (see ``sessions.hash_of``).
    ``on_database`` is told of each database that is the restored one, also when another fails.
    """
    what = _("Backup %(id)s was not restored", id=plan.entry.id)
    if plan.refusals:
        raise RestoreError(what, why=plan.refusals[0])
    context = Context.current()
    restored = RestoreResult(id=plan.entry.id)
    restores: list[DatabaseRestore] = []
    aliases = [part.alias for part in plan.parts]
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(plan.entry.in_use())
            for alias in sorted(aliases):
                stack.enter_context(only_restore(context, alias))
            now = datetime.now(UTC)
            for part in plan.parts:
                restores.append(_begin(context, plan, part, now, report, session, stack))
                stack.enter_context(restores[-1].prepared(_entry(plan, part, now), now))
            # What may fail most easily comes first: a swap is two names, or one copy.
            for restore in sorted(restores, key=lambda r: r.part.strategy is Strategy.SWAP):
                done = restore.complete()
                restored.databases.append(done)
                on_database(done)
                _log(plan, restore, done.rows)
    except (Exception, Cancelled, KeyboardInterrupt) as error:
        known = {item.alias for item in restored.databases}
        late = [r.outcome() for r in restores if r.is_changed and r.part.alias not in known]
        changed = [*restored.databases, *late]
        if changed:
            what = _("Backup %(id)s was restored in part", id=plan.entry.id)
        wrapped = stopped(what, aliases, changed, error)
        if wrapped is error:
            raise
        raise wrapped from error
    finally:
        if any(restore.is_changed for restore in restores):
            catalog.synchronise(context.folder, afresh=True)
    return restored


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
