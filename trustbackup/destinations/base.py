"""The contract of a place for copies: put, open, list, stat, delete, check.

A destination knows no model and no setting: it is handed a frozen configuration. It keeps
files under the names that ``store/names.py`` builds, in one folder or under one prefix, and
sees no others. What it raises is a DestinationError; an error is never an empty list.
"""

from __future__ import annotations

import builtins
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Self

from trustbackup.exceptions import TrustbackupError
from trustbackup.phrases import gettext as _


class DestinationError(TrustbackupError):
    """The destination can't be used."""

    default = _("The destination can't be used")

    def __init__(
        self, what: str = "", *, why: str = "", todo: str = "", permanent: bool = False
    ) -> None:
        super().__init__(what, why=why, todo=todo)
        self.permanent = permanent
        """True when trying the same thing again can't help."""
        self.offered: OfferedKey | None = None
        """What a person may confirm, so that it need not happen again."""


@dataclass(frozen=True)
class OfferedKey:
    """A server's key that was not confirmed yet, or is another than the confirmed one."""

    line: str
    """What the configuration holds once it is confirmed."""
    fingerprint: str
    pinned: str = ""
    """The fingerprint of the one that was confirmed."""


class NotMadeYet(DestinationError):
    """The destination's folder is not there; the first copy makes it."""

    default = _("The destination's folder is not there; the first copy makes it")


class TooLong(DestinationError):
    """A file at the destination goes on after its known end."""


class StillLocked(DestinationError):
    """The place lets nobody delete a file before ``until``, an aware moment."""

    default = _("The place lets nobody delete this yet")

    def __init__(self, what: str, until: datetime) -> None:
        super().__init__(
            what,
            why=_("it is locked there until %(day)s", day=f"{until.astimezone(UTC):%Y-%m-%d}"),
            todo=_("It goes with the first clean-up after that day."),
            permanent=True,
        )
        self.until = until


@dataclass(frozen=True)
class StoredFile:
    """One file at a destination: its name, its size in bytes, when it was written (UTC)."""

    name: str
    size: int
    modified: datetime | None = None


@dataclass(frozen=True)
class Space:
    """Bytes at a destination; None is not known."""

    free: int | None = None
    used: int | None = None


@dataclass(frozen=True)
class Step:
    """One step of a connection test: what was tried, how long it took, how it ended."""

    name: str
    ok: bool
    seconds: float
    detail: str = ""
    offered: OfferedKey | None = None
    """What a person may confirm, so that the step works the next time."""


@dataclass(frozen=True)
class Capabilities:
    """What a kind of destination can do beyond the contract."""

    resumes: bool = False
    """An upload that was cut off goes on where it ended."""
    knows_space: bool = False
    locks: bool = False
    """Files can be protected against deletion for a time."""
    is_local: bool = False
    """Copies may lie in a folder of this machine; see ``local_folder``."""


Written = Callable[[int], None]
"""Gets the number of bytes that have arrived so far; may raise Cancelled."""


def unwatched(_done: int) -> None:
    """For those who do not watch."""


class DestinationBackend(ABC):
    """A place for copies; a context manager that closes its connection."""

    def __init__(self, config: Any) -> None:  # noqa: ANN401 - each kind has its own
        self.config = config

    @property
    def address(self) -> str:
        """Where it is, as a URL without secrets: what people and logs may see."""
        return str(self.config.address)

    @property
    def local_folder(self) -> Path | None:
        """Where copies lie on this machine's disks, if they do. Raises DestinationError."""
        return None

    @property
    def second_look_after(self) -> float:
        """Seconds in which what it says may only be a cache's word for the store behind it."""
        return 0.0

    @abstractmethod
    def put(self, source: Path, sha256: str, written: Written = unwatched) -> None:
        """Copy a file there under its own name, which nobody sees before it is whole.

        What arrived is compared with the source's size and with ``sha256``; what is not the
        same is removed. A file of that name with the same content stays; with another content
        it is an error. Raises DestinationError, FolderError, Cancelled.
        """

    @abstractmethod
    def open(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Read a file from its begin to its end, in pieces. Raises DestinationError."""

    @abstractmethod
    def list(self) -> list[StoredFile]:
        """All files of backups, by name; nothing unfinished, nothing foreign, no objects.

        Raises DestinationError.
        """

    def list_objects(self) -> builtins.list[StoredFile]:
        """All objects (``store/objects.py``), by name. Raises DestinationError.

        A kind that has no such list takes no backups of objects.
        """
        raise DestinationError(
            _("%(address)s can't take incremental backups", address=self.address),
            why=_("destinations of this kind do not list objects"),
            todo=_("Copy them to another destination, or make backups that are not incremental."),
            permanent=True,
        )

    @abstractmethod
    def stat(self, name: str) -> StoredFile | None:
        """None when there is no such file. Raises DestinationError."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """What is gone already is no error. Raises DestinationError."""

    @abstractmethod
    def check(self) -> Iterator[Step]:
        """Test the connection step by step, to the first that fails; nothing stays behind.

        Raises nothing: what is wrong is in the step.
        """

    def space(self) -> Space:
        """What is free and used there. Raises DestinationError."""
        return Space()

    def close(self) -> None:  # noqa: B027 - most have nothing to close
        """End the connection; the next call opens another."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
