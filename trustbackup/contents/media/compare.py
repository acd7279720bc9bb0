"""Whether a tree of files is what an index says."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from trustbackup.contents.media.index import Member, MemberKind
from trustbackup.contents.media.selection import Selection
from trustbackup.contents.media.walk import Mishaps, readable, walk
from trustbackup.phrases import gettext as _

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_BLOCK = 1 << 20


def differences(root: Path, members: Iterable[Member]) -> Iterator[str]:
    """A sentence for each member that is not there as it should be, and for what is there besides.

    Every file is read. Raises DumpError when ``root`` can't be read.
    """
    mishaps = Mishaps()
    found = walk(root, Selection(), mishaps)
    try:
        for member in members:
            here = next(found, None)
            if here is None or here.path != member.path:
                yield _("%(path)s did not come back.", path=readable(member.path))
                return
            if not _is_as(member, here.name, here.parent, here.status):
                yield _("%(path)s is not what it was.", path=readable(member.path))
        if (more := next(found, None)) is not None:
            yield _("%(path)s is there, and was not in the backup.", path=readable(more.path))
    finally:
        found.close()


def _is_as(member: Member, name: str, parent: int, status: os.stat_result) -> bool:
    kind = stat.S_IFMT(status.st_mode)
    if member.kind is MemberKind.LINK:
        return kind == stat.S_IFLNK and os.readlink(name, dir_fd=parent) == member.target
    if status.st_mtime_ns != member.mtime and member.kind is MemberKind.FILE:
        return False
    if member.kind is MemberKind.FOLDER:
        return kind == stat.S_IFDIR
    return (
        kind == stat.S_IFREG
        and status.st_size == member.size
        and _hash(name, parent) == member.sha256
    )


def _hash(name: str, parent: int) -> str:
    digest = hashlib.sha256()
    descriptor = os.open(name, _OPEN, dir_fd=parent)
    try:
        while block := os.read(descriptor, _BLOCK):
            digest.update(block)
    finally:
        os.close(descriptor)
    return digest.hexdigest()
