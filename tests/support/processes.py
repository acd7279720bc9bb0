"""Processes of the system, by /proc."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections import defaultdict
from pathlib import Path


def descendants(pid: int) -> dict[int, str]:
    """The living children of a process, and theirs: pid and command line."""
    children = defaultdict(list)
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if fields[0] != "Z":
                children[int(fields[1])].append(int(folder.name))
    found: dict[int, str] = {}
    waiting = [pid]
    while waiting:
        for child in children[waiting.pop()]:
            found[child] = command_line(child)
            waiting.append(child)
    return found


def is_alive(pid: int) -> bool:
    """False for a process that is gone, or dead and only waits to be noticed."""
    with contextlib.suppress(OSError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state not in "ZX"
    return False


def command_line(pid: int) -> str:
    """What ``ps`` shows of a process; "" when it is gone."""
    with contextlib.suppress(OSError):
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        return raw.replace(b"\0", b" ").decode(errors="replace").strip()
    return ""


def all_command_lines() -> str:
    """The command lines of everything that runs."""
    return "\n".join(command_line(int(folder.name)) for folder in Path("/proc").glob("[0-9]*"))


Seen = frozenset[tuple[str, int]]
"""Processes by their number and the inode of their folder: a number that is used again has
another."""


def seen() -> Seen:
    """All that there are."""
    with os.scandir("/proc") as entries:
        return frozenset((entry.name, entry.inode()) for entry in entries if entry.name.isdigit())


def working_in(folder: Path, before: Seen = frozenset()) -> list[int]:
    """The living processes that were started with this folder, or stand in it; not our own.

    Those that were seen before it was there need no look: on a machine that does much else, to
    look at all takes longer than many a test.

    Its path is in their command line, in the environment that they began with, or is a
    beginning of their current folder's.
    """
    # Not in that of test_a_10 when it is test_a_1.
    path = re.compile(re.escape(os.fsencode(folder)) + rb"(?![\w-])")
    found = []
    for process in (Path("/proc", name) for name, _inode in seen() - before):
        said = [b""]
        with contextlib.suppress(OSError):
            said.append(os.fsencode((process / "cwd").readlink()))
        for name in ("cmdline", "environ"):
            with contextlib.suppress(OSError):
                said.append((process / name).read_bytes())
        if path.search(b"\0".join(said)):
            found.append(int(process.name))
    return [pid for pid in found if pid != os.getpid() and is_alive(pid)]


def end_all(folder: Path, before: Seen = frozenset(), seconds: float = 120.0) -> list[str]:
    """Kill what works in a folder, and what that starts meanwhile; the command lines.

    Raises AssertionError when something is left after so many seconds.
    """
    ended: dict[int, str] = {}
    deadline = time.monotonic() + seconds
    while found := working_in(folder, before):
        assert time.monotonic() < deadline, [command_line(pid) for pid in found]
        for pid in found:
            ended.setdefault(pid, command_line(pid))
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    return list(ended.values())
