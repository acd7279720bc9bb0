"""Files on the disk of a folder destination: durable there, and their errors the destination's."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from trustbackup.destinations.base import DestinationError
from trustbackup.exceptions import FolderError
from trustbackup.phrases import gettext as _
from trustbackup.store import durable, locks

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


@contextlib.contextmanager
def in_use(path: Path) -> Iterator[None]:
    """Hold an upload that was just made, until it has its name. Raises DestinationError."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locks.shared(locks.Lock(path)))
        except (locks.Locked, locks.Vanished):  # it was swept before it was held
            raise _in_use(path) from None
        yield


def remove_unused(path: Path) -> None:
    """Remove an upload. Raises DestinationError while somebody writes to it."""
    try:
        with locks.exclusive(locks.Lock(path)):
            path.unlink(missing_ok=True)
    except locks.Vanished:
        return
    except locks.Locked:
        raise _in_use(path) from None


def _in_use(path: Path) -> DestinationError:
    return DestinationError(
        _("%(name)s was not copied", name=path.name),
        why=_("another run is copying it"),
        todo=_("Wait for it."),
    )


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
