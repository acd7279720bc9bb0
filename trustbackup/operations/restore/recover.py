"""After a crash in the middle of a restore: say which state is in place, and clean up."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace

from trustbackup.databases.base import Database
from trustbackup.databases.values import Interrupted
from trustbackup.exceptions import FolderError, ManifestError, TrustbackupError
from trustbackup.operations.context import Context
from trustbackup.operations.restore.folder_swap import FolderTarget, recover_folder
from trustbackup.operations.restore.own_tables import OWN_APP, SESSIONS, app_tables
from trustbackup.phrases import gettext as _
from trustbackup.store.journal import JournalWriter
from trustbackup.store.journal_entry import JournalEntry, State, Strategy, is_folder

logger = logging.getLogger(__name__)


def recover_restores() -> list[str]:
    """Recover each restore whose process died: a sentence for each. Quick when there is none."""
    context = Context.current()
    journal = context.journal
    unfinished = [entry.id for entry in _in_order(journal.entries())]
    begun = [each for each in journal.begun() if each not in unfinished]
    sentences = []
    for identifier in [*unfinished, *begun]:
        try:
            with journal.abandoned(identifier) as entry:
                if entry is not None:
                    sentences += _recover_or_say(context, entry)
        except FolderError as error:
            # What is no lock of ours is named, and stops no other command.
            sentences.append(str(error))
    forget_ended(context)
    return sentences


def _in_order(entries: Iterable[JournalEntry]) -> list[JournalEntry]:
    """The unfinished ones: by what became of the first of a restore the others are judged."""
    unfinished = [entry for entry in entries if entry.state is not State.DONE]
    return sorted(unfinished, key=lambda e: (e.state is State.READY, e.is_folder, e.id))


def forget_ended(context: Context) -> None:
    """Forget what is live and can't be undone, once nothing waits any more to be told so."""
    entries = context.journal.entries()
    waited_for = {entry.restore for entry in entries if entry.state is not State.DONE}
    for entry in entries:
        is_over = entry.state is State.DONE and not entry.previous
        if is_over and entry.restore not in waited_for:
            with contextlib.suppress(TrustbackupError):  # strange_entries names it
                _must_be_ours(context, entry)
                context.journal.writer(entry).forget()


def must_follow(context: Context, entry: JournalEntry) -> bool:
    """Whether something that is restored with it is live already."""
    return entry.state in (State.READY, State.SWAPPING) and any(
        other.state in (State.DONE, State.SWAPPED)
        for other in context.journal.entries()
        if other.restore == entry.restore and other.id != entry.id
    )


def _recover_or_say(context: Context, entry: JournalEntry) -> list[str]:
    try:
        return [_recover(context, entry)]
    except ManifestError:
        return []  # list_restores names it
    except TrustbackupError as error:
        return [f"{_what(entry)} was interrupted, and can't be cleaned up yet: {error}"]


def recover_database(context: Context, alias: str) -> None:
    """Recover the dead restores of one database before the next one changes it, and what was
    restored with it.

    Raises TrustbackupError when that can't be done yet: which state is in place is not known.
    """
    entries = context.journal.entries()
    of_this = {seen.restore for seen in _in_order(entries) if seen.alias == alias}
    for seen in _in_order(entries):
        if seen.restore in of_this:
            with context.journal.abandoned(seen.id) as entry:
                if entry is not None:
                    with contextlib.suppress(ManifestError):
                        logger.warning("%s", _recover(context, entry))


def _what(entry: JournalEntry) -> str:
    restore = f"restore of {_subject(entry)} {entry.alias!r} to backup {entry.backup}"
    return {
        Strategy.DRILL: f"The drill of backup {entry.backup}",
        Strategy.UNDO: f"The undo of the {restore}",
    }.get(entry.strategy, f"The {restore}")


def _subject(entry: JournalEntry) -> str:
    return "folder" if is_folder(entry.alias) else "database"


def _recover(context: Context, entry: JournalEntry) -> str:
    what, subject = _what(entry), _subject(entry)
    log = context.journal.writer(entry)
    if not _is_done(context, log):
        return f"{what} was interrupted: the {subject} is as it was, what was begun is removed."
    entry = log.entry
    if entry.strategy is Strategy.IN_PLACE:
        return f"{what} was interrupted after its end: the database is the restored one."
    if not entry.previous:
        return f"{what} was interrupted after its end: the {subject} is the restored one."
    live, previous = "the restored one", "the old one"
    if entry.strategy is Strategy.UNDO:
        live, previous = "the one before the restore", "the one after it"
    return (
        f"{what} was interrupted after its swap: the {subject} is {live}, and"
        f" {entry.previous} is {previous} (undo_restore {entry.id} swaps back)."
    )


