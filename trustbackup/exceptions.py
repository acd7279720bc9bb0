"""One small tree of errors: each says what failed, why, and what to do next.

A class's docstring is its default message. ``permanent`` alone decides whether trying
the same thing again can help.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class TrustbackupError(Exception):
    """The backup app could not do this"""

    permanent = True

    def __init__(self, what: str = "", *, why: str = "", todo: str = "") -> None:
        self.what = what or (type(self).__doc__ or "").strip()
        self.why = why.strip().rstrip(".")
        self.todo = todo
        super().__init__(str(self))

    def __str__(self) -> str:
        sentence = f"{self.what}: {self.why}." if self.why else f"{self.what}."
        return f"{sentence} {self.todo}".strip()


class ConfigurationError(TrustbackupError):
    """The settings of the backups are wrong"""


class UsageError(TrustbackupError):
    """This was asked for in a way that can't be done"""


class FolderError(TrustbackupError):
    """The backup folder can't be used"""


class BackupNotFound(TrustbackupError):
    """There is no such backup"""


class ManifestError(TrustbackupError):
    """The manifest can't be trusted"""


class DumpError(TrustbackupError):
    """The database was not dumped"""


class RestoreError(TrustbackupError):
    """The database was not restored"""


class ProgramError(TrustbackupError):
    """A program failed"""


class Cancelled(TrustbackupError):
    """The run was cancelled"""


class Busy(TrustbackupError):
    """Something else is at work here"""

    permanent = False


REMEDIES = {
    errno.ENOSPC: "Free some space there or choose another folder, then try again.",
    errno.EDQUOT: "Free some space there or raise the quota, then try again.",
    errno.EROFS: "Mount it writable or choose another folder, then try again.",
    errno.EACCES: "Give the site's user the right to write there, then try again.",
    errno.EPERM: "Give the site's user the right to write there, then try again.",
    errno.ENOENT: "Check the path, then try again.",
    errno.EIO: "Check the disk's health before you rely on it again.",
}


@contextmanager
def file_operation(operation: str, path: Path | str) -> Iterator[None]:
    """Turn an OSError into a FolderError that names the operation and the file."""
    try:
        yield
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise FolderError(
            f"{operation} failed on {path}",
            why=why,
            todo=REMEDIES.get(error.errno or 0, "Check the disk and the folder, then try again."),
        ) from error
