"""Put files of a backup into the live folder, one by one: what is missing, or what is asked for.

What is replaced is kept beside the folder. Each file is there as it was, or as it is in the backup,
whatever instant the process dies.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Self

from trustbackup.contents.media.index import Member, MemberKind
from trustbackup.contents.media.selection import PRIVATE
from trustbackup.contents.media.tree import FOLDER_MODE, dress, write_file
from trustbackup.contents.media.walk import OPEN_FOLDER, readable
from trustbackup.exceptions import RestoreError, UsageError, file_operation
from trustbackup.operations.context import Context
from trustbackup.operations.progress import Reporter, quiet
from trustbackup.operations.restore.folder_swap import STAMP, FolderTarget
from trustbackup.operations.restore.guard import only_restore
from trustbackup.operations.restore.media_plan import MediaPlan
from trustbackup.operations.restore.media_source import contents_of
from trustbackup.phrases import gettext as _
from trustbackup.store.durable import NO_LINKS


class Overwrite(StrEnum):
    """What becomes of a file that is there."""

    NEVER = "never"
    CHANGED = "changed"
    """It is replaced unless it has the size and the time of the backup's."""
    OLDER = "older"
    """It is replaced unless it is newer than the backup's."""
    ALWAYS = "always"


@dataclass
class FilesResult:
    """What was done; ``replaced`` is the folder of what was replaced, "" for
    nothing."""

    part: str
    written: int = 0
    left: int = 0
    """Files that are there and stay."""
    replaced: str = ""
    problems: list[str] = field(default_factory=list)
    """A sentence for each that could not be put back."""


def restore_files(
    plan: MediaPlan, paths: Iterable[str], overwrite: Overwrite, report: Reporter = quiet
) -> list[FilesResult]:
    """Put these files and folders back, all for none. Raises RestoreError, FolderError, Busy."""
    what = _("Backup %(id)s was not restored", id=plan.entry.id)
    if plan.refusals:
        raise RestoreError(what, why=plan.refusals[0])
    wanted = [path.strip("/") for path in paths]
    context, now = Context.current(), datetime.now(UTC)
    results, is_there = [], False
    with plan.entry.in_use():
        for each in plan.folders:
            if each.target is None:
                continue
            stage = f"restoring {each.part.part}"
            with (
                only_restore(context, each.target.alias),
                contents_of(plan.entry, each.part, each.listing, stage, report) as members,
                _LiveFolder(each.target, overwrite, now) as live,
            ):
                for member, content in members:
                    live.meet(member)
                    if _is_wanted(member.path, wanted):
                        is_there = True
                        live.put(member, content)
                results.append(live.result)
    if wanted and not is_there:
        raise nothing_there(plan, wanted)
    return results


def nothing_there(plan: MediaPlan, wanted: list[str]) -> RestoreError:
    """That a backup has none of these paths."""
    return RestoreError(
        _("Backup %(id)s was not restored", id=plan.entry.id),
        why=_("it has nothing at %(path)s", path=readable(", ".join(wanted))),
        todo=_("Give a path below the folder, such as products/cup.jpg."),
    )


def replaces(
    overwrite: Overwrite, member: Member, status: os.stat_result, target: str | None
) -> bool:
    """Whether what is in a member's place, with this state, makes room for it.

    ``target`` is what a link there says; None of what is none.
    """
    if overwrite is Overwrite.CHANGED:
        if member.kind is MemberKind.LINK or target is not None:
            return target != member.target
        return (status.st_size, status.st_mtime_ns) != (member.size, member.mtime)
    if overwrite is Overwrite.OLDER:
        return status.st_mtime_ns < member.mtime
    return overwrite is Overwrite.ALWAYS


def _is_wanted(path: str, wanted: list[str]) -> bool:
    return not wanted or any(path == each or path.startswith(f"{each}/") for each in wanted)


