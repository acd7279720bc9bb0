"""SFTP's packets on paramiko's channel: requests under way, and their answers.

What is used of paramiko without being its public interface is used in this module and in
``session.py`` only.
"""

from __future__ import annotations

import struct
from typing import Any

import paramiko
from paramiko import sftp as protocol
from paramiko.message import Message

from trustbackup.destinations.sftp import errors

_LARGEST_ANSWER = 1 << 20
"""Bytes: four times the largest piece that is asked for, or a good part of a folder's listing."""
_PACKET = 32704
"""Bytes: what one SSH packet carries, at most, to a server that takes the usual 32 KB."""


class Inbox:
    """Answers that have arrived, by the number of their request."""

    def __init__(self) -> None:
        self.answers: dict[int, tuple[int, Message]] = {}

    def _async_response(self, kind: int, message: Message, number: int) -> None:
        self.answers[number] = (kind, message)


class Wire(paramiko.SFTPClient):  # type: ignore[misc]  # it has no types
    """Packets in both directions; raises errors.Status for what the server refuses."""

    extensions: frozenset[str] = frozenset()
    """What the server announced beyond the protocol (draft-ietf-secsh-filexfer-02, section 4)."""

    # ------------------------------------------------------------------------ requests

    def send_write(self, inbox: Inbox, handle: bytes, offset: int, data: memoryview) -> int:
        """Ask for one write, without waiting for it; the request's number."""
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

    def send_read(self, inbox: Inbox, handle: bytes, offset: int, length: int) -> int:
        """Ask for ``length`` bytes, without waiting for them; the request's number."""
        number: int = self._async_request(
            inbox, protocol.CMD_READ, handle, protocol.int64(offset), length
        )
        return number

    def await_write(self, inbox: Inbox, under_way: dict[int, int]) -> int:
        """Wait for the oldest write; its number of bytes."""
        number = next(iter(under_way))
        kind, message = self._answer(inbox, number)
        if kind != protocol.CMD_STATUS:
            raise paramiko.SFTPError("no status")
        length = under_way.pop(number)
        self._convert_status(message)
        return length

    def received(self, inbox: Inbox, number: int) -> bytes:
        """Wait for what was asked for by this number; nothing at the end of the file."""
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

    def _answer(self, inbox: Inbox, number: int) -> tuple[int, Message]:
        while number not in inbox.answers:
            self._read_response()
        return inbox.answers.pop(number)

    def abandon(self, under_way: dict[int, Any]) -> None:
        """Stop waiting for these answers: they are dropped when they come."""
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
        if count > _LARGEST_ANSWER:
            raise paramiko.SFTPError("too long an answer")
        pieces = []
        while count:
            piece = self.sock.recv(count)
            if not piece:
                raise EOFError
            pieces.append(piece)
            count -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
