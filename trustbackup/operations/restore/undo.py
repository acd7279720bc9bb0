"""Undo a restore while the old databases are kept, or let those go."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from trustbackup.databases.base import Database, Replacement
from trustbackup.exceptions import Cancelled, RestoreError, UsageError
from trustbackup.operations.context import Context
from trustbackup.operations.progress import Progress, Reporter, quiet
from trustbackup.operations.restore.folder_swap import FolderTarget, complete_undo, undoing_folder
from trustbackup.operations.restore.guard import only_restore
from trustbackup.operations.restore.own_tables import OWN_APP, SESSIONS, app_tables
from trustbackup.operations.restore.recover import (
    end_swap,
    must_be_own,
    must_be_own_folder,
    recovering,
)
from trustbackup.operations.restore.result import OnDatabase, RestoredDatabase, stopped
from trustbackup.operations.restore.sessions import find_session, put_session
from trustbackup.phrases import gettext as _
from trustbackup.store import catalog
from trustbackup.store.journal import JournalWriter
from trustbackup.store.journal_entry import NOT_YET, JournalEntry, State, Strategy, is_folder
from trustbackup.store.manifest import format_time

logger = logging.getLogger(__name__)


def undo_restore(
    identifier: str = "",
    report: Reporter = quiet,
    *,
    session: str = "",
    on_database: OnDatabase = lambda _database: None,
) -> list[RestoredDatabase]:
    """Swap the old databases back in; the restored ones are kept in their turn.

    What was restored together is undone together, whichever of it ``identifier`` names. Without
    ``identifier`` the newest restore is undone, never an undo. ``session`` and ``on_database``
    are what they are for ``restore_backup``. Raises FolderError, ManifestError, UsageError,
    RestoreError.
    """
    context = Context.current()
    entries = find_undoable(context, identifier)
    what = _("Restore %(id)s was not undone", id=entries[0].restore)
    now = datetime.now(UTC)
    aliases = [entry.alias for entry in entries]
    done: list[RestoredDatabase] = []
    try:
        with contextlib.ExitStack() as stack:
            for alias in sorted(aliases):
                stack.enter_context(only_restore(context, alias))
            # Only now nobody else can have undone or released it meanwhile.
            entries = context.journal.find(entries[0].restore)
            for entry in entries:
                _check(context, entry)
            databases = [
                stack.enter_context(_undoing(context, entry, now, report, session))
                for entry in entries
                if not is_folder(entry.alias)
            ]
            folders = [
                stack.enter_context(undoing_folder(context, entry, now, lambda: len(done) > 0))
                for entry in entries
                if is_folder(entry.alias)
            ]
            _note_ready(databases if len(entries) > 1 else [])
            for each in databases:
                done.append(each.complete())
                on_database(done[-1])
            for log in folders:
                done.append(_undo_folder(context, log, report))
                on_database(done[-1])
    except (Exception, Cancelled, KeyboardInterrupt) as error:
        changed = [*done, *_changed_last(context, now, done)]
        if changed:
            what = _("Restore %(id)s was undone in part", id=entries[0].restore)
        wrapped = stopped(what, aliases, changed, error)
        if wrapped is error:
            raise
        raise wrapped from error
    finally:
        if done:
            catalog.synchronise(context.folder, afresh=True)
    return done


def find_undoable(context: Context, identifier: str) -> list[JournalEntry]:
    """What an undo with this ``identifier`` swaps back. Raises FolderError, UsageError."""
    entries = context.journal.find(identifier)
    if not identifier and entries[0].strategy is Strategy.UNDO:
        raise UsageError(
            _("There is nothing to undo"),
            why=_("the newest restore was undone already"),
            todo=_(
                "To bring back what was undone, name it: undo_restore %(id)s.",
                id=entries[0].restore,
            ),
        )
    return entries


def _check(context: Context, entry: JournalEntry) -> None:
    """Raises RestoreError unless its old database can be put live: whole, and the right one."""
    if is_folder(entry.alias):
        must_be_own_folder(context, entry)
        FolderTarget.of(context, entry.alias).check_previous(entry)
        return
    database = context.database(entry.alias)
    must_be_own(context, database, entry)
    database.check_previous(entry.previous, entry.previous_marker)


def _changed_last(
    context: Context, now: datetime, done: Sequence[RestoredDatabase]
) -> list[RestoredDatabase]:
    """The database in whose swap something failed after it was done, if there is one."""
    known = {item.undo for item in done}
    return [
        RestoredDatabase(
            alias=entry.alias,
            strategy=Strategy.UNDO,
            rows=entry.rows,
            previous=entry.previous,
            undo=entry.id,
        )
        for entry in context.journal.entries()
        if entry.restore == _together(now) and entry.undoable and entry.id not in known
    ]


def _together(now: datetime) -> str:
    return f"{now:%Y%m%dT%H%M%S%f}"


@dataclass(frozen=True)
class _DatabaseUndo:
    """An old database that is ready to be put back."""

    log: JournalWriter
    database: Database
    old: Replacement
    report: Reporter
    began: float

    def complete(self) -> RestoredDatabase:
        """Put it back. Raises RestoreError."""
        alias, database, log = self.log.entry.alias, self.database, self.log
        self.report(Progress(stage=f"swapping {alias}"))
        marker, other = self.old.marker(), self.old.previous_marker()
        log.update(state=State.SWAPPING, marker=marker, previous_marker=other)
        self.old.swap(log.entry.previous)
        end_swap(database, log)
        facts = database.facts()
        rows = sum(table.rows for table in facts.tables) if facts else 0
        logger.info(
            "undid a restore of database %s: %s, %d rows, %.1f s",
            alias,
            log.entry.id,
            rows,
            time.monotonic() - self.began,
        )
        return RestoredDatabase(
            alias=alias,
            strategy=Strategy.UNDO,
            rows=rows,
            previous=log.entry.previous,
            undo=log.entry.id,
            notes=tuple(self.old.notes),
        )


def _note_ready(databases: Sequence[_DatabaseUndo]) -> None:
    """Note of each that it goes back once anything of its restore has."""
    for each in databases:
        each.log.update(state=State.READY)


@contextlib.contextmanager
def _undoing(
    context: Context, undone: JournalEntry, now: datetime, report: Reporter, session: str
) -> Iterator[_DatabaseUndo]:
    """Ready to put back the database that a restore kept, with our own tables as they are now."""
    began, together = time.monotonic(), _together(now)
    entry = replace(
        undone,
        id=f"{together}-{undone.alias}",
        restore=together,
        strategy=Strategy.UNDO,
        new=undone.previous,
        started=format_time(now),
        state=State.BUILDING,
        marker=NOT_YET,
        previous_marker="",
    )
    database = context.database(entry.alias, label=entry.id)
    _new, previous = database.free_names(now)
    log = context.journal.writer(replace(entry, previous=previous))
    with (
        context.journal.held(entry.id),
        recovering(database, log),
        database.replacement(entry.new, existing=True) as old,
    ):
        log.update()
        report(Progress(stage=f"carrying over {entry.alias}"))
        old.carry_over(app_tables(), OWN_APP)
        mine = find_session(entry.alias, session)
        old.empty(SESSIONS)
        if mine:
            put_session(database, entry.new, mine)
        yield _DatabaseUndo(log, database, old, report, began)


def _undo_folder(context: Context, log: JournalWriter, report: Reporter) -> RestoredDatabase:
    report(Progress(stage=f"swapping {log.entry.alias}"))
    complete_undo(context, log)
    entry = log.entry
    logger.info("undid a restore of folder %s: %s", entry.alias, entry.id)
    target = FolderTarget.of(context, entry.alias)
    return RestoredDatabase(
        alias=entry.alias,
        strategy=Strategy.UNDO,
        rows=entry.rows,
        previous=str(target.previous(entry)) if entry.previous else "",
        undo=entry.id if entry.previous else "",
    )


def release_restore(
    identifier: str = "", note: Callable[[str], object] = lambda _sentence: None
) -> Sequence[JournalEntry]:
    """Drop the old databases of a restore: it can't be undone any more.

    ``note`` gets a sentence for each thing that is left to do elsewhere. Raises FolderError,
    ManifestError, RestoreError.
    """
    context = Context.current()
    entries = context.journal.find(identifier)
    with contextlib.ExitStack() as stack:
        for entry in sorted(entries, key=lambda entry: entry.alias):
            stack.enter_context(only_restore(context, entry.alias))
        # Only now nobody else can have undone or released it meanwhile.
        entries = context.journal.find(entries[0].restore)
        _nothing_may_wait(context, entries[0].restore)
        for entry in entries:
            if is_folder(entry.alias):
                must_be_own_folder(context, entry)
            else:
                must_be_own(context, context.database(entry.alias), entry)
            _must_be_kept(context, entry)
        for entry in entries:
            if is_folder(entry.alias):
                FolderTarget.of(context, entry.alias).remove(entry)
            else:
                for sentence in context.database(entry.alias).remove(entry.previous):
                    note(sentence)
            context.journal.writer(entry).forget()
    return entries


def _nothing_may_wait(context: Context, restore: str) -> None:
    """Raises RestoreError where something of a restore is yet to follow what is live of it."""
    for entry in context.journal.entries():
        if entry.restore == restore and entry.state is not State.DONE:
            raise RestoreError(
                _("Restore %(id)s was not released", id=restore),
                why=_("%(alias)r is still to be swapped", alias=entry.alias),
                todo=_("See what list_restores says of it, or undo it."),
            )


def _must_be_kept(context: Context, entry: JournalEntry) -> None:
    """Raises RestoreError when another database took the old one's name; absent is no harm."""
    if is_folder(entry.alias):
        target = FolderTarget.of(context, entry.alias)
        is_well = target.is_previous(entry) or not os.path.lexists(target.previous(entry))
    else:
        database = context.database(entry.alias)
        is_well = database.is_previous(entry.previous, entry.previous_marker)
    if not is_well:
        raise RestoreError(
            _("%(name)s was not removed", name=entry.previous),
            why=_("it is not what the restore kept"),
            todo=_("Look what it is, and remove it by hand."),
        )


def list_restores() -> list[JournalEntry]:
    """The restores that can be undone, newest first."""
    entries = Context.current().journal.entries()
    return [entry for entry in reversed(entries) if entry.undoable]