class _LiveFolder:
    """Goes through the live folder by descriptors, beside the members of an archive."""

    def __init__(self, target: FolderTarget, overwrite: Overwrite, now: datetime) -> None:
        self.target, self.overwrite = target, overwrite
        self.result = FilesResult(part=target.folder.part)
        self._aside = target.parent / target.name(now, "kept")
        self._temporary = f"{PRIVATE}{now:{STAMP}}"
        self._folders: list[Member] = []
        """Those on the way to the member that was met last."""
        self._open: list[tuple[bytes, int]] = []

    def __enter__(self) -> Self:
        with file_operation(_("Opening the folder"), self.target.live):
            self._root = os.open(self.target.live, OPEN_FOLDER)
        return self

    def __exit__(self, *_error: object) -> None:
        self._leave_to(())
        os.close(self._root)

    def meet(self, member: Member) -> None:
        """Whatever becomes of it: what lies in a folder may have to be put in that."""
        names = member.names
        del self._folders[len(names) - 1 :]
        if member.kind is MemberKind.FOLDER:
            self._folders.append(member)

    def put(self, member: Member, content: Iterable[bytes]) -> None:
        """Raises FolderError, ManifestError."""
        names, path = member.names, readable(f"{self.target.live}/{member.path}")
        depth = len(names) - (member.kind is not MemberKind.FOLDER)
        try:
            parent = self._enter(names[:depth])
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                with file_operation(_("Opening the folder"), path):
                    raise
            sentence = _("%(path)s: what lies on its way is no folder.", path=readable(member.path))
            self.result.problems.append(sentence)
            return
        if member.kind is MemberKind.FOLDER:
            return
        name = os.fsdecode(names[-1])
        with file_operation(_("Reading the state of"), path):
            status = _look(name, parent)
            is_link = status is not None and stat.S_ISLNK(status.st_mode)
            target = os.readlink(name, dir_fd=parent) if is_link else None
        if status is not None and stat.S_ISDIR(status.st_mode):
            self.result.problems.append(
                _("%(path)s: there is a folder in its place.", path=readable(member.path))
            )
        elif status is not None and not replaces(self.overwrite, member, status, target):
            self.result.left += 1
        else:
            with file_operation(_("Writing"), path):
                self._replace(member, content, name, parent, is_there=status is not None)

    def _replace(
        self, member: Member, content: Iterable[bytes], name: str, parent: int, *, is_there: bool
    ) -> None:
        temporary = self._temporary
        try:
            if member.kind is MemberKind.LINK:
                os.symlink(member.target, temporary, dir_fd=parent)
            else:
                write_file(temporary, parent, member, content, flush=True)
            if is_there:
                self._keep(member.path, name, parent)
                os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
            elif not _name_exclusively(temporary, name, parent):
                self.result.left += 1
                return
            os.fsync(parent)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=parent)
        self.result.written += 1

    def _keep(self, path: str, name: str, parent: int) -> None:
        """Give what is replaced a second name, or that name alone, beside the folder."""
        place = self._aside / path
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.result.replaced = str(self._aside)
        try:
            os.link(name, place, src_dir_fd=parent, follow_symlinks=False)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            os.rename(name, place, src_dir_fd=parent)

    def _enter(self, names: tuple[bytes, ...]) -> int:
        """The descriptor of a folder below the root, made where it is missing."""
        self._leave_to(names)
        for depth in range(len(self._open), len(names)):
            parent = self._open[-1][1] if self._open else self._root
            name = os.fsdecode(names[depth])
            try:
                descriptor = os.open(name, OPEN_FOLDER, dir_fd=parent)
            except FileNotFoundError:
                os.mkdir(name, 0o700, dir_fd=parent)
                descriptor = os.open(name, OPEN_FOLDER, dir_fd=parent)
                dress(descriptor, self._folders[depth], FOLDER_MODE)
            self._open.append((names[depth], descriptor))
        return self._open[-1][1] if self._open else self._root

    def _leave_to(self, names: tuple[bytes, ...]) -> None:
        same = 0
        for (name, _descriptor), wanted in zip(self._open, names, strict=False):
            if name != wanted:
                break
            same += 1
        while len(self._open) > same:
            os.close(self._open.pop()[1])


def _look(name: str, parent: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _name_exclusively(temporary: str, name: str, parent: int) -> bool:
    """False where something has taken the name meanwhile."""
    try:
        os.link(temporary, name, src_dir_fd=parent, dst_dir_fd=parent, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
    return True


def parse_overwrite(text: str) -> Overwrite:
    """Raises UsageError for an unknown word; "" is what a careful operator would choose."""
    try:
        return Overwrite(text or Overwrite.CHANGED)
    except ValueError:
        raise UsageError(
            _("There is no way to overwrite called %(name)r", name=text),
            todo=_("Choose one of %(known)s.", known=", ".join(Overwrite)),
        ) from None
