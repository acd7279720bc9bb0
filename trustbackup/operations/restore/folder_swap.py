"""A folder of uploaded files that a restore exchanges for another one beside it.

What an engine is for a database: which state is in place is told by the number of the folder's own
inode, which was noted before, and which a rename takes along.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from trustbackup.contents.media.exchange import swap_in
from trustbackup.contents.media.selection import PRIVATE
from trustbackup.exceptions import RestoreError, TrustbackupError, file_operation
from trustbackup.operations.context import Context
from trustbackup.operations.media_folders import MediaFolder, folder_of_part
from trustbackup.phrases import gettext as _
from trustbackup.store.durable import sync_folder
from trustbackup.store.journal import JournalWriter
from trustbackup.store.journal_entry import NOT_YET, JournalEntry, State, Strategy, folder_alias
from trustbackup.store.manifest import format_time

logger = logging.getLogger(__name__)
STAMP = "%Y%m%dT%H%M%S%f"


class FolderTarget:
    """The live folder, and what lies beside it under names of a restore's."""

    def __init__(self, folder: MediaFolder) -> None:
        self.folder = folder
        self.live, self.parent = folder.path, folder.path.parent
        self.alias = folder_alias(folder.part)

    @classmethod
    def of(cls, context: Context, alias: str) -> FolderTarget:
        """Raises UsageError where the settings have no such folder any more."""
        return cls(folder_of_part(context.settings, alias.rstrip("/")))

    def free_names(self, now: datetime) -> tuple[str, str]:
        """For the new folder, and for the live one when it is that no more."""
        return self.name(now, "new"), self.name(now, "old")

    def name(self, now: datetime, what: str) -> str:
        return f"{PRIVATE}{self.folder.part}-{now:{STAMP}}-{what}"

    def is_own_name(self, name: str) -> bool:
        part = re.escape(self.folder.part)
        pattern = rf"{re.escape(PRIVATE)}{part}-\d{{8}}T\d{{12}}-(?:new|old)"
        return re.fullmatch(pattern, name, re.ASCII) is not None

    def why_not_swap(self) -> str:
        """A sentence when nothing can take the live folder's place; "" when it can."""
        if os.path.lexists(self.live) and not stat.S_ISDIR(self.live.lstat().st_mode):
            return _("%(path)s is no folder.", path=self.live)
        if os.path.ismount(self.live):  # Path.is_mount is the same
            return _(
                "%(path)s is a file system of its own, which nothing beside it can replace: use"
                " --only-missing, --path or --into-folder.",
                path=self.live,
            )
        if not os.access(self.parent, os.W_OK | os.X_OK):
            return _(
                "Nothing can be made in %(path)s: give the site's user the right to write there,"
                " or use --only-missing, --path or --into-folder.",
                path=self.parent,
            )
        return ""

    def must_be_own(self, entry: JournalEntry) -> str:
        """The first name in an entry that is none of a restore's; "" for none."""
        names = (name for name in (entry.new, entry.previous) if name)
        return next((name for name in names if not self.is_own_name(name)), "")

    def swap(self, log: JournalWriter) -> None:
        """Put the entry's new folder in the live one's place. Raises FolderError."""
        entry = log.entry
        is_there = os.path.lexists(self.live)
        log.update(
            state=State.SWAPPING,
            marker=marker(self.parent / entry.new),
            previous_marker=marker(self.live) if is_there else "",
            previous=entry.previous if is_there else "",
        )
        swap_in(self.parent / entry.new, self.live, self.parent / entry.previous)

    def recover(self, entry: JournalEntry, *, forward: bool = False) -> bool:
        """Whether the new folder is the live one; what a crash left is finished or taken back.

        If it is to go ``forward`` the new folder stays for that. Raises FolderError.
        """
        new, previous = self.parent / entry.new, self.parent / (entry.previous or entry.new)
        with file_operation(_("Recovering"), self.live):
            if entry.marker != NOT_YET and marker(self.live) == entry.marker:
                if previous != new and os.path.lexists(new) and not os.path.lexists(previous):
                    new.rename(previous)
                    sync_folder(self.parent)
                return True
            if previous != new and not os.path.lexists(self.live) and os.path.lexists(previous):
                previous.rename(self.live)
                sync_folder(self.parent)
            if not forward and entry.strategy is not Strategy.UNDO and os.path.lexists(new):
                shutil.rmtree(new)
        return False

    def is_previous(self, entry: JournalEntry) -> bool:
        """Whether what has its name is what the restore kept."""
        return marker(self.parent / entry.previous) == entry.previous_marker != ""

    def check_previous(self, entry: JournalEntry) -> None:
        """Raises RestoreError unless the old folder is there, and the one that was kept."""
        if not self.is_previous(entry):
            raise RestoreError(
                _("Restore %(id)s can't be undone", id=entry.restore),
                why=_("%(name)s is not what it kept", name=self.parent / entry.previous),
                todo=_("Look what it is, and restore a backup instead."),
            )

    def remove(self, entry: JournalEntry) -> None:
        """Remove the old folder for good. Raises FolderError."""
        previous = self.parent / entry.previous
        with file_operation(_("Removing"), previous):
            if os.path.lexists(previous):
                shutil.rmtree(previous)


