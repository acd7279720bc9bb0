"""An SFTP session: paramiko's, with what it lacks for large files.

paramiko's own files send requests of 32 KB, look at the answers to writes never or all at
once, and read ahead without a limit. Here requests are as large as the server says that it
takes, a bounded number is under way, and every answer is looked at. What is used of paramiko
without being its public interface is used in this module only.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Generator, Iterable, Iterator
from typing import Any, NamedTuple

import paramiko
from paramiko import sftp as protocol
from paramiko.message import Message

from trustbackup.destinations.sftp import errors
from trustbackup.destinations.sftp.flow import Pipe

CREATE = protocol.SFTP_FLAG_WRITE | protocol.SFTP_FLAG_CREATE | protocol.SFTP_FLAG_EXCL
WRITE = protocol.SFTP_FLAG_WRITE
READ = protocol.SFTP_FLAG_READ

_EVERY_SERVER_TAKES = 32768
"""Bytes in a request: draft-ietf-secsh-filexfer-02, section 3."""
_LARGEST = 255 << 10
"""Bytes: OpenSSH's own limit, and the largest that is asked for elsewhere."""
_WRITES_UNDER_WAY = 4 << 20
_READS_UNDER_WAY = 4 << 20
_PACKET = 32704
"""Bytes: what one SSH packet carries, at most, to a server that takes the usual 32 KB."""
_FLUSH_SECONDS = 300
"""A slow disk may take so long for what its server still has in memory."""
_WINDOW = 8 << 20
"""Bytes the server may send before we have read them."""
_LARGEST_PACKET = 128 << 10


class FileSystem(NamedTuple):
    """Bytes, None where the server does not tell; whether it is mounted read-only."""

    free: int | None = None
    used: int | None = None
    read_only: bool = False


class _Inbox:
    """Answers that have arrived, by the number of their request."""

    def __init__(self) -> None:
        self.answers: dict[int, tuple[int, Message]] = {}

    def _async_response(self, kind: int, message: Message, number: int) -> None:
        self.answers[number] = (kind, message)


