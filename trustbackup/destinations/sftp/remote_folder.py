"""A folder at an SFTP server, as a signed-in session sees it."""

from __future__ import annotations

import hashlib
import posixpath
import stat as stat_module
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import paramiko

from trustbackup.destinations import uploads
from trustbackup.destinations.base import DestinationError, NotMadeYet, StoredFile
from trustbackup.destinations.sftp import session
from trustbackup.destinations.sftp.digest import Question
from trustbackup.destinations.sftp.errors import (
    FAILURE,
    NO_SUCH_FILE,
    PERMISSION_DENIED,
    Status,
    refusal,
)
from trustbackup.destinations.sftp.session import MOST_NAMES, Session, TooManyNames
from trustbackup.phrases import Grouped
from trustbackup.phrases import gettext as _

_FULL = 1 << 20
"""Bytes. With less than this free, a write that fails has failed for want of space."""


class RemoteFolder:
    """Raises DestinationError for what it understands, else errors.Status and errors.LOST."""

    def __init__(self, server: Session, root: str, address: str, what: str) -> None:
        self.server = server
        self.root = root
        self.address = address
        self.what = what
        """What is being done, in the words of an error."""
        self.uploads = self.path(uploads.FOLDER)

    def path(self, name: str) -> str:
        return posixpath.join(self.root, name)

    def prepare(self) -> None:
        """Make the folder, with its parents, and the one for uploads (0700)."""
        if not self._is_folder(self.root):
            path = "/" if self.root.startswith("/") else ""
            for part in self.root.strip("/").split("/"):
                path = posixpath.join(path, part)
                if not self._is_folder(path):
                    self.server.mkdir(path, 0o700)
        try:
            status = self.server.lstat(self.uploads)
        except Status as refused:
            if refused.code != NO_SUCH_FILE:
                raise
            self.server.mkdir(self.uploads, 0o700)
        else:
            if not _is(status, stat_module.S_ISDIR):
                raise _unusable(self.uploads, self.address, _("it is not a folder"))

    def must_exist(self) -> None:
        """Raises DestinationError when the folder is not there."""
        if not self._is_folder(self.root):
            raise NotMadeYet(
                _("%(where)s can't be used", where=self.address),
                why=_("there is no such folder"),
                todo=_("Check the folder's name; the first copy and the connection test make it."),
            )

    def _is_folder(self, path: str) -> bool:
        try:
            status = self.server.stat(path)
        except Status as refused:
            if refused.code == NO_SUCH_FILE:
                return False
            if refused.code == PERMISSION_DENIED and path != self.root:
                return True  # one may pass through a folder without seeing it
            raise
        if not _is(status, stat_module.S_ISDIR):
            raise _unusable(path, self.address, _("it is not a folder"))
        return True

    def stat(self, name: str) -> StoredFile | None:
        """A finished file. Raises DestinationError for a link, or whatever else is no file."""
        uploads.must_be_ours(name)
        try:
            status = self.server.lstat(self.path(name))
        except Status as refused:
            if refused.code == NO_SUCH_FILE:
                return None
            raise
        if not _is(status, stat_module.S_ISREG):
            raise _unusable(self.path(name), self.address, _("it is not a file"))
        return stored(name, status)

    def upload_size(self, path: str) -> int | None:
        """The bytes of an unfinished upload, or None. What is in its place goes."""
        try:
            status = self.server.lstat(path)
        except Status as refused:
            if refused.code == NO_SUCH_FILE:
                return None
            raise
        if _is(status, stat_module.S_ISREG):
            return int(status.st_size or 0)
        self.server.remove(path)
        return None

    def files(self, path: str) -> list[StoredFile]:
        """The files of ours in a folder, finished or not; nothing else that is in it."""
        try:
            return [
                stored(str(item.filename), item)
                for item in self.server.files(path)
                if uploads.is_ours(str(item.filename)) and _is(item, stat_module.S_ISREG)
            ]
        except TooManyNames:
            raise DestinationError(
                self.what,
                why=_("its folder has more than %(most)s files", most=Grouped(MOST_NAMES)),
                todo=_("Choose a folder of its own for the copies."),
                permanent=True,
            ) from None

    def ask(self, path: str, size: int) -> Question:
        """Ask what is in a file of ``size`` bytes, for ``has()``. The caller closes it."""
        return Question(self.server, path, size)

    def has(self, asked: Question, sha256: str, watch: Callable[[], None]) -> bool:
        """Whether the file has its size, and this checksum. ``watch`` may raise."""
        status = self.server.lstat(asked.path)
        if int(status.st_size or 0) != asked.size:
            return False
        if is_public(status):
            self.make_private(asked.path)
        # Only this content has this SHA-256, and the program reads the file where the server of
        # SFTP would read it for us: in its memory, or on its disk. One that lies can do so either
        # way. It does not prove that SFTP can read the file, nor that the path leads the program
        # to the same one: below another root it may be a copy with this content. Any other answer
        # proves nothing, the file may be good: then what is read back decides.
        return asked.confirms(sha256, watch) or self._read_back(asked, watch) == sha256

    def _read_back(self, asked: Question, watch: Callable[[], None]) -> str:
        digest = hashlib.sha256()
        with self.server.handle(asked.path, session.READ) as handle:
            for piece in self.server.read_all(handle, asked.size):
                digest.update(piece)
                watch()
        return digest.hexdigest()

    def make_private(self, path: str) -> bool:
        """Take the others' rights away from a file, where the server lets us; whether they are."""
        with suppress(Status):
            self.server.chmod(path, 0o600)
        return not is_public(self.server.lstat(path))

    def rename(self, old: str, new: str) -> None:
        """In one step where the server can (posix-rename@openssh.com), else as it can.

        The caller has seen that ``new`` is free. The protocol's own rename refuses a name that
        is taken (draft-ietf-secsh-filexfer-02, 6.5), so nothing is overwritten there either.
        """
        with suppress(Status):
            self.server.posix_rename(old, new)
            return
        self.server.rename(old, new)

    def remove(self, path: str) -> None:
        """What is gone already is no error."""
        try:
            self.server.remove(path)
        except Status as refused:
            if refused.code != NO_SUCH_FILE:
                raise

    def to_destination_error(self, refused: Status) -> DestinationError:
        """The sentence for a status: OpenSSH says "Failure" for a full disk, too."""
        if refused.code == FAILURE:
            with suppress(Status):
                system = self.server.file_system(self.root)
                if system.read_only:
                    return DestinationError(
                        self.what,
                        why=_("its disk is mounted read-only"),
                        todo=_("Mount it writable there, or choose another folder."),
                        permanent=True,
                    )
                if system.free is not None and system.free < _FULL:
                    return DestinationError(
                        self.what,
                        why=_("there is no space left on its disk"),
                        todo=_("Free some space there or prune it, then press Retry."),
                        permanent=True,
                    )
        return refusal(self.what, refused)


def is_public(status: paramiko.SFTPAttributes) -> bool:
    """Whether others than the user may read or write it; False where the server does not tell."""
    return bool((status.st_mode or 0) & 0o077)


def stored(name: str, status: paramiko.SFTPAttributes) -> StoredFile:
    modified = None if status.st_mtime is None else datetime.fromtimestamp(status.st_mtime, UTC)
    return StoredFile(name, int(status.st_size or 0), modified)


def _is(status: paramiko.SFTPAttributes, kind: Callable[[int], bool]) -> bool:
    """A server that does not tell what something is, is taken to have what was asked for."""
    return status.st_mode is None or kind(status.st_mode)


def _unusable(path: str, address: str, why: str) -> DestinationError:
    return DestinationError(
        _("%(path)s at %(address)s can't be used", path=path, address=address),
        why=why,
        todo=_("Look what it is and remove it, then try again."),
        permanent=True,
    )
