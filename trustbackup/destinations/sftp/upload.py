"""One file's way to an SFTP server: gone on with, checked, and only then named."""

from __future__ import annotations

import contextlib
import hashlib
import os
import posixpath
from collections.abc import Iterator
from typing import BinaryIO

from trustbackup.destinations import uploads
from trustbackup.destinations.base import Written
from trustbackup.destinations.sftp import session
from trustbackup.destinations.sftp.digest import Question
from trustbackup.destinations.sftp.errors import Status
from trustbackup.destinations.sftp.remote_folder import RemoteFolder
from trustbackup.exceptions import Cancelled, TrustbackupError, file_operation
from trustbackup.phrases import gettext as _


class Upload:
    """The upload of an open local file, to be called ``name`` there.

    When the connection is lost, what has arrived stays, and the next upload of the same
    content goes on from there. In any other case that fails, nothing stays.
    """

    def __init__(
        self, remote: RemoteFolder, file: BinaryIO, name: str, sha256: str, written: Written
    ) -> None:
        self.remote = remote
        self.file = file
        self.name = name
        self.sha256 = sha256
        self.written = written
        self.size = os.fstat(file.fileno()).st_size
        self.path = posixpath.join(remote.uploads, uploads.upload_name(name, sha256))

    def run(self) -> None:
        """Raises DestinationError, FolderError, Cancelled, errors.Status, errors.LOST."""
        if self._is_there():
            self.written(self.size)
            return
        self._sweep()
        try:
            begun = self._begun()
            is_whole = self._go_on(begun) if begun else self._send(0)
            if begun and not is_whole:
                # It was damaged, or the server takes no write but at the end: from the start, then.
                self.remote.remove(self.path)
                is_whole = self._send(0)
            if not is_whole:
                raise uploads.damaged(
                    self.name, self.remote.address, at_source=self._digest() != self.sha256
                )
            if self._is_there():
                self.remote.remove(self.path)
            else:
                self.remote.rename(self.path, self.remote.path(self.name))
        except Status as refused:
            # Before the removal: what has filled the disk may be this very upload.
            error = self.remote.to_destination_error(refused)
            self._remove()
            raise error from refused
        except (TrustbackupError, Cancelled):
            self._remove()
            raise

    def _remove(self) -> None:
        with contextlib.suppress(Status):
            self.remote.remove(self.path)

    def _is_there(self) -> bool:
        """Whether it is there already. Raises DestinationError when something else is."""
        there = self.remote.stat(self.name)
        if there is None:
            return False
        if there.size == self.size:
            path = self.remote.path(self.name)
            with contextlib.closing(self.remote.ask(path, self.size)) as asked:
                if self._is_whole(asked):
                    return True
        raise uploads.other_content(self.name, self.remote.address)

    def _sweep(self) -> None:
        """Remove uploads that were given up: they fill the disk, and nobody sees them."""
        for item in self.remote.files(self.remote.uploads):
            if uploads.is_abandoned(item.name, item.modified):
                with contextlib.suppress(Status):
                    self.remote.remove(posixpath.join(self.remote.uploads, item.name))

    def _begun(self) -> int:
        """The bytes that an earlier upload has brought there."""
        size = self.remote.upload_size(self.path) or 0
        if size <= self.size:
            return size
        self.remote.remove(self.path)
        return 0

    def _go_on(self, begun: int) -> bool:
        """Send what is missing of an upload that was cut; False where the server refuses."""
        try:
            return self._send(begun)
        except Status:
            return False

    def _send(self, begun: int) -> bool:
        """Send what is missing; whether all of it is there then, as it is here."""
        server = self.remote.server
        free = server.file_system(self.remote.uploads).free
        if free is not None and free < self.size - begun:
            raise uploads.no_space(self.name, self.remote.address, self.size - begun, free)
        flags = session.WRITE if begun else session.CREATE
        if not begun:
            self.remote.remove(self.path)
        with contextlib.ExitStack() as stack:
            with server.handle(self.path, flags) as handle:
                for arrived in server.write_all(handle, begun, self._blocks(begun)):
                    self.written(begun + arrived)
                # Asked before the flush: a processor there may hash while its disk writes.
                asked = stack.enter_context(
                    contextlib.closing(self.remote.ask(self.path, self.size))
                )
                server.flush(handle)
            return self._is_whole(asked)

    def _blocks(self, begun: int) -> Iterator[bytes]:
        block = 4 * self.remote.server.request_size
        left = self.size - begun
        with file_operation(_("Reading"), self.name):
            self.file.seek(begun)
            while left and (data := self.file.read(min(block, left))):
                left -= len(data)
                yield data

    def _is_whole(self, asked: Question) -> bool:
        return self.remote.has(asked, self.sha256, lambda: self.written(self.size))

    def _digest(self) -> str:
        with file_operation(_("Reading"), self.name):
            self.file.seek(0)
            digest = hashlib.sha256()
            while block := self.file.read(1 << 20):
                digest.update(block)
            return digest.hexdigest()