def marker(path: Path) -> str:
    """By which a folder is known under another name; "" when it is not there."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return ""
    return f"{status.st_dev}:{status.st_ino}" if stat.S_ISDIR(status.st_mode) else "none"


def end_folder_swap(context: Context, log: JournalWriter) -> None:
    """The new state is live: note that it can be undone, if anything was there before."""
    if log.entry.previous:
        log.finish()
        return
    if log.entry.strategy is Strategy.UNDO:
        context.journal.forget_previous(log.entry)
    log.forget()


def recover_folder(
    context: Context, target: FolderTarget, log: JournalWriter, *, forward: bool
) -> bool:
    """Whether the new folder is the live one, which it becomes where it must go ``forward``.

    The journal says so then, and nothing if it is not. Raises FolderError; the journal stays.
    """
    done = target.recover(log.entry, forward=forward)
    if not done and forward:
        target.swap(log)
        done = True
    if done:
        end_folder_swap(context, log)
    else:
        log.forget()
    return done


@contextlib.contextmanager
def recovering_folder(
    context: Context,
    target: FolderTarget,
    log: JournalWriter,
    forward: Callable[[], bool] = lambda: False,
) -> Iterator[None]:
    """Leave either state, never one between, and a journal that says which.

    ``forward`` tells whether what is restored with it is live already.
    """
    try:
        yield
    except BaseException:
        if log.ended:
            raise
        try:
            recover_folder(context, target, log, forward=forward())
        except TrustbackupError:
            # The journal stays, and the next command recovers it.
            logger.exception("An interrupted restore could not be recovered yet")
            raise
        raise


@contextlib.contextmanager
def undoing_folder(
    context: Context, undone: JournalEntry, now: datetime, forward: Callable[[], bool]
) -> Iterator[JournalWriter]:
    """Ready to put back the folder that a restore kept; ``complete_undo`` does it.

    The journal's entry is the one by which that is undone in its turn. Once ``forward`` says that
    what was restored with it is put back, it goes on whatever is raised.
    """
    target = FolderTarget.of(context, undone.alias)
    together = f"{now:{STAMP}}"
    log = context.journal.writer(
        replace(
            undone,
            id=f"{together}-{undone.alias.rstrip('/')}",
            restore=together,
            strategy=Strategy.UNDO,
            new=undone.previous,
            previous=target.name(now, "old"),
            started=format_time(now),
            state=State.READY,
            marker=NOT_YET,
            previous_marker="",
        )
    )
    with context.journal.held(log.entry.id), recovering_folder(context, target, log, forward):
        log.update()
        yield log


def complete_undo(context: Context, log: JournalWriter) -> None:
    """Swap it. Raises FolderError."""
    FolderTarget.of(context, log.entry.alias).swap(log)
    end_folder_swap(context, log)
