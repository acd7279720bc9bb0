"""Ports for servers that open theirs a moment after it was chosen for them.

A port that is found by opening and closing it may be anybody's by then: another worker's server,
or the near end of a connection. So each is given once in a run, and from below those that the
system gives away by itself.
"""

from __future__ import annotations

import fcntl
import random
import socket
from pathlib import Path

from tests.support.run import run_folder

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""The lowest and the highest that the system gives away."""
LOWEST = 10_000


def free_ports(count: int) -> list[int]:
    """As many, all different."""
    return [free_port() for _number in range(count)]


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that nobody else of this run is given."""
    highest = int(RANGE.read_text().split()[0]) if RANGE.exists() else 0
    if highest - LOWEST < 1000:
        return _any_port()
    given = run_folder() / "ports"
    with (run_folder() / "ports.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Another run begins elsewhere.
        last = int(given.read_text()) if given.exists() else random.randrange(LOWEST, highest)
        for _attempt in range(1000):
            last = last + 1 if last + 1 < highest else LOWEST
            if _is_free(last):
                given.write_text(str(last))
                return last
    raise RuntimeError(f"Of 1,000 ports before {last} none is free")


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _any_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
