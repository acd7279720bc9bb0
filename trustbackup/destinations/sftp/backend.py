"""Copies at an SFTP server."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from trustbackup.destinations.base import (
    DestinationError,
    Space,
    Step,
    StoredFile,
    Written,
    unwatched,
)
from trustbackup.destinations.listing import ListingBackend
from trustbackup.destinations.sftp import session
from trustbackup.destinations.sftp.config import SftpConfig
from trustbackup.destinations.sftp.connection import Connection
from trustbackup.destinations.sftp.errors import GARBAGE, LOST, Status, translating_errors
from trustbackup.destinations.sftp.probe import SftpProbe
from trustbackup.destinations.sftp.reader import Reader
from trustbackup.destinations.sftp.remote_folder import RemoteFolder
from trustbackup.destinations.sftp.upload import Upload
from trustbackup.phrases import gettext as _
from trustbackup.store import durable

_SECOND_LOOK_SECONDS = 300.0


class Sftp(ListingBackend):
    """A folder at an SFTP server. Connects when first used; for one thread at a time."""

    config: SftpConfig

    def __init__(self, config: SftpConfig) -> None:
        super().__init__(config)
        self.root = config.root
        self._connection: Connection | None = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def second_look_after(self) -> float:
        """The protocol has no word for it: a server with a write cache says yes at once."""
        return _SECOND_LOOK_SECONDS

    def put(self, source: Path, sha256: str, written: Written = unwatched) -> None:
        what = _("%(name)s was not copied to %(address)s", name=source.name, address=self.address)
        with durable.open_regular(source) as file, self.speaking(what) as remote:
            upload = Upload(remote, file, source.name, sha256, written)
            remote.prepare()
            upload.run()

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        what = _("%(name)s was not read from %(address)s", name=name, address=self.address)
        with contextlib.ExitStack() as stack:
            with self.speaking(what) as remote:
                if (found := remote.stat(name)) is None:
                    raise DestinationError(
                        what,
                        why=_("there is no such file"),
                        todo=_("List what is there, then choose another backup."),
                        permanent=True,
                    )
                path = remote.path(name)
                handle = stack.enter_context(remote.server.handle(path, session.READ))
                pieces = remote.server.read_all(handle, found.size)
            stack.callback(pieces.close)
            cut_short = DestinationError(
                what, why=_("it ended too early"), todo=_("Verify the backup at that destination.")
            )
            reader = Reader(pieces, found.size, lambda: self._translating_errors(what), cut_short)
            with io.BufferedReader(reader, 1 << 20) as file:
                yield file

    def list_named(self, is_wanted: Callable[[str], bool]) -> list[StoredFile]:
        with self.speaking(
            _("The copies at %(address)s were not listed", address=self.address)
        ) as remote:
            remote.must_exist()
            found = remote.files(self.root)
        return sorted((item for item in found if is_wanted(item.name)), key=lambda i: i.name)

    def stat(self, name: str) -> StoredFile | None:
        with self.speaking(
            _("%(name)s was not looked for at %(address)s", name=name, address=self.address)
        ) as remote:
            if (found := remote.stat(name)) is None:
                remote.must_exist()
            return found

    def delete(self, name: str) -> None:
        with self.speaking(
            _("%(name)s was not deleted at %(address)s", name=name, address=self.address)
        ) as remote:
            if remote.stat(name) is None:
                remote.must_exist()
            else:
                remote.remove(remote.path(name))

    def space(self) -> Space:
        with self.speaking(
            _("The free space at %(address)s was not found out", address=self.address)
        ) as remote:
            found = remote.server.file_system(self.root)
        return Space(free=found.free, used=found.used)

    def check(self) -> Iterator[Step]:
        self.close()
        self._connection = Connection(self.config)
        return SftpProbe(self, self._connection).steps()

    @contextlib.contextmanager
    def speaking(self, what: str) -> Iterator[RemoteFolder]:
        """The folder there, signed in to. An error begins with ``what``."""
        with self._translating_errors(what):
            if self._connection is None or not self._connection.is_alive:
                self.close()
                self._connection = Connection(self.config)
                self._connection.open()
            remote = RemoteFolder(self._connection.session, self.root, self.address, what)
            try:
                yield remote
            except Status as refused:
                raise remote.to_destination_error(refused) from refused

    @contextlib.contextmanager
    def _translating_errors(self, what: str) -> Iterator[None]:
        with translating_errors(what, self.config.timeout):
            try:
                yield
            except (*LOST, *GARBAGE):
                self.close()
                raise