def _is_done(context: Context, log: JournalWriter) -> bool:
    """Whether the new state is live; the journal says so then, and nothing if it is not."""
    entry = log.entry
    forward = must_follow(context, entry)
    follows = forward and entry.strategy in (Strategy.SWAP, Strategy.UNDO)
    if is_folder(entry.alias):
        must_be_own_folder(context, entry)
        target = FolderTarget.of(context, entry.alias)
        return recover_folder(context, target, log, forward=forward)
    database = context.database(entry.alias, label=entry.id)
    must_be_own(context, database, entry)
    if follows and entry.state is State.READY:
        _swap_now(database, log)
    elif entry.state is not State.SWAPPED and not database.recover(
        replace(interrupted(entry), keeps_new=follows)
    ):
        if not follows:
            log.forget()
            return False
        _swap_now(database, log)  # it died within, or just before
    elif entry.strategy is Strategy.IN_PLACE:
        log.update(state=State.DONE, previous="")
    else:
        end_swap(database, log)
    return True


def _swap_now(database: Database, log: JournalWriter) -> None:
    """Put a database that was loaded and compared in its place. Raises RestoreError."""
    with database.replacement(log.entry.new, existing=True) as new:
        new.carry_over(app_tables(), OWN_APP)
        new.empty(SESSIONS)
        log.update(state=State.SWAPPING, marker=new.marker(), previous_marker=new.previous_marker())
        new.swap(log.entry.previous)
        end_swap(database, log)


def end_swap(database: Database, log: JournalWriter) -> None:
    """The new state is live: remove what told so, and note that it can be undone."""
    if database.capabilities.leaves_sign:
        log.update(state=State.SWAPPED)
        try:
            database.forget_swap(log.entry.id)
        except TrustbackupError as error:
            # It disturbs nobody, and the next swap brings another.
            logger.warning("The sign of a swap was not removed: %s", error)
    log.finish()


@contextlib.contextmanager
def recovering(database: Database, log: JournalWriter) -> Iterator[None]:
    """Leave either state, never one between, and a journal that says which."""
    try:
        yield
    except BaseException:
        if log.ended:
            raise
        try:
            done = database.recover(interrupted(log.entry))
        except TrustbackupError:
            # The journal stays, and the next command recovers it.
            logger.exception("An interrupted restore could not be recovered yet")
            raise
        if not done:
            log.forget()
        elif log.entry.previous:
            end_swap(database, log)
        raise


def strange_entries(context: Context) -> list[str]:
    """A sentence for each file in the journal's folder that is not followed, and why."""
    entries, problems = context.journal.read()
    sentences = [str(problem) for problem in problems]
    for entry in entries:
        try:
            _must_be_ours(context, entry)
        except TrustbackupError as error:
            sentences.append(str(error))
    return sentences


def _must_be_ours(context: Context, entry: JournalEntry) -> None:
    if is_folder(entry.alias):
        must_be_own_folder(context, entry)
    else:
        must_be_own(context, context.database(entry.alias), entry)


def must_be_own(context: Context, database: Database, entry: JournalEntry) -> None:
    """Raises ManifestError unless it names only what a restore of this database makes."""
    if entry.strategy is Strategy.IN_PLACE:
        names = [entry.previous] if entry.previous else []
    else:
        names = [name for name in (entry.new, entry.previous) if name]
    for name in names:
        if not database.is_own_name(name, context.private_folder()):
            raise _not_followed(entry, name)


def must_be_own_folder(context: Context, entry: JournalEntry) -> None:
    """The same of a folder."""
    if name := FolderTarget.of(context, entry.alias).must_be_own(entry):
        raise _not_followed(entry, name)


def _not_followed(entry: JournalEntry, name: str) -> ManifestError:
    return ManifestError(
        _("The journal of restore %(id)s is not followed", id=entry.id),
        why=_(
            "%(name)s is no name that a restore of %(alias)r gives",
            name=name,
            alias=entry.alias,
        ),
        todo=_("Find out who wrote it, then remove that file."),
    )


def interrupted(entry: JournalEntry) -> Interrupted:
    return Interrupted(
        strategy=entry.strategy,
        new=entry.new,
        previous=entry.previous,
        marker=entry.marker,
        label=entry.id,
    )
