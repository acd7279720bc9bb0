"""A tree of files, written by descriptors: each folder is the one that was made, never a link."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from trustbackup.contents.media.index import Member, MemberKind
from trustbackup.contents.media.walk import OPEN_FOLDER, readable
from trustbackup.exceptions import file_operation
from trustbackup.phrases import gettext as _

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_MODE, FOLDER_MODE = 0o777, 0o3777
"""What a restored mode may have: nothing runs as its owner."""


class TreeWriter:
    """Writes members into an empty folder (``root``), in the order of an index."""

    def __init__(self, root: Path) -> None:
        self.root = root
        with file_operation(_("Opening the folder"), root):
            top = os.open(root, OPEN_FOLDER)
        self._descriptors = [top]
        self._folders: list[Member] = []
        self._owns = os.geteuid() == 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._leave_to(0)
        finally:
            for descriptor in self._descriptors:
                with contextlib.suppress(OSError):
                    os.close(descriptor)

    def write(self, member: Member, content: Iterable[bytes]) -> None:
        """Raises FolderError, and what reading the content raises."""
        names = member.names
        self._leave_to(len(names) - 1)
        parent, name = self._descriptors[-1], os.fsdecode(names[-1])
        with file_operation(_("Writing"), self._path(member)):
            if member.kind is MemberKind.FOLDER:
                os.mkdir(name, 0o700, dir_fd=parent)
                self._descriptors.append(os.open(name, OPEN_FOLDER, dir_fd=parent))
                self._folders.append(member)
                return
            if member.kind is MemberKind.LINK:
                os.symlink(member.target, name, dir_fd=parent)
                if self._owns:
                    os.chown(name, member.uid, member.gid, dir_fd=parent, follow_symlinks=False)
                times = (member.mtime, member.mtime)
                os.utime(name, ns=times, dir_fd=parent, follow_symlinks=False)
                return
            write_file(name, parent, member, content)

    def _path(self, member: Member) -> str:
        return readable(f"{self.root}/{member.path}")

    def _leave_to(self, depth: int) -> None:
        """Leave folders: their times are set last, as what is put in changes them."""
        while len(self._folders) > depth:
            member, descriptor = self._folders.pop(), self._descriptors.pop()
            try:
                with file_operation(_("Writing"), self._path(member)):
                    dress(descriptor, member, FOLDER_MODE)
            finally:
                os.close(descriptor)


def write_file(
    name: str, parent: int, member: Member, content: Iterable[bytes], *, flush: bool = False
) -> None:
    """Write a new file of a folder, to the disk if ``flush``.

    Raises OSError, and what reading the content raises.
    """
    descriptor = os.open(name, _NEW_FILE, 0o600, dir_fd=parent)
    try:
        for block in content:
            view = memoryview(block)
            while view:
                view = view[os.write(descriptor, view) :]
        dress(descriptor, member, FILE_MODE)
        if flush:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def dress(descriptor: int, member: Member, most: int) -> None:
    """Give a file or a folder its owner, where we may, its mode and its time. Raises OSError."""
    if os.geteuid() == 0:
        os.chown(descriptor, member.uid, member.gid)
    os.chmod(descriptor, member.mode & most)
    os.utime(descriptor, ns=(member.mtime, member.mtime))
