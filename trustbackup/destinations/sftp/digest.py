"""What is in a file at the server, as a program there tells it: nothing needs to be sent back.

sshd hands a command to the user's login shell, whichever that is (RFC 4254, 6.5). So a path
reaches it as letters that every shell takes alike, and octal escapes for whatever else is in it.
"""

from __future__ import annotations

import contextlib
import re
import string
import time
from collections.abc import Callable

import paramiko

from trustbackup.destinations.sftp import errors
from trustbackup.destinations.sftp.session import Session

_PROGRAMS = ("openssl dgst -sha256 -r", "sha256sum", "shasum -a 256")
"""openssl comes first: with the processor's own instructions it takes a quarter of the time."""
_PLAIN = frozenset((string.ascii_letters + string.digits + "/._-").encode())
_ANSWER = re.compile(rb"([0-9a-f]{64})\b")
_LONGEST = 4096
"""Bytes of an answer's first line. Of what follows it, and of stderr, a channel takes 32 KB."""
_SLOWEST = 20_000_000
"""Bytes that a server gets another second for. Old network disks hash 50 MB in one."""
_WORTH_A_PROGRAM = 1 << 20
"""Bytes. Less than this is read back before a program has started."""
_POLL = 0.5
"""Seconds."""


class Question:
    """Asked of a program at the server: what is in a file of ``size`` bytes?

    It works while others do something else, and is left alone when the question is closed. Where
    no program has answered rightly once, none is asked again in that session.
    """

    def __init__(self, server: Session, path: str, size: int) -> None:
        self.path = path
        self.size = size
        self._server = server
        self._is_asked = server.asks_programs and size >= _WORTH_A_PROGRAM
        self._channel: paramiko.Channel | None = None
        if self._is_asked:
            # A lost connection is an error for the next one who uses it.
            with contextlib.suppress(errors.Status, *errors.LOST, *errors.GARBAGE):
                self._channel = server.run(command(_absolute(server, path)))

    def close(self) -> None:
        if self._channel is not None:
            self._channel.close()

    def confirms(self, sha256: str, watch: Callable[[], None]) -> bool:
        """Whether a program says in time that the file has this SHA-256 (hex).

        ``watch`` is called about twice a second, and may raise. Raises errors.LOST when the server
        goes silent, errors.Status when the file is gone.
        """
        if self._is_asked:
            match = _ANSWER.match(self._answer(watch))
            self._server.asks_programs = match is not None and match[1].decode() == sha256
        return self._is_asked and self._server.asks_programs

    def _answer(self, watch: Callable[[], None]) -> bytes:
        answer = b""
        if self._channel is None:
            return answer
        self._channel.settimeout(_POLL)
        end = time.monotonic() + self._server.sock.gettimeout() + self.size / _SLOWEST
        while b"\n" not in answer and len(answer) < _LONGEST and time.monotonic() < end:
            try:
                piece = self._channel.recv(_LONGEST)
            except TimeoutError:
                self._server.lstat(self.path)  # the program may be silent, the server may not
            else:
                if not piece:
                    break
                answer += piece
            watch()
        return answer


def command(path: str) -> str:
    """A command line for any shell that finds a ``sh``: it prints a file's SHA-256 first."""
    escaped = "".join(chr(byte) if byte in _PLAIN else f"\\0{byte:03o}" for byte in path.encode())
    tries = " || ".join(f'{program} <"$f"' for program in _PROGRAMS)
    return f"""sh -c 'f=$(printf %b "{escaped}"); {tries}'"""


def _absolute(server: Session, path: str) -> str:
    """A program need not begin in the folder that an SFTP session begins in."""
    return path if path.startswith("/") else str(server.normalize(path))
