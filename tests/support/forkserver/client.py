"""Asks the worker's server for commands, and waits for their ends.

What Python and the C library read from the environment when they start must be as it was for the
server: other commands get an interpreter of their own.
"""

from __future__ import annotations

import array
import contextlib
import functools
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
AT_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "GLIBC_", "OPENSSL_", "CRYPTOGRAPHY_")
"""Variables that are read once, by an interpreter or a library when it starts."""
SAME = {"LC_ALL": "C.UTF-8", "PYTHONWARNINGS": "error"}
"""What those variables are in the server, and so in all its children."""

Ended = tuple[int, str, str]
"""Exit code (negative: the signal), standard output, standard error."""


class LateError(Exception):
    """The command took longer than it may and was killed with its whole group."""

    def __init__(self, ended: Ended) -> None:
        super().__init__(ended)
        self.ended = ended


def can_run(environment: Mapping[str, str]) -> bool:
    """Whether a forked child would see this environment as a new interpreter does."""
    fixed = {name: value for name, value in environment.items() if name.startswith(AT_START)}
    folders = fixed.pop("PYTHONPATH", "").split(os.pathsep)
    customized = any(Path(folder, "sitecustomize.py").exists() for folder in folders if folder)
    return fixed == SAME and not customized


def run(
    arguments: Sequence[str], *, cwd: Path, environment: Mapping[str, str], timeout: float
) -> Ended:
    """Run a Python program (file and arguments) to its end. Raises LateError."""
    deadline = time.monotonic() + timeout
    out, err, status = os.pipe(), os.pipe(), os.pipe()
    request = {
        "argv": list(arguments),
        "cwd": str(cwd),
        "env": dict(environment),
        "umask": _umask(),
    }
    try:
        _server().send(request, [out[1], err[1], status[1]])
    finally:
        for pipe in (out, err, status):
            os.close(pipe[1])
    with os.fdopen(status[0], "rb") as told:
        pid = int(told.readline())
        reader = _Reader(out[0], err[0])
        late = not reader.until(deadline)
        if late:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            reader.until(time.monotonic() + timeout)
        code = os.waitstatus_to_exitcode(int(told.readline()))
    ended = (code, *reader.texts())
    if late:
        raise LateError(ended)
    return ended


class _Reader:
    """Reads two pipes to their ends, as Popen.communicate() does."""

    def __init__(self, *pipes: int) -> None:
        self.found: dict[int, bytearray] = {pipe: bytearray() for pipe in pipes}
        self.selector = selectors.DefaultSelector()
        for pipe in pipes:
            self.selector.register(pipe, selectors.EVENT_READ)

    def until(self, deadline: float) -> bool:
        """Read until both have ended; False at the deadline."""
        while self.selector.get_map():
            if (seconds := deadline - time.monotonic()) <= 0:
                return False
            for key, _events in self.selector.select(seconds):
                if block := os.read(key.fd, 65536):
                    self.found[key.fd] += block
                else:
                    self.selector.unregister(key.fd)
                    os.close(key.fd)
        self.selector.close()
        return True

    def texts(self) -> tuple[str, str]:
        out, err = (bytes(data).decode().replace("\r\n", "\n") for data in self.found.values())
        return out, err


class _Server:
    """The process that forks, and our end of the socket on which it is asked to."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    str(CHECKOUT / "tests/support/forkserver/server.py"),
                    str(theirs.fileno()),
                ],
                cwd="/",
                env={"PATH": os.environ["PATH"], **SAME},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        # It ends when our end of the socket is closed: with us, at the latest.
        self.process.returncode = 0

    def send(self, request: object, files: list[int]) -> None:
        descriptors = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))
        with self.lock:
            self.socket.sendmsg([json.dumps(request).encode()], [descriptors])


def pid() -> int:
    """The server's process id."""
    return _server().process.pid


@functools.cache
def _server() -> _Server:
    return _Server()


def _umask() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("Umask:")[2].split()[0], 8)
