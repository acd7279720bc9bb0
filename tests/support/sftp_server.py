# mypy: disable-error-code="misc,no-any-return"
"""SFTP servers that are not OpenSSH: paramiko's own, with the habits of others.

Each is a real server in a thread of the tests' process, over a folder of this machine.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paramiko
from paramiko import sftp as protocol
from paramiko.common import MSG_SERVICE_REQUEST
from paramiko.message import Message

USER, PASSWORD = "backup", "sesame"


@dataclass
class Habits:
    """What a server does other than OpenSSH."""

    announces: tuple[str, ...] = ()
    """Extensions that it announces, and then answers with "operation unsupported"."""
    appends: bool = True
    """A write at an offset of a file that is there already works."""
    interactive: bool = False
    """It takes the password by keyboard-interactive alone."""
    one_request: bool = False
    """It hangs up when it is asked twice for the right to sign in."""
    mode: int | None = None
    """It gives each file these rights, whatever is asked for."""
    keeps_mode: bool = False
    """It does not let anybody change rights."""
    endless: bool = False
    """Its listings never end."""
    huge: bool = False
    """It says that an answer has 15 MB."""
    drips: bool = False
    """It sends a byte a second, for ever, in place of its first answer."""


class Door(paramiko.ServerInterface):
    def __init__(self, habits: Habits) -> None:
        self.habits = habits

    def get_allowed_auths(self, username: str) -> str:
        return "keyboard-interactive" if self.habits.interactive else "password"

    def check_auth_password(self, username: str, password: str) -> int:
        right = (username, password) == (USER, PASSWORD) and not self.habits.interactive
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED

    def check_auth_interactive(self, username: str, submethods: str) -> Any:
        return paramiko.InteractiveQuery("", "", ("Password: ", False))

    def check_auth_interactive_response(self, responses: list[str]) -> int:
        return paramiko.AUTH_SUCCESSFUL if responses == [PASSWORD] else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED if kind == "session" else 1


class OpenFile(paramiko.SFTPHandle):
    def __init__(self, flags: int, path: Path, habits: Habits) -> None:
        super().__init__(flags)
        self.habits = habits
        self.is_new = bool(flags & os.O_CREAT)
        mode = 0o600 if habits.mode is None else habits.mode
        self.descriptor = os.open(path, flags, mode)
        if self.is_new:
            os.fchmod(self.descriptor, mode)

    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self.descriptor, length, offset)

    def write(self, offset: int, data: bytes) -> int:
        if not (self.habits.appends or self.is_new):
            return paramiko.SFTP_FAILURE
        os.pwrite(self.descriptor, data, offset)
        return paramiko.SFTP_OK

    def stat(self) -> Any:
        return paramiko.SFTPAttributes.from_stat(os.fstat(self.descriptor))

    def close(self) -> None:
        super().close()
        with contextlib.suppress(OSError):
            os.close(self.descriptor)


def answered(action: Any, *arguments: Any) -> Any:
    try:
        action(*arguments)
    except OSError as error:
        return paramiko.SFTPServer.convert_errno(error.errno)
    return paramiko.SFTP_OK


class Files(paramiko.SFTPServerInterface):
    def __init__(self, door: Door, root: Path) -> None:
        super().__init__(door)
        self.habits, self.root = door.habits, root

    def _path(self, path: str) -> Path:
        return self.root / self.canonicalize(path).lstrip("/")

    def list_folder(self, path: str) -> Any:
        if self.habits.endless:
            return Endless()
        found = []
        for item in self._path(path).iterdir():
            attributes = paramiko.SFTPAttributes.from_stat(item.lstat())
            attributes.filename = item.name
            found.append(attributes)
        return found

    def lstat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(self._path(path).lstat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    stat = lstat

    def open(self, path: str, flags: int, attr: Any) -> Any:
        try:
            return OpenFile(flags, self._path(path), self.habits)
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    def remove(self, path: str) -> Any:
        return answered(self._path(path).unlink)

    def rename(self, oldpath: str, newpath: str) -> Any:
        return answered(self._path(oldpath).rename, self._path(newpath))

    def mkdir(self, path: str, attr: Any) -> Any:
        return answered(self._path(path).mkdir, 0o700)

    def chattr(self, path: str, attr: Any) -> Any:
        if self.habits.keeps_mode:
            return paramiko.SFTP_PERMISSION_DENIED
        return answered(self._path(path).chmod, attr.st_mode)


class Endless(list[Any]):
    """A listing that is made as it is asked for: paramiko takes so many, and keeps the rest."""

    def __getitem__(self, index: Any) -> Any:
        return self if index.start else [entry(number) for number in range(index.stop)]


def entry(number: int) -> paramiko.SFTPAttributes:
    attributes = paramiko.SFTPAttributes()
    attributes.st_mode, attributes.st_size = 0o100600, 1
    attributes.filename = f"backup_2026-11-20_02-15-{number:02}.dump.gz"
    return attributes


class Server(paramiko.SFTPServer):
    def _send_server_version(self) -> int:
        habits: Habits = self.server.habits
        _kind, data = self._read_packet()
        if habits.drips:
            while True:
                self.sock.sendall(b"\0")
                time.sleep(1)
        if habits.huge:
            self.sock.sendall(struct.pack(">I", 15 << 20))
            while True:
                self.sock.sendall(bytes(1 << 15))
        version = struct.unpack(">I", data[:4])[0]
        message = Message()
        message.add_int(3)
        for name in habits.announces:
            message.add_string(name)
            message.add_string("2")
        self._send_packet(protocol.CMD_VERSION, message)
        return int(version)


class HangsUp(paramiko.auth_handler.AuthHandler):
    """RFC 4252, 5: one may hang up when the service was given already; asyncssh does."""

    _asked = False

    @property
    def _server_handler_table(self) -> Any:
        table = dict(super()._server_handler_table)
        table[MSG_SERVICE_REQUEST] = self._once
        return table

    def _once(self, message: Message) -> None:
        if self._asked:
            self.transport.close()
            return
        self._asked = True
        self._parse_service_request(message)


@contextlib.contextmanager
def running(root: Path, habits: Habits) -> Iterator[dict[str, Any]]:
    """Serve a folder; what an SftpConfig needs to sign in."""
    key = paramiko.ECDSAKey.generate()
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        transports: list[paramiko.Transport] = []

        def serve() -> None:
            while True:
                try:
                    connection, _address = listener.accept()
                except OSError:
                    return
                transport = paramiko.Transport(connection)
                transports.append(transport)
                transport.set_log_channel("tests.paramiko")
                transport.add_server_key(key)
                transport.set_subsystem_handler("sftp", Server, Files, root)
                if habits.one_request:
                    transport.auth_handler = HangsUp(transport)
                with contextlib.suppress(Exception):
                    transport.start_server(server=Door(habits), event=threading.Event())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield {
                "host": "127.0.0.1",
                "port": listener.getsockname()[1],
                "user": USER,
                "password": PASSWORD,
                "host_key": f"{key.get_name()} {key.get_base64()}",
                "folder": "/copies",
                "timeout": 30,
            }
        finally:
            listener.close()
            for transport in transports:
                transport.close()
