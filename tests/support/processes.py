"""Processes of the system, by /proc."""

from __future__ import annotations

import contextlib
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
