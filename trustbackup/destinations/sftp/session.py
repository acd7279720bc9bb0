"""An SFTP session: paramiko's, with what it lacks for large files.

paramiko's own files send requests of 32 KB, look at the answers to writes never or all at
once, and read ahead without a limit. Here requests are as large as the server says that it
takes, a bounded number is under way, and every answer is looked at. ``wire.py`` has the packets.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Iterator
from typing import NamedTuple, cast

import paramiko
from paramiko import sftp as protocol
from paramiko.message import Message

from trustbackup.destinations.sftp import errors
from trustbackup.destinations.sftp.transport_limits import Pipe
from trustbackup.destinations.sftp.wire import Inbox, Wire

CREATE = protocol.SFTP_FLAG_WRITE | protocol.SFTP_FLAG_CREATE | protocol.SFTP_FLAG_EXCL
WRITE = protocol.SFTP_FLAG_WRITE
READ = protocol.SFTP_FLAG_READ

_EVERY_SERVER_TAKES = 32768
"""Bytes in a request: draft-ietf-secsh-filexfer-02, section 3."""
_LARGEST = 255 << 10
"""Bytes: OpenSSH's own limit, and the largest that is asked for elsewhere."""
_WRITES_UNDER_WAY = 4 << 20
_READS_UNDER_WAY = 4 << 20
_FLUSH_SECONDS = 300
"""A slow disk may take so long for what its server still has in memory."""
_WINDOW = 8 << 20
"""Bytes the server may send before we have read them."""
_LARGEST_PACKET = 128 << 10


MOST_NAMES = 200_000
"""In a folder: of some 60,000 backups, or of a server whose listing never ends."""


class TooManyNames(Exception):
    """A folder's listing goes on and on."""


class FileSystem(NamedTuple):
    """Bytes, None where the server does not tell; whether it is mounted read-only."""

    free: int | None = None
    used: int | None = None
    read_only: bool = False


