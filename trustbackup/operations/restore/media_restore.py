"""Go back to the uploaded files of a backup: build them beside the live ones, check, then swap."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from trustbackup.contents.media.exchange import sync_all
from trustbackup.contents.media.tree import TreeWriter
from trustbackup.exceptions import Cancelled, RestoreError, file_operation
from trustbackup.operations.context import Context
from trustbackup.operations.progress import Progress, Reporter, quiet
from trustbackup.operations.restore.folder_swap import (
    STAMP,
    FolderTarget,
    end_folder_swap,
    recovering_folder,
)
from trustbackup.operations.restore.guard import only_restore
from trustbackup.operations.restore.media_plan import FolderPlan, MediaPlan
from trustbackup.operations.restore.media_source import contents_of
from trustbackup.operations.restore.result import OnDatabase, RestoredDatabase, stopped
from trustbackup.phrases import gettext as _
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.durable import sync_folder
from trustbackup.store.journal_entry import JournalEntry, State, Strategy
from trustbackup.store.manifest import Part, format_time

logger = logging.getLogger(__name__)
_NEW_FOLDER = 0o755
"""The mode of a folder that comes back where there is none."""


def restore_media(
    plan: MediaPlan,
    report: Reporter = quiet,
    *,
    on_folder: OnDatabase = lambda _folder: None,
) -> list[RestoredDatabase]:
    """Exchange the site's folders for those of the backup. Raises RestoreError, Busy.

    All are built and checked before the first is swapped. ``on_folder`` is told of each that is
    the restored one; of a folder ``rows`` are files.
    """
    what = _("Backup %(id)s was not restored", id=plan.entry.id)
    if plan.refusals:
        raise RestoreError(what, why=plan.refusals[0])
    context, now = Context.current(), datetime.now(UTC)
    done: list[RestoredDatabase] = []
    restores: list[FolderRestore] = []
    targets = [each.target for each in plan.folders if each.target is not None]
    aliases = [target.alias for target in targets]
    try:
        with ExitStack() as stack:
            stack.enter_context(plan.entry.in_use())
            for alias in sorted(aliases):
                stack.enter_context(only_restore(context, alias))
            for each in plan.folders:
                restores.append(FolderRestore(context, plan.entry, each, report))
                stack.enter_context(restores[-1].prepared(now))
            for restore in restores:
                done.append(restore.complete())
                on_folder(done[-1])
    except (Exception, Cancelled, KeyboardInterrupt) as error:
        known = {item.alias for item in done}
        late = [r.outcome() for r in restores if r.is_changed and r.target.alias not in known]
        if done or late:
            what = _("Backup %(id)s was restored in part", id=plan.entry.id)
        wrapped = stopped(what, aliases, [*done, *late], error)
        if wrapped is error:
            raise
        raise wrapped from error
    return done


class FolderRestore:
    """One folder of a restore: ``prepared`` touches nothing live, ``complete`` does it."""

    def __init__(
        self, context: Context, entry: BackupFiles, plan: FolderPlan, report: Reporter
    ) -> None:
        if plan.target is None:
            raise ValueError("a folder that is restored elsewhere is not swapped")
        self.context, self.entry, self.plan, self.report = context, entry, plan, report
        self.target: FolderTarget = plan.target
        self.must_follow: Callable[[], bool] = lambda: False
        """Whether what is restored with it is live already."""
        self.began = time.monotonic()

    @contextlib.contextmanager
    def prepared(self, now: datetime) -> Iterator[None]:
        """Build the folder beside the live one. What was built is removed unless it was swapped.

        Raises RestoreError, ManifestError, FolderError.
        """
        new, previous = self.target.free_names(now)
        together = f"{now:{STAMP}}"
        files = self.plan.part.files
        self.log = self.context.journal.writer(
            JournalEntry(
                id=f"{together}-{self.plan.part.part}",
                restore=together,
                alias=self.target.alias,
                backup=self.entry.id,
                strategy=Strategy.SWAP,
                new=new,
                previous=previous,
                started=format_time(now),
                rows=files.files if files else 0,
            )
        )
        with (
            self.context.journal.held(self.log.entry.id),
            recovering_folder(self.context, self.target, self.log, self.must_follow),
        ):
            self.log.update()
            path = self.target.parent / new
            build(self.entry, self.plan.part, self.plan.listing, path, self.report)
            _look_like(path, self.target.live)
            self.report(Progress(stage=f"flushing {self.plan.part.part}"))
            sync_all(self.target.parent)
            yield

    def complete(self) -> RestoredDatabase:
        """Put it in its place. Raises FolderError."""
        self.report(Progress(stage=f"swapping {self.target.alias}"))
        self.target.swap(self.log)
        end_folder_swap(self.context, self.log)
        done = self.outcome()
        logger.info(
            "restored folder %s from backup %s: %d files, %.1f s",
            self.target.alias,
            self.entry.id,
            done.rows,
            time.monotonic() - self.began,
        )
        return done

    def ready(self) -> None:
        """Note that it becomes the live one once anything of its restore is."""
        self.log.update(state=State.READY)

    @property
    def is_changed(self) -> bool:
        """Whether the live folder is the restored one, whatever failed after that."""
        return hasattr(self, "log") and self.log.entry.state is State.DONE

    def outcome(self) -> RestoredDatabase:
        """What became of it."""
        entry = self.log.entry
        return RestoredDatabase(
            alias=self.target.alias,
            strategy=Strategy.SWAP,
            rows=entry.rows,
            previous=str(self.target.previous(entry)) if entry.undoable else "",
            undo=entry.id if entry.undoable else "",
        )


def restore_into(plan: MediaPlan, report: Reporter = quiet) -> list[tuple[str, Path, int]]:
    """Unpack it into a new folder; of each part its name, its folder and its number of files.

    With several parts each gets a folder of its own in it. Raises RestoreError, ManifestError,
    FolderError; nothing is left behind then.
    """
    into = plan.request.into
    if plan.refusals or into is None:
        raise RestoreError(
            _("Backup %(id)s was not restored", id=plan.entry.id),
            why=plan.refusals[0] if plan.refusals else "",
        )
    done = []
    with plan.entry.in_use():
        with file_operation(_("Making the folder"), into):
            into.mkdir(mode=0o700)
        try:
            for each in plan.folders:
                path = into if len(plan.folders) == 1 else into / each.part.part
                build(plan.entry, each.part, each.listing, path, report)
                done.append((each.part.part, path, each.part.files.files if each.part.files else 0))
            sync_all(into)
            sync_folder(into.parent)
        except BaseException:
            shutil.rmtree(into, ignore_errors=True)
            raise
    return done


def build(entry: BackupFiles, part: Part, listing: Part, path: Path, report: Reporter) -> None:
    """Write a part into the empty folder ``path``, made if need be (0700), and check it.

    Raises ManifestError, RestoreError, FolderError.
    """
    with file_operation(_("Making the folder"), path):
        path.mkdir(mode=0o700, exist_ok=True)
    stage = f"restoring {part.part}"
    with (
        contents_of(entry, part, listing, stage, report) as members,
        TreeWriter(path) as tree,
    ):
        for member, content in members:
            tree.write(member, content)


def _look_like(path: Path, live: Path) -> None:
    """The folder itself is no member of its archive: its rights are those it has now."""
    with file_operation(_("Writing"), path):
        try:
            status = live.lstat()
        except FileNotFoundError:
            path.chmod(_NEW_FOLDER)
            return
        if os.geteuid() == 0:
            os.chown(path, status.st_uid, status.st_gid)
        path.chmod(stat.S_IMODE(status.st_mode))
