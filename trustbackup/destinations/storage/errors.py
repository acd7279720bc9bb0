"""What a storage raises, whoever wrote it, as an error of ours: one sentence without secrets."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured, SuspiciousOperation
from django.core.files import File
from django.core.files.storage import InvalidStorageError, Storage

from trustbackup.destinations.base import DestinationError, NotMadeYet
from trustbackup.destinations.http_limits import TooMuch
from trustbackup.exceptions import TrustbackupError
from trustbackup.phrases import gettext as _

_PERMANENT = (
    ImproperlyConfigured,
    InvalidStorageError,
    SuspiciousOperation,
    NotImplementedError,
    ImportError,
    PermissionError,
    FileNotFoundError,
)
_FULL = (errno.ENOSPC, errno.EDQUOT)
_QUERY = re.compile(r"\?\S*")


class TranslatingFile:
    """A storage's open file, whose errors are ours."""

    def __init__(self, file: File, what: str) -> None:  # type: ignore[type-arg]
        self._file = file
        self._what = what

    def read(self, size: int = -1) -> bytes:
        with to_destination_error(self._what):
            data: bytes = self._file.read(size)
            return data


@contextmanager
def to_destination_error(what: str) -> Iterator[None]:
    """Turn whatever a storage raises into a DestinationError that begins with ``what``."""
    try:
        yield
    except Exception as error:
        if too_much := _limit_in(error):
            raise type(too_much)(
                what, why=too_much.what, todo=too_much.todo, permanent=too_much.permanent
            ) from error
        if isinstance(error, TrustbackupError):
            raise
        permanent = isinstance(error, _PERMANENT) or getattr(error, "errno", 0) in _FULL
        raise DestinationError(
            what,
            why=_reason(error),
            todo=_("Check the storage's settings in STORAGES, and the service behind it."),
            permanent=permanent,
        ) from error


def not_there(storage: Storage, address: str) -> DestinationError:
    """Of a folder that the first copy makes; or, where that of the storage itself has no place to
    be, of a disk that is not mounted perhaps."""
    kind: type[DestinationError] = NotMadeYet
    with suppress(NotImplementedError):
        if not Path(storage.path("")).parent.is_dir():
            kind = DestinationError
    return kind(
        _("%(address)s was not listed", address=address),
        why=_("it is not there"),
        todo=_("Check the storage's settings in STORAGES, and the service behind it."),
        permanent=True,
    )


def _limit_in(error: BaseException | None) -> TooMuch | None:
    """The limit that a library has met with, and wrapped perhaps."""
    for _depth in range(10):
        if error is None or isinstance(error, TooMuch):
            return error
        error = error.__cause__ or error.__context__
    return None


def _reason(error: Exception) -> str:
    """What a storage says, in one line; queries of URLs may be signed, and go."""
    if isinstance(error, FileNotFoundError):
        return _("it is not there")
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    said = " ".join(_QUERY.sub("", str(error)).split())[:200]
    if isinstance(error, InvalidStorageError) and said:
        return said  # Django's own sentence on STORAGES
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