class Session(paramiko.SFTPClient):  # type: ignore[misc]  # it has no types
    """One session; raises errors.Status for what the server refuses."""

    extensions: frozenset[str] = frozenset()
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
        if "limits@openssh.com" in self.extensions:
            _kind, answer = self._request(protocol.CMD_EXTENDED, "limits@openssh.com")
            _packet, read, write = (answer.get_int64() for _ in range(3))
            self.request_size = max(_EVERY_SERVER_TAKES, min(_LARGEST, read, write))

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
        finally:
            self.sock.settimeout(patience)

    def write_all(self, handle: bytes, offset: int, blocks: Iterable[bytes]) -> Iterator[int]:
        """Write blocks, one after the other; gives the bytes that have arrived so far."""
        inbox, under_way = _Inbox(), dict[int, int]()
        waiting = arrived = 0
        try:
            for block in blocks:
                view = memoryview(block)
                for start in range(0, len(view), self.request_size):
                    piece = view[start : start + self.request_size]
                    under_way[self._send_write(inbox, handle, offset, piece)] = len(piece)
                    offset += len(piece)
                    waiting += len(piece)
                while waiting > _WRITES_UNDER_WAY:
                    done = self._settle(inbox, under_way)
                    waiting -= done
                    arrived += done
                yield arrived
            while under_way:
                arrived += self._settle(inbox, under_way)
            yield arrived
        finally:
            self._abandon(under_way)

    def read_all(self, handle: bytes, end: int) -> Generator[bytes]:
        """The content up to ``end``, or to the file's own end, in pieces."""
        inbox, under_way = _Inbox(), dict[int, tuple[int, int]]()
        asked, waiting = 0, 0
        try:
            while asked < end or under_way:
                while asked < end and waiting < _READS_UNDER_WAY:
                    length = min(self.request_size, end - asked)
                    under_way[self._send_read(inbox, handle, asked, length)] = (asked, length)
                    asked += length
                    waiting += length
                number = next(iter(under_way))
                at, length = under_way.pop(number)
                waiting -= length
                while True:
                    data = self._received(inbox, number)
                    if not data:
                        return
                    yield data
                    at, length = at + len(data), length - len(data)
                    if not length:
                        break
                    number = self._send_read(inbox, handle, at, length)  # it gave only a part
        finally:
            self._abandon(under_way)

    def file_system(self, path: str) -> FileSystem:
        """What the server tells of the disk (statvfs@openssh.com)."""
        if "statvfs@openssh.com" not in self.extensions:
            return FileSystem()
        _kind, answer = self._request(protocol.CMD_EXTENDED, "statvfs@openssh.com", path)
        _bsize, unit, blocks, free, available, *_files, flags, _longest = (
            answer.get_int64() for _ in range(11)
        )
        return FileSystem(available * unit, (blocks - free) * unit, bool(flags & 1))

    def files(self, path: str) -> list[paramiko.SFTPAttributes]:
        """What is in a folder; the names of others need not be UTF-8."""
        kind, answer = self._request(protocol.CMD_OPENDIR, path)
        if kind != protocol.CMD_HANDLE:
            raise paramiko.SFTPError("no handle")
        handle, found = answer.get_binary(), []
        with contextlib.suppress(EOFError):
            while True:
                kind, answer = self._request(protocol.CMD_READDIR, handle)
                if kind != protocol.CMD_NAME:
                    raise paramiko.SFTPError("no names")
                for _ in range(answer.get_int()):
                    name = answer.get_string().decode(errors="replace")
                    answer.get_string()  # the line that `ls -l` would show
                    item = paramiko.SFTPAttributes._from_msg(answer, name)  # noqa: SLF001
                    found.append(item)
        self._request(protocol.CMD_CLOSE, handle)
        return found

    # ------------------------------------------------------------------------ requests

    def _send_write(self, inbox: _Inbox, handle: bytes, offset: int, data: memoryview) -> int:
        with self._lock:
            number: int = self.request_number
            self._expecting[number] = inbox
            self.request_number += 1
        head = struct.pack(">BII", protocol.CMD_WRITE, number, len(handle)) + handle
        head += struct.pack(">QI", offset, len(data))
        first = _PACKET - 4 - len(head)
        length = struct.pack(">I", len(head) + len(data))
        self._write_all(length + head + bytes(data[:first]))
        for start in range(first, len(data), _PACKET):
            self._write_all(bytes(data[start : start + _PACKET]))
        return number

    def _send_read(self, inbox: _Inbox, handle: bytes, offset: int, length: int) -> int:
        number: int = self._async_request(
            inbox, protocol.CMD_READ, handle, protocol.int64(offset), length
        )
        return number

    def _settle(self, inbox: _Inbox, under_way: dict[int, int]) -> int:
        """Wait for the oldest write; its number of bytes."""
        number = next(iter(under_way))
        kind, message = self._answer(inbox, number)
        if kind != protocol.CMD_STATUS:
            raise paramiko.SFTPError("no status")
        length = under_way.pop(number)
        self._convert_status(message)
        return length

    def _received(self, inbox: _Inbox, number: int) -> bytes:
        kind, message = self._answer(inbox, number)
        if kind == protocol.CMD_STATUS:
            try:
                self._convert_status(message)
            except EOFError:
                return b""
        if kind != protocol.CMD_DATA:
            raise paramiko.SFTPError("no data")
        data: bytes = message.get_string()
        return data

    def _answer(self, inbox: _Inbox, number: int) -> tuple[int, Message]:
        while number not in inbox.answers:
            self._read_response()
        return inbox.answers.pop(number)

    def _abandon(self, under_way: dict[int, Any]) -> None:
        """Nobody waits for these answers any more; they are dropped when they come."""
        with self._lock:
            for number in under_way:
                self._expecting.pop(number, None)

    # ----------------------------------------------------------------- paramiko's own

    def _send_version(self) -> int:
        message = Message()
        message.add_int(3)
        self._send_packet(protocol.CMD_INIT, message)
        kind, data = self._read_packet()
        if kind != protocol.CMD_VERSION:
            raise paramiko.SFTPError("no version")
        answer = Message(data)
        version: int = answer.get_int()
        names = []
        while answer.get_remainder():
            names.append(answer.get_text())
            answer.get_binary()
        self.extensions = frozenset(names)
        return version

    def _convert_status(self, message: Message) -> None:
        code, said = message.get_int(), message.get_string().decode(errors="replace")
        if code == protocol.SFTP_EOF:
            raise EOFError(said)
        if code != protocol.SFTP_OK:
            raise errors.Status(code, said)

    def _read_all(self, count: int) -> bytes:
        pieces = []
        while count:
            piece = self.sock.recv(count)
            if not piece:
                raise EOFError
            pieces.append(piece)
            count -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
