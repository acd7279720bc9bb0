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
from trustbackup.contents.media.exchange_inside import arriving, recover_exchange, swap_in_entries
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
    """The live folder, and what lies beside it, or in it, under names of a restore's."""

    def __init__(self, folder: MediaFolder) -> None:
        self.folder, self.live = folder, folder.path
        self.alias = folder_alias(folder.part)
        self.parent = self.live if _must_stay(self.live) else self.live.parent
        """Where the new folder is made: in the live one where that can't be renamed."""

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

    def place(self, entry: JournalEntry) -> Path:
        """The folder that the names of an entry are in, whatever can be renamed by now."""
        for parent in (self.live, self.live.parent):
            names = (parent / name for name in (entry.new, entry.previous) if name)
            if any(map(os.path.lexists, (*names, arriving(parent / entry.new)))):
                return parent
        return self.parent

    def previous(self, entry: JournalEntry) -> Path:
        """The folder that a restore kept, or in which it keeps what the live one had."""
        return self.place(entry) / entry.previous

    def why_not_swap(self) -> str:
        """A sentence when nothing can take the live folder's place; "" when it can."""
        if os.path.lexists(self.live) and not stat.S_ISDIR(self.live.lstat().st_mode):
            return _("%(path)s is no folder.", path=self.live)
        if not os.access(self.parent, os.W_OK | os.X_OK):
            return _(
                "Nothing can be made in %(path)s: give the site's user the right to write there,"
                " or use --into-folder.",
                path=self.parent,
            )
        if self.parent == self.live and (mount := _mount_in(self.live)):
            return _(
                "%(path)s is a file system of its own, which can't be moved: use --only-missing,"
                " --path or --into-folder.",
                path=mount,
            )
        return ""

    def must_be_own(self, entry: JournalEntry) -> str:
        """The first name in an entry that is none of a restore's; "" for none."""
        names = (name for name in (entry.new, entry.previous) if name)
        return next((name for name in names if not self.is_own_name(name)), "")

    def swap(self, log: JournalWriter) -> None:
        """Put the entry's new folder in the live one's place. Raises FolderError."""
        entry, parent = log.entry, self.place(log.entry)
        new, previous = parent / entry.new, parent / entry.previous
        if parent == self.live:
            with file_operation(_("Swapping"), self.live):
                previous.mkdir(mode=0o700, exist_ok=True)
        is_there = os.path.lexists(self.live)
        old = previous if parent == self.live else self.live
        log.update(
            state=State.SWAPPING,
            marker=marker(new),
            previous_marker=marker(old) if is_there else "",
            previous=entry.previous if is_there else "",
        )
        if parent == self.live:
            swap_in_entries(new, self.live, previous)
        else:
            swap_in(new, self.live, previous)

    def recover(self, entry: JournalEntry, *, forward: bool = False) -> bool:
        """Whether the new folder is the live one; what a crash left is finished or taken back.

        If it is to go ``forward`` the new folder stays for that. Raises FolderError.
        """
        parent = self.place(entry)
        new, previous = parent / entry.new, parent / (entry.previous or entry.new)
        may_go = not forward and entry.strategy is not Strategy.UNDO
        with file_operation(_("Recovering"), self.live):
            if parent == self.live and recover_exchange(new, self.live, previous):
                return True
            if entry.marker != NOT_YET and marker(self.live) == entry.marker:
                if previous != new and os.path.lexists(new) and not os.path.lexists(previous):
                    new.rename(previous)
                    sync_folder(parent)
                return True
            if previous != new and not os.path.lexists(self.live) and os.path.lexists(previous):
                previous.rename(self.live)
                sync_folder(parent)
            if may_go and os.path.lexists(new):
                shutil.rmtree(new)
        return False

    def is_previous(self, entry: JournalEntry) -> bool:
        """Whether what has its name is what the restore kept."""
        return marker(self.previous(entry)) == entry.previous_marker != ""

    def check_previous(self, entry: JournalEntry) -> None:
        """Raises RestoreError unless the old folder is there, and the one that was kept."""
        if not self.is_previous(entry):
            raise RestoreError(
                _("Restore %(id)s can't be undone", id=entry.restore),
                why=_("%(name)s is not what it kept", name=self.previous(entry)),
                todo=_("Look what it is, and restore a backup instead."),
            )

    def remove(self, entry: JournalEntry) -> None:
        """Remove the old folder for good. Raises FolderError."""
        previous = self.previous(entry)
        with file_operation(_("Removing"), previous):
            if os.path.lexists(previous):
                shutil.rmtree(previous)


def _must_stay(live: Path) -> bool:
    """Whether a folder can't be renamed: the volume of a container, or one in a folder that the
    site's user may not write to.
    """
    if os.path.ismount(live):  # Path.is_mount is the same
        return True
    return live.is_dir() and not os.access(live.parent, os.W_OK | os.X_OK)


def _mount_in(folder: Path) -> str:
    """The first entry of a folder that is a file system of its own; "" for none."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return next((entry.path for entry in entries if os.path.ismount(entry.path)), "")
    return ""


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
