"""One small tree of errors: each says what failed, why, and what to do next.

Its sentences are phrases (``phrases.py``), so that a page can say them in its reader's
language. ``permanent`` alone decides whether trying the same thing again can help.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trustbackup.phrases import Phrase, joined
from trustbackup.phrases import gettext as _


class _Sentences(BaseException):
    """``what`` and ``why`` are clauses without a full stop, ``todo`` is a sentence."""

    default: Phrase
    """What is said when nothing else is."""

    def __init__(self, what: str = "", *, why: str = "", todo: str = "") -> None:
        self.what = what or self.default
        self.why = why if isinstance(why, Phrase) else why.strip().rstrip(".")
        self.todo = todo
        super().__init__(str(self))

    @property
    def sentence(self) -> Phrase:
        """What failed and why, without what to do."""
        form = "%(what)s: %(why)s" if self.why else "%(what)s"
        # Sentences of another error end with a stop already.
        if not (self.why or self.what).endswith("."):
            form += "."
        return Phrase(form, {"what": self.what, "why": self.why})

    def __str__(self) -> Phrase:
        return joined([self.sentence, self.todo]) if self.todo else self.sentence


class TrustbackupError(_Sentences, Exception):
    """The backup app could not do this."""

    permanent = True
    default = _("The backup app could not do this")


class Cancelled(_Sentences):
    """The run was cancelled: by somebody on the page, or by a signal to its process.

    As ``asyncio.CancelledError`` it is no ``Exception``: a signal comes anywhere, also while a
    receiver, a hook or a library is at work whose errors somebody takes for theirs.
    """

    default = _("The run was cancelled")


class ConfigurationError(TrustbackupError):
    """The settings of the backups are wrong."""

    default = _("The settings of the backups are wrong")


class UsageError(TrustbackupError):
    """This was asked for in a way that can't be done."""

    default = _("This was asked for in a way that can't be done")


class FolderError(TrustbackupError):
    """The backup folder can't be used."""

    default = _("The backup folder can't be used")


class BackupNotFound(TrustbackupError):
    """There is no such backup."""

    default = _("There is no such backup")


class ManifestError(TrustbackupError):
    """The manifest can't be trusted."""

    default = _("The manifest can't be trusted")


class DumpError(TrustbackupError):
    """The database was not dumped."""

    default = _("The database was not dumped")


class RestoreError(TrustbackupError):
    """The database was not restored."""

    default = _("The database was not restored")


class NothingKept(RestoreError):
    """The old database that a restore kept is not there, or has no table."""


class ProgramError(TrustbackupError):
    """A program failed."""

    default = _("A program failed")


class Busy(TrustbackupError):
    """Something else is at work here."""

    default = _("Something else is at work here")
    permanent = False


class ChangedMeanwhile(TrustbackupError):
    """It was changed since it was looked at."""

    default = _("It was changed since it was looked at")
    permanent = False


REMEDIES = {
    errno.ENOSPC: _("Free some space there or choose another folder, then try again."),
    errno.EDQUOT: _("Free some space there or raise the quota, then try again."),
    errno.EFBIG: _("Raise the limit on the size of a file (ulimit -f), then try again."),
    errno.EROFS: _("Mount it writable or choose another folder, then try again."),
    errno.EACCES: _("Give the site's user the right to write there, then try again."),
    errno.EPERM: _("Give the site's user the right to write there, then try again."),
    errno.ENOENT: _("Check the path, then try again."),
    errno.EIO: _("Check the disk's health before you rely on it again."),
}


@contextmanager
def file_operation(operation: str, path: Path | str) -> Iterator[None]:
    """Turn an OSError into a FolderError that names the operation and the file."""
    try:
        yield
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise FolderError(
            _("%(operation)s failed on %(path)s", operation=operation, path=path),
            why=why,
            todo=REMEDIES.get(
                error.errno or 0, _("Check the disk and the folder, then try again.")
            ),
        ) from error
