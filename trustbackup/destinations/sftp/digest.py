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
_POLL = 0.5
"""Seconds."""


def told(server: Session, path: str, size: int, watch: Callable[[], None]) -> str | None:
    """The SHA-256 of a file of ``size`` bytes, in hex; None when no program tells one in time.

    ``watch`` is called about twice a second, and may raise. Raises errors.LOST when the server
    goes silent, errors.Status when the file is gone.
    """
    patience = server.sock.gettimeout()
    try:
        channel = server.run(command(_absolute(server, path)))
    except (errors.Status, *errors.LOST, *errors.GARBAGE):
        return None  # whether the connection is lost, too, is told to whoever reads the file
    with contextlib.closing(channel):
        channel.settimeout(_POLL)
        end = time.monotonic() + patience + size / _SLOWEST
        answer = b""
        while b"\n" not in answer and len(answer) < _LONGEST and time.monotonic() < end:
            try:
                piece = channel.recv(_LONGEST)
            except TimeoutError:
                server.lstat(path)  # the program has reason to be silent, the server has not
            else:
                if not piece:
                    break
                answer += piece
            watch()
    match = _ANSWER.match(answer)
    return match[1].decode() if match else None


def command(path: str) -> str:
    """A command line for any shell that finds a ``sh``: it prints a file's SHA-256 first."""
    escaped = "".join(chr(byte) if byte in _PLAIN else f"\\0{byte:03o}" for byte in path.encode())
    tries = " || ".join(f'{program} <"$f"' for program in _PROGRAMS)
    return f"""sh -c 'f=$(printf %b "{escaped}"); {tries}'"""


def _absolute(server: Session, path: str) -> str:
    """A program need not begin in the folder that an SFTP session begins in."""
    return path if path.startswith("/") else str(server.normalize(path))
