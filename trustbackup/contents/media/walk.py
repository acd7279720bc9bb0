"""A walk through a folder, by descriptors: a link is never followed, however it came there."""

from __future__ import annotations

import contextlib
import os
import stat
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from trustbackup.contents.media.selection import Selection
from trustbackup.exceptions import DumpError
from trustbackup.phrases import gettext as _

OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
SYSTEMS_OWN = "lost+found"
"""In the root of a file system, of which it is a part: no upload, and for root alone to read."""
_NAMED = 20
"""Names that are kept of each kind of mishap."""


class Mishap(StrEnum):
    """Why a file is not in a backup as it is."""

    CHANGED = "changed"
    """It is there, and was written to while it was read."""
    VANISHED = "vanished"
    UNREADABLE = "unreadable"
    SPECIAL = "special"
    """A pipe, a socket or a device: it has no content, and is left out always."""


@dataclass
class Mishaps:
    """How many there were, and the first ones' names."""

    counts: Counter[Mishap] = field(default_factory=Counter)
    names: list[tuple[Mishap, str]] = field(default_factory=list)

    def note(self, mishap: Mishap, path: str) -> None:
        self.counts[mishap] += 1
        if self.counts[mishap] <= _NAMED:
            self.names.append((mishap, readable(path)))

    def note_error(self, error: OSError, path: str) -> None:
        gone = isinstance(error, FileNotFoundError | NotADirectoryError)
        self.note(Mishap.VANISHED if gone else Mishap.UNREADABLE, path)


@dataclass(frozen=True, slots=True)
class Found:
    """What is there: its path below the root, and its name in the folder ``parent``."""

    path: str
    name: str
    parent: int
    """The descriptor of its folder, which is open until the walk goes on."""
    status: os.stat_result


@dataclass
class _Level:
    descriptor: int
    prefix: str
    names: Iterator[str]


def readable(path: str) -> str:
    """A path as a text of one line, whatever bytes are in it."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def walk(
    root: Path, selection: Selection, mishaps: Mishaps, besides: os.stat_result | None = None
) -> Generator[Found, None, None]:
    """Everything below ``root``, by the bytes of names, each folder before what is in it.

    ``besides`` is a folder that is left out wherever it lies, as is ``lost+found`` in the root
    of a file system. What can't be looked at goes to ``mishaps``. Raises DumpError when the root
    can't be read.
    """
    try:
        levels = [_open(root, None, "")]
    except OSError as error:
        raise DumpError(
            _("The folder %(path)s was not backed up", path=root),
            why=os.strerror(error.errno or 0),
            todo=_("Check MEDIA_ROOT, or TRUSTBACKUP['CONTENTS'], and the folder's rights."),
        ) from error
    never = {SYSTEMS_OWN} if os.path.ismount(root) else set()  # Path.is_mount is the same
    try:
        while levels:
            level = levels[-1]
            name = next(level.names, None)
            if name is None:
                os.close(levels.pop().descriptor)
                continue
            path = level.prefix + name
            if path in never:
                continue
            try:
                status = os.stat(name, dir_fd=level.descriptor, follow_symlinks=False)
                is_folder = stat.S_ISDIR(status.st_mode)
                if not selection.takes(path, is_folder=is_folder) or (
                    besides is not None and os.path.samestat(status, besides)
                ):
                    continue
                if is_folder:
                    levels.append(_open(name, level.descriptor, f"{path}/"))
            except OSError as error:
                mishaps.note_error(error, path)
                continue
            yield Found(path, name, level.descriptor, status)
    finally:
        for level in levels:
            with contextlib.suppress(OSError):
                os.close(level.descriptor)


def _open(name: str | Path, parent: int | None, prefix: str) -> _Level:
    descriptor = os.open(name, OPEN_FOLDER, dir_fd=parent)
    try:
        return _Level(descriptor, prefix, iter(sorted(os.listdir(descriptor), key=os.fsencode)))
    except BaseException:
        os.close(descriptor)
        raise
