"""The run of a forked command, which is to outlive it, forked as the command was.

`start_detached` of the product starts an interpreter for each run: half a second of the processor.
In a command of the servers it asks them for the process instead, at an address that only they
know: no descriptor and no variable of the command tells of it. The process leads a session of its
own, stands in the folder and has the umask, the environment, the output and the inherited
descriptors that it would have had, under the same numbers. What a server can't be asked for gets
an interpreter of its own, as ever.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from tests.support.forkserver.client import can_run, send, umask
from tests.support.forkserver.forked import OTHER_APPS, read_line


def listen() -> socket.socket:
    """Where a server is asked by its own commands: in no folder, and gone with the server."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(f"\0trustbackup-tests-{secrets.token_hex(16)}")
    listener.listen(64)
    return listener


def fork_at(address: bytes) -> None:
    """Let this process ask the server of this address from now on."""
    # Not at the head: it would be imported before what has to come first, see `ending`.
    from trustbackup.databases import process as product

    replacement = partial(_start_detached, address, product.start_detached)
    for name in (product.__name__, "trustbackup.runs.tasks"):
        if module := sys.modules.get(name):
            vars(module)["start_detached"] = replacement


def _start_detached(
    address: bytes,
    start: Callable[..., int],
    argv: Sequence[str],
    env: Mapping[str, str],
    folder: str,
    *,
    output: int,
    inherited: Sequence[int] = (),
    on_end: Callable[[int], object] = lambda _code: None,
) -> int:
    """As the product's own does."""
    interpreter, *arguments = argv
    if interpreter == sys.executable and arguments[0] == "-m" and can_run(env):
        request = {
            "argv": arguments,
            "cwd": folder,
            "env": dict(env),
            "umask": umask(),
            "traced": False,
            "keeps": list(inherited),
        }
        if started := _ask(address, request, [output, output], list(inherited)):
            pid, told = started
            from trustbackup.databases.process import AWAITING_END  # see `fork_at`

            awaiting = partial(_await_end, told, on_end)
            threading.Thread(target=awaiting, name=AWAITING_END, daemon=True).start()
            return pid
    return start(argv, env, folder, output=output, inherited=inherited, on_end=on_end)


def _ask(
    address: bytes, request: object, output: list[int], inherited: list[int]
) -> tuple[int, int] | None:
    """Its process id, and where its end will be told; None where a server can't be asked for it."""
    told, tell = os.pipe()
    with contextlib.suppress(OSError, EOFError):
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
                server.connect(address)
                send(server, request, [*output, tell, tell, *inherited])
        finally:
            os.close(tell)
        pid = int(read_line(told))
        if read_line(told) != OTHER_APPS:
            return pid, told
    os.close(told)
    return None


def _await_end(told: int, on_end: Callable[[int], object]) -> None:
    with contextlib.suppress(EOFError):
        on_end(os.waitstatus_to_exitcode(int(read_line(told))))
    os.close(told)
