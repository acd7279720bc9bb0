"""The connection test of an SFTP server."""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Callable, Iterator
from typing import Protocol

from trustbackup.destinations.base import DestinationError, Space, Step
from trustbackup.destinations.connection_test import SAMPLE, describe_space, run_steps, sample_name
from trustbackup.destinations.sftp import session
from trustbackup.destinations.sftp.connection import Connection
from trustbackup.destinations.sftp.errors import Status
from trustbackup.destinations.sftp.remote_folder import RemoteFolder, is_public
from trustbackup.phrases import gettext as _


class Probed(Protocol):
    """What of a destination is tested."""

    @property
    def address(self) -> str: ...

    def speaking(self, what: str) -> contextlib.AbstractContextManager[RemoteFolder]: ...

    def space(self) -> Space: ...


class SftpProbe:
    """Writes, renames and deletes a hidden file; what is left of it is removed."""

    def __init__(self, destination: Probed, connection: Connection) -> None:
        self.destination = destination
        self.connection = connection
        self.name = sample_name()
        self._left: list[str] = []

    def steps(self) -> Iterator[Step]:
        connection = self.connection
        return run_steps(
            [
                ("name", connection.look_up),
                ("connection", connection.connect),
                ("host key", self._host_key),
                ("sign-in", connection.sign_in),
                ("folder", self._there(self._folder)),
                ("write", self._there(self._write)),
                ("read back", self._there(self._read_back)),
                ("rename", self._there(self._rename)),
                ("delete", self._there(self._delete)),
                ("free space", lambda: describe_space(self.destination.space())),
            ],
            self._clean_up,
            self.connection.abort,
        )

    def _there(self, action: Callable[[RemoteFolder], str | None]) -> Callable[[], str | None]:
        def act() -> str | None:
            with self.destination.speaking(
                _("%(where)s can't be used", where=self.destination.address)
            ) as remote:
                return action(remote)

        return act

    def _host_key(self) -> str:
        self.connection.check_host_key()
        return self.connection.host_key.fingerprint

    def _folder(self, remote: RemoteFolder) -> str:
        remote.prepare()
        with contextlib.suppress(Status):  # where that is is only nice to know
            return str(remote.server.normalize(remote.root))
        return remote.root

    def _write(self, remote: RemoteFolder) -> str:
        path = posixpath.join(remote.uploads, self.name)
        self._left.append(path)
        with remote.server.handle(path, session.CREATE) as handle:
            for _arrived in remote.server.write_all(handle, 0, iter([SAMPLE])):
                pass
            remote.server.flush(handle)
        if is_public(remote.server.lstat(path)) and not remote.make_private(path):
            return _("Other users of the server may read what is written there.")
        return ""

    def _read_back(self, remote: RemoteFolder) -> None:
        with remote.server.handle(self._left[0], session.READ) as handle:
            if b"".join(remote.server.read_all(handle, 2 * len(SAMPLE))) != SAMPLE:
                raise DestinationError(
                    _("%(where)s can't be relied on", where=self.destination.address),
                    why=_("what was read is not what was written"),
                    todo=_("Check the server's disk."),
                    permanent=True,
                )

    def _rename(self, remote: RemoteFolder) -> None:
        self._left.append(remote.path(self.name))
        remote.rename(*self._left)
        del self._left[0]

    def _delete(self, remote: RemoteFolder) -> None:
        remote.server.remove(self._left[0])
        self._left.clear()

    def _clean_up(self) -> None:
        for path in self._left:
            what = _("%(path)s was not removed", path=path)
            with contextlib.suppress(DestinationError), self.destination.speaking(what) as remote:
                remote.remove(path)
        if not self.connection.is_alive:
            self.connection.close()
