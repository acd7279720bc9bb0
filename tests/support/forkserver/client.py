"""Asks the worker's servers for commands.

What Python and the C library read from the environment when they start must be as it was for the
servers: other commands get an interpreter of their own.
"""

from __future__ import annotations

import array
import functools
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.forkserver.forked import Forked

CHECKOUT = Path(__file__).resolve().parents[3]
AT_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "GLIBC_", "OPENSSL_", "CRYPTOGRAPHY_")
"""Variables that are read once, by an interpreter or a library when it starts."""
SAME = {"LC_ALL": "C.UTF-8", "PYTHONWARNINGS": "error"}
"""What those variables are in the servers, and so in all their children."""


def can_run(environment: Mapping[str, str]) -> bool:
    """Whether a forked child would see this environment as a new interpreter does."""
    fixed = {name: value for name, value in environment.items() if name.startswith(AT_START)}
    fixed.pop("PYTHONDONTWRITEBYTECODE", None)  # of which the child itself takes note
    folders = fixed.pop("PYTHONPATH", "").split(os.pathsep)
    customized = any(Path(folder, "sitecustomize.py").exists() for folder in folders if folder)
    return fixed == SAME and not customized


def start(
    arguments: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    tracer: Sequence[str] = (),
) -> Forked:
    """Start a Python program (file and arguments).

    With a tracer, strace and its options, all that the program itself does is traced.
    """
    request = {
        "argv": list(arguments),
        "cwd": str(cwd),
        "env": dict(environment),
        "umask": umask(),
        "traced": bool(tracer),
        "keeps": [],
    }
    servers = _servers()
    started = None
    if Path(arguments[0]) == CHECKOUT / "manage.py":
        started = _ask(servers, servers.warm, request, tracer)
    started = started or _ask(servers, servers.cold, request, tracer)
    assert started, "a server without apps takes every command"
    return started


def _ask(
    servers: _Servers, server: socket.socket, request: dict[str, object], tracer: Sequence[str]
) -> Forked | None:
    """None where the server has loaded other apps than the command's."""
    out, err, told, go = os.pipe(), os.pipe(), os.pipe(), os.pipe()
    try:
        servers.send(server, request, [out[1], err[1], told[1], go[0]])
    finally:
        for number in (out[1], err[1], told[1], go[0]):
            os.close(number)
    argv = request["argv"]
    assert isinstance(argv, list)
    return Forked.begun([sys.executable, *argv], out[0], err[0], told[0], go[1], tracer)


class _Servers:
    """The two processes that fork, and our ends of the sockets on which they are asked to."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(2)]
        (self.cold, theirs), (self.warm, theirs_too) = pairs
        with theirs, theirs_too:
            files = [theirs.fileno(), theirs_too.fileno()]
            program = CHECKOUT / "tests/support/forkserver/server.py"
            self.process = subprocess.Popen(
                [sys.executable, str(program), *map(str, files)],
                cwd="/",
                env={"PATH": os.environ["PATH"], **SAME},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=files,
                start_new_session=True,
            )
        # They end when our ends of the sockets are closed: with us, at the latest.
        self.process.returncode = 0

    def send(self, server: socket.socket, request: object, files: Sequence[int]) -> None:
        with self.lock:
            send(server, request, files)


def send(server: socket.socket, request: object, files: Sequence[int]) -> None:
    descriptors = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))
    server.sendmsg([json.dumps(request).encode()], [descriptors])


def pids() -> list[int]:
    """The process ids of the servers: the one without apps, and its child, which has them."""
    first = _servers().process.pid
    (second,) = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    return [first, int(second)]


@functools.cache
def _servers() -> _Servers:
    return _Servers()


def umask() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("Umask:")[2].split()[0], 8)
