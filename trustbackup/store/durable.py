"""Single files that are whole or absent: private, flushed, and renamed into place."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self

from trustbackup.exceptions import FolderError, file_operation
from trustbackup.phrases import Grouped
from trustbackup.phrases import gettext as _
from trustbackup.store.locks import DELETED, DRAFTS

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# A FIFO would keep its opener waiting for a writer.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FLUSHED_AT_ONCE = 4 << 20
"""Bytes. On ext4 every fsync on the disk, a site's own too, waits for a large one to end."""
_STILL_CACHED = 32 << 20
"""Bytes behind the last ones that may not be on the disk yet, and so are still cached."""


def prepare_root(root: Path) -> None:
    """Make the backup folder (0700) if need be. Raises FolderError when it can't be used."""
    with file_operation(_("Making the backup folder"), root):
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in (DRAFTS, DELETED):
        make_folder(root / name)


def make_folder(path: Path) -> None:
    """Make a folder of ours (0700) in the backup folder if need be. Raises FolderError."""
    with file_operation(_("Making a folder for unfinished work"), path):
        path.mkdir(mode=0o700, exist_ok=True)
        if path.is_symlink():
            raise FolderError(
                _("%(path)s is a symbolic link", path=path),
                why=_("unfinished backups would be written elsewhere"),
                todo=_("Remove the link, then try again."),
            )


def entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """What is in a folder that need not be there. Raises FolderError."""
    try:
        return os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return iter(())
    except OSError:
        with file_operation(_("Listing the folder"), folder):
            raise


def free_bytes(root: Path) -> int | None:
    """What its disk has free for us; None where that can't be known."""
    try:
        disk = os.statvfs(root)
    except OSError:
        return None
    return disk.f_bavail * disk.f_frsize


NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
"""What file systems without hard links answer: FAT, exFAT, some shares."""


def name_exclusively(path: Path, name: Path) -> None:
    """Rename a file, to a name that nothing has. Raises OSError, FileExistsError among them."""
    try:
        os.link(path, name, follow_symlinks=False)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        # An empty file of ours takes the name first; only that one is replaced.
        os.close(os.open(name, _CREATE, 0o600))
        path.replace(name)
    else:
        path.unlink()


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable. Raises FolderError."""
    with file_operation(_("Opening the folder"), path):
        folder = os.open(path, OPEN_FOLDER)
    try:
        with file_operation(_("Flushing the folder (fsync)"), path):
            os.fsync(folder)
    finally:
        os.close(folder)


class DurableFile:
    """A new private file (0600) that is flushed to the disk when it is closed well."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with file_operation(_("Creating"), path):
            self._descriptor = os.open(path, _CREATE, 0o600)
        self._written = 0
        self._on_its_way = 0

    def write(self, data: bytes | memoryview, /) -> int:
        """Write all of it: the system takes a part when the disk has room for no more."""
        view = memoryview(data)
        with file_operation(_("Writing"), self.path):
            while view:
                view = view[os.write(self._descriptor, view) :]
        self._written += len(data)
        if self._written - self._on_its_way >= _FLUSHED_AT_ONCE:
            self._start_flushing()
        return len(data)

    def _start_flushing(self) -> None:
        """Let the disk begin with what was written so far, without waiting for it.

        What has reached it leaves the page cache: a backup is not read again soon, and must
        not push out what the site and its database read all the time.
        """
        start = max(0, self._on_its_way - _STILL_CACHED)
        with contextlib.suppress(OSError):  # a hint; what fails is told by fsync()
            length = self._written - start
            os.posix_fadvise(self._descriptor, start, length, os.POSIX_FADV_DONTNEED)
        self._on_its_way = self._written

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_rest: object) -> None:
        try:
            if kind is None:
                with file_operation(_("Flushing (fsync)"), self.path):
                    os.fsync(self._descriptor)
        finally:
            with self._closing(failed=kind is not None):
                os.close(self._descriptor)

    @contextlib.contextmanager
    def _closing(self, *, failed: bool) -> Iterator[None]:
        guard = contextlib.suppress(OSError) if failed else file_operation(_("Closing"), self.path)
        with guard:
            yield


def replace_file(root: Path, path: Path, data: bytes) -> None:
    """Put ``data`` at ``path`` below ``root`` in one step (0600), durable. FolderError."""
    temporary = root / DRAFTS / f"{path.name}.{os.getpid()}"
    with file_operation(_("Removing an unfinished file"), temporary):
        temporary.unlink(missing_ok=True)
    try:
        with DurableFile(temporary) as file:
            file.write(data)
        with file_operation(_("Renaming"), path):
            temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def open_regular(path: Path, buffering: int = -1) -> BinaryIO:
    """Open a regular file for reading, without waiting and never through a link. FolderError."""
    with file_operation(_("Opening"), path):
        descriptor = os.open(path, _READ)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _not_regular(path)
    return os.fdopen(descriptor, "rb", buffering)


def _not_regular(path: Path) -> FolderError:
    return FolderError(
        _("%(path)s was not read", path=path),
        why=_("it is no regular file"),
        todo=_("Move it away, then try again."),
    )


def _read(descriptor: int, most: int) -> bytes:
    data = os.read(descriptor, most)
    if len(data) == most:
        return data
    while len(data) < most and (more := os.read(descriptor, most - len(data))):
        data += more
    return data


def read_small(path: Path, largest: int) -> bytes:
    """All of a regular file of at most ``largest`` bytes. Raises FolderError."""
    try:
        descriptor = os.open(path, _READ)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise _not_regular(path)
            data = _read(descriptor, min(status.st_size, largest) + 1)
        finally:
            os.close(descriptor)
    except OSError:
        with file_operation(_("Reading"), path):
            raise
    if len(data) > largest:
        raise FolderError(
            _("%(path)s was not read", path=path),
            why=_("it has more than %(limit)s bytes", limit=Grouped(largest)),
            todo=_("Move it away, then try again."),
        )
    return data