class Session(Wire):
    """One session; raises errors.Status for what the server refuses."""

    request_size = _EVERY_SERVER_TAKES
    asks_programs = True
    """Until it turns out that no program there tells what is in a file; see digest.py."""

    @classmethod
    def begin(cls, transport: paramiko.Transport, patience: float) -> Session:
        """Begin a session, in which no silence may last longer (seconds)."""
        channel = transport.open_session(window_size=_WINDOW, max_packet_size=_LARGEST_PACKET)
        channel.settimeout(patience)
        channel.in_buffer = Pipe()
        channel.invoke_subsystem("sftp")
        session = cls(channel)
        session.learn_limits()
        return session

    def learn_limits(self) -> None:
        """Ask how large requests may be (limits@openssh.com, since OpenSSH 8.5)."""
        if (answer := self._ask("limits@openssh.com")) is not None:
            _packet, read, write = (answer.get_int64() for _ in range(3))
            self.request_size = max(_EVERY_SERVER_TAKES, min(_LARGEST, read, write))

    def _ask(self, extension: str, *arguments: object) -> Message | None:
        """What is only nice to know; None where the server does not tell, whatever it announced."""
        if extension not in self.extensions:
            return None
        try:
            kind, answer = self._request(protocol.CMD_EXTENDED, extension, *arguments)
        except errors.Status:
            kind = protocol.CMD_STATUS
        if kind == protocol.CMD_EXTENDED_REPLY:
            return cast("Message", answer)
        self.extensions -= {extension}
        return None

    def run(self, command: str) -> paramiko.Channel:
        """Ask for a program, which gets no input; where it is refused, its channel just ends."""
        channel = self.sock.get_transport().open_session(
            window_size=0, timeout=self.sock.gettimeout()
        )
        channel._wait_for_event = lambda: None  # noqa: SLF001 - it would wait without a limit
        channel.exec_command(command)
        channel.shutdown_write()
        return channel

    # --------------------------------------------------------------------------- files

    @contextlib.contextmanager
    def handle(self, path: str, flags: int) -> Iterator[bytes]:
        """An open file; a new one is private (0600)."""
        attributes = paramiko.SFTPAttributes()
        if flags & protocol.SFTP_FLAG_CREATE:
            attributes.st_mode = 0o600
            attributes._flags |= attributes.FLAG_PERMISSIONS  # noqa: SLF001
        kind, answer = self._request(protocol.CMD_OPEN, path, flags, attributes)
        if kind != protocol.CMD_HANDLE:
            raise paramiko.SFTPError("no handle")
        handle: bytes = answer.get_binary()
        try:
            yield handle
        except errors.LOST:
            raise
        except BaseException:
            with contextlib.suppress(errors.Status, *errors.LOST, *errors.GARBAGE):
                self._request(protocol.CMD_CLOSE, handle)
            raise
        # Whether what was written has been taken is known when the file is closed.
        with contextlib.suppress(*errors.LOST if flags == READ else ()):
            self._request(protocol.CMD_CLOSE, handle)

    def flush(self, handle: bytes) -> None:
        """Have a file written to the disk, where the server can (fsync@openssh.com)."""
        if "fsync@openssh.com" not in self.extensions:
            return
        patience = self.sock.gettimeout()
        self.sock.settimeout(max(patience or 0, _FLUSH_SECONDS))
        try:
            self._request(protocol.CMD_EXTENDED, "fsync@openssh.com", handle)
        except errors.Status as refused:
            if refused.code != errors.UNSUPPORTED:
                raise
            self.extensions -= {"fsync@openssh.com"}
        finally:
            self.sock.settimeout(patience)

    def write_all(self, handle: bytes, offset: int, blocks: Iterable[bytes]) -> Iterator[int]:
        """Write blocks, one after the other; gives the bytes that have arrived so far.

        The first write at an offset is waited for: some servers take none, each after a second.
        """
        inbox, under_way = Inbox(), dict[int, int]()
        waiting = arrived = 0
        goes_on = offset > 0
        try:
            for block in blocks:
                view = memoryview(block)
                for start in range(0, len(view), self.request_size):
                    piece = view[start : start + self.request_size]
                    under_way[self.send_write(inbox, handle, offset, piece)] = len(piece)
                    offset += len(piece)
                    waiting += len(piece)
                    if goes_on:
                        done, goes_on = self.await_write(inbox, under_way), False
                        waiting, arrived = waiting - done, arrived + done
                while waiting > _WRITES_UNDER_WAY:
                    done = self.await_write(inbox, under_way)
                    waiting -= done
                    arrived += done
                yield arrived
            while under_way:
                arrived += self.await_write(inbox, under_way)
            yield arrived
        finally:
            self.abandon(under_way)

    def read_all(self, handle: bytes, end: int) -> Generator[bytes]:
        """The content up to ``end``, or to the file's own end, in pieces."""
        inbox, under_way = Inbox(), dict[int, tuple[int, int]]()
        asked, waiting = 0, 0
        try:
            while asked < end or under_way:
                while asked < end and waiting < _READS_UNDER_WAY:
                    length = min(self.request_size, end - asked)
                    under_way[self.send_read(inbox, handle, asked, length)] = (asked, length)
                    asked += length
                    waiting += length
                number = next(iter(under_way))
                at, length = under_way.pop(number)
                waiting -= length
                while True:
                    data = self.received(inbox, number)
                    if not data:
                        return
                    yield data
                    at, length = at + len(data), length - len(data)
                    if not length:
                        break
                    number = self.send_read(inbox, handle, at, length)  # it gave only a part
        finally:
            self.abandon(under_way)

    def file_system(self, path: str) -> FileSystem:
        """What the server tells of the disk (statvfs@openssh.com)."""
        if (answer := self._ask("statvfs@openssh.com", path)) is None:
            return FileSystem()
        _bsize, unit, blocks, free, available, *_files, flags, _longest = (
            answer.get_int64() for _ in range(11)
        )
        return FileSystem(available * unit, (blocks - free) * unit, bool(flags & 1))

    def files(self, path: str) -> Iterator[paramiko.SFTPAttributes]:
        """What is in a folder, one by one; the names of others need not be UTF-8.

        Raises TooManyNames.
        """
        kind, answer = self._request(protocol.CMD_OPENDIR, path)
        if kind != protocol.CMD_HANDLE:
            raise paramiko.SFTPError("no handle")
        handle, number = answer.get_binary(), 0
        with contextlib.suppress(EOFError):
            while True:
                kind, answer = self._request(protocol.CMD_READDIR, handle)
                if kind != protocol.CMD_NAME:
                    raise paramiko.SFTPError("no names")
                count = answer.get_int()
                number += max(count, 1)  # one that never gives a name never ends, either
                if number > MOST_NAMES:
                    raise TooManyNames
                for _ in range(count):
                    name = answer.get_string().decode(errors="replace")
                    answer.get_string()  # the line that `ls -l` would show
                    yield paramiko.SFTPAttributes._from_msg(answer, name)  # noqa: SLF001
        self._request(protocol.CMD_CLOSE, handle)
