"""Files on the disk of a folder destination: durable there, and their errors the destination's."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from trustbackup.destinations.base import DestinationError
from trustbackup.exceptions import Busy, FolderError
from trustbackup.phrases import gettext as _
from trustbackup.store import durable

_PERMANENT = {
    errno.EACCES,
    errno.EDQUOT,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENOSPC,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
}


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where its file system can. Raises FolderError."""
    try:
        durable.sync_folder(folder)
    except FolderError as error:
        cause = error.__cause__
        # Some network file systems can't flush a folder; there the server does as it does.
        if not (isinstance(cause, OSError) and cause.errno in (errno.EINVAL, errno.EOPNOTSUPP)):
            raise


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[durable.DurableFile]:
    """A file that is flushed at the end; then it is the disk that is read back."""
    with contextlib.ExitStack() as stack:
        with at_destination():
            target = stack.enter_context(durable.DurableFile(path))
        yield target
        with at_destination():
            stack.close()
    _forget(path)


def _forget(path: Path) -> None:
    """Drop it from the page cache; a hint."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def must_be_unused(path: Path) -> None:
    """Raises DestinationError while somebody writes to this upload."""
    try:
        durable.must_be_unused(path.parent, [path.name])
    except Busy:
        raise DestinationError(
            _("%(name)s was not copied", name=path.name),
            why=_("another run is copying it"),
            todo=_("Wait for it."),
        ) from None


@contextlib.contextmanager
def at_destination() -> Iterator[None]:
    """Turn what is wrong with a file there into a DestinationError."""
    try:
        yield
    except FolderError as error:
        number = error.__cause__.errno if isinstance(error.__cause__, OSError) else None
        raise DestinationError(
            error.what, why=error.why, todo=error.todo, permanent=number in _PERMANENT
        ) from error
