"""Two folders beside each other change places; what the system can do in one step is one step."""

from __future__ import annotations

import ctypes
import errno
import os
from functools import cache
from pathlib import Path

from trustbackup.contents.media.walk import OPEN_FOLDER
from trustbackup.exceptions import file_operation
from trustbackup.phrases import gettext as _
from trustbackup.store.durable import sync_folder

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
"""https://man7.org/linux/man-pages/man2/renameat2.2.html"""
_NOT_HERE = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)


def swap_in(new: Path, live: Path, previous: Path) -> None:
    """Give ``new`` the name ``live``, and what had it, if anything, the name ``previous``.

    All of them lie in one folder. Raises FolderError; who dies within leaves ``live`` as the
    one or the other, or, on file systems that can't exchange, nothing there and both whole.
    """
    with file_operation(_("Swapping"), live):
        if not os.path.lexists(live):
            new.rename(live)
        elif _exchange(new, live):
            new.rename(previous)
        else:
            live.rename(previous)
            new.rename(live)
    sync_folder(live.parent)


def _exchange(one: Path, other: Path) -> bool:
    """False where the file system, or the system, can't. Raises OSError."""
    if (renameat2 := _library("renameat2")) is None:
        return False
    ended = renameat2(
        ctypes.c_int(_AT_FDCWD),
        ctypes.c_char_p(os.fsencode(one)),
        ctypes.c_int(_AT_FDCWD),
        ctypes.c_char_p(os.fsencode(other)),
        ctypes.c_uint(_RENAME_EXCHANGE),
    )
    if ended == 0:
        return True
    code = ctypes.get_errno()
    if code in _NOT_HERE:
        return False
    raise OSError(code, os.strerror(code), str(other))


def sync_all(folder: Path) -> None:
    """Bring all that was written in this file system to the disk. Raises FolderError."""
    with file_operation(_("Flushing the folder (fsync)"), folder):
        syncfs = _library("syncfs")
        if syncfs is None:
            os.sync()
            return
        descriptor = os.open(folder, OPEN_FOLDER)
        try:
            if syncfs(ctypes.c_int(descriptor)) != 0:
                code = ctypes.get_errno()
                raise OSError(code, os.strerror(code), str(folder))
        finally:
            os.close(descriptor)


@cache
def _library(name: str) -> ctypes._NamedFuncPointer | None:
    """A function of the C library; None where it has none of this name."""
    try:
        return getattr(ctypes.CDLL(None, use_errno=True), name)  # type: ignore[no-any-return]
    except (OSError, AttributeError):
        return None
