"""The processes that import once, and then fork a child for each command.

The first has imported what needs no settings; it forks the second, which has loaded the web
shop's apps, too. A child must be as a new interpreter is, only sooner.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import fcntl
import gc
import importlib
import importlib.util
import json
import os
import runpy
import selectors
import socket
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = str(Path(__file__).resolve().parents[3])
PR_SET_PTRACER = 0x59616D61
MOST_FILES = 16
"""That come with a request."""
OUT_OF_THE_WAY = 512
"""The lowest number that a descriptor gets which must leave those below to others."""
sys.path.insert(0, CHECKOUT)

from tests.support.forkserver import detached, ending, imports  # noqa: E402
from tests.support.forkserver.forked import OTHER_APPS  # noqa: E402
from tests.support.forkserver.warm import Apps  # noqa: E402


@dataclass(frozen=True, kw_only=True)
class Request:
    """A program, what surrounds it, and two pipes: where it tells of itself, and what it awaits."""

    argv: list[str]
    """A file, or ``-m`` and a module, and arguments."""
    env: dict[str, str]
    cwd: str
    umask: int
    traced: bool
    told: int
    go: int
    keeps: list[int]
    """The numbers that its inherited descriptors are to have."""
    inherited: list[int]
    """What they have meanwhile."""


def main() -> None:
    ending.expect()
    imports.load()
    cold, warm = (socket.socket(fileno=int(number)) for number in sys.argv[1:])
    apps = None
    if os.fork():
        requests, others = cold, warm
    else:
        requests, others = warm, cold
        apps = Apps()
    others.close()
    assert threading.active_count() == 1
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]
    ending.keep(apps)
    sys.path.remove(CHECKOUT)
    importlib.invalidate_caches()
    with requests, detached.listen() as listener:
        address = listener.getsockname()
        gc.collect()
        gc.freeze()
        request = serve(requests, listener)
    become(request, apps, address)


def serve(requests: socket.socket, listener: socket.socket) -> Request:
    """Fork for each request; returns it in the child that is to become its command."""
    running: dict[int, tuple[int, int]] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(requests, selectors.EVENT_READ)
        selector.register(listener, selectors.EVENT_READ)
        while True:
            for key, _events in selector.select():
                if key.fd in running:
                    selector.unregister(key.fd)
                    tell_end(key.fd, *running.pop(key.fd))
                    continue
                if key.fd == requests.fileno():
                    message, files = receive(requests)
                    if not message:
                        os._exit(0)
                else:
                    with listener.accept()[0] as asking:
                        message, files = receive(asking)
                    if not message:  # it died before it could ask
                        continue
                out, err, told, go, *inherited = files
                if not (command := os.fork()):
                    for number, (_pid, other) in running.items():
                        os.close(number)
                        os.close(other)
                    take(out, err)
                    told, go, *inherited = map(move, (told, go, *inherited))
                    return Request(**json.loads(message), told=told, go=go, inherited=inherited)
                for number in (out, err, go, *inherited):
                    os.close(number)
                ended = os.pidfd_open(command)
                running[ended] = command, told
                selector.register(ended, selectors.EVENT_READ)


def receive(requests: socket.socket) -> tuple[bytes, list[int]]:
    message, ancillary, _flags, _address = requests.recvmsg(
        1 << 20, socket.CMSG_SPACE(4 * MOST_FILES)
    )
    files = array.array("i")
    for _level, _kind, data in ancillary:
        files.frombytes(data)
    return message, list(files)


def tell_end(ended: int, command: int, told: int) -> None:
    """The status of a command that has ended, after all that it said of itself."""
    os.close(ended)
    status = os.waitpid(command, 0)[1]
    # Who asked may have ended before.
    with contextlib.suppress(BrokenPipeError):
        os.write(told, b"%d\n" % status)
    os.close(told)


def take(out: int, err: int) -> None:
    """Write where the command's output goes, as the first of a session of its own."""
    os.setsid()
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)


def move(number: int) -> int:
    """The descriptor, where no other is to be."""
    moved = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, OUT_OF_THE_WAY)
    os.close(number)
    return moved


def become(request: Request, apps: Apps | None, address: bytes) -> None:
    """Run the program as if this interpreter had just been started for it."""
    os.write(request.told, b"%d\n" % os.getpid())
    os.environ.clear()
    os.environ.update(request.env)
    time.tzset()
    os.umask(request.umask)
    os.chdir(request.cwd)
    tempfile.tempdir = None
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    for number, keeps in zip(request.inherited, request.keeps, strict=True):
        os.dup2(number, keeps)
        os.close(number)
    module = request.argv[1] if request.argv[0] == "-m" else ""
    sys.argv = [main_of(module), *request.argv[2:]] if module else request.argv
    added = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    first = str(Path.cwd()) if module else str(Path(sys.argv[0]).parent)
    sys.path[:] = [first, *dict.fromkeys([*added, *sys.path[1:]])]
    if apps and not fits(apps):
        os.write(request.told, OTHER_APPS)
        os._exit(0)
    if request.traced:
        # Whoever is not root may trace only its own children, and those who let it.
        ctypes.CDLL(None).prctl(PR_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)
    else:
        # What a tracer is to follow has to be a child of the command.
        detached.fork_at(address)
    os.write(request.told, b"begins\n")
    os.close(request.told)
    if request.traced:
        os.read(request.go, 1)
    os.close(request.go)
    with ending.whole_process():
        if module:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(sys.argv[0], run_name="__main__")


def main_of(module: str) -> str:
    """The file that ``-m`` runs of a package."""
    spec = importlib.util.find_spec(f"{module}.__main__")
    assert spec is not None, module
    assert spec.origin is not None, module
    return spec.origin


def fits(apps: Apps) -> bool:
    """Whether the command can use them; what its settings print is printed once."""
    said = [os.memfd_create("said") for _stream in (1, 2)]
    streams = [os.dup(1), os.dup(2)]
    for stream, memory in zip((1, 2), said, strict=True):
        os.dup2(memory, stream)
    found = apps.are_those_of_the_command()
    sys.stdout.flush()
    sys.stderr.flush()
    for stream, own, memory in zip((1, 2), streams, said, strict=True):
        os.dup2(own, stream)
        os.close(own)
        if found and (size := os.fstat(memory).st_size):
            os.write(stream, os.pread(memory, size, 0))
        os.close(memory)
    return found


if __name__ == "__main__":
    main()
