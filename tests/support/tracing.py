"""Faults injected by strace into calls on the files of the next backup, and only there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.sites import Site

_FOLLOW = ("-f", "-y", "-qq", "-o")
_QUICKLY = ("--seccomp-bpf", *_FOLLOW)
"""A filter in the kernel lets all other calls pass at full speed; no signal can be injected."""
_SECONDS = 25
"""How long from now a command may take until it has its backup's name."""


def paths(site: Site, *files: str) -> list[str]:
    """Where the next backup's files will lie; its name is the second in which it begins.

    ``files`` are ends of names (``.dump.gz``, ``.manifest.json``), ``published`` for the
    journal, ``draft`` for its private folder, ``root`` for the backup folder.
    """
    return list(_paths(site, files))


def _paths(site: Site, files: tuple[str, ...]) -> Iterator[str]:
    root = site.backups
    if "root" in files:
        yield str(root)
    now = datetime.now(UTC)
    seconds = [now + timedelta(seconds=second) for second in range(-1, _SECONDS)]
    stamps = [moment.strftime("%Y-%m-%d_%H-%M-%S") for moment in seconds]
    # Who comes second, third … within one second has a number behind its time.
    others = [f"{stamp}_{number}" for stamp in stamps[:4] for number in (2, 3, 4)]
    for identifier in [*stamps, *others]:
        draft = root / ".drafts" / identifier
        for name in files:
            match name:
                case "root":
                    continue
                case "draft":
                    yield str(draft)
                case "published" | "copy.sqlite3":
                    yield str(draft / name)
                case _:
                    yield str(draft / f"backup_{identifier}{name}")
                    yield str(root / f"backup_{identifier}{name}")


def injecting(
    strace: str, site: Site, log: Path, calls: str, fault: str, when: str, files: tuple[str, ...]
) -> list[str]:
    """The program to put before a command: the ``when``-th of these calls on these files fails.

    ``fault`` is strace's: ``error=ENOSPC``, ``signal=KILL``.
    """
    filters = [item for path in paths(site, *files) for item in ("-P", path)]
    inject = ["-e", f"trace={calls}", "-e", f"inject={calls}:{fault}:when={when}"]
    follow = _FOLLOW if "signal=" in fault else _QUICKLY
    return [strace, *follow, str(log), *filters, *inject]


def injected(log: Path) -> list[str]:
    """The calls that were made to fail, and the deaths at one."""
    marks = ("(INJECTED)", "killed by SIGKILL")
    return [line for line in log.read_text().splitlines() if any(mark in line for mark in marks)]


NEVER = 9999
"""The number of a call that no command reaches."""


def number_of(call: str, log: Path) -> int:
    """How many of these calls a log has."""
    return len(re.findall(rf"^(?:\d+ +)?{call}\(", log.read_text(), re.MULTILINE))


def watching(strace: str, log: Path, calls: str) -> list[str]:
    return [strace, *_QUICKLY, str(log), "-e", f"trace={calls}"]


def events(log: Path, root: Path) -> list[tuple[str, str, str]]:
    """Calls on files below ``root`` in the order they began: call, its file, all of the line."""
    found = []
    for line in log.read_text().splitlines():
        if "resumed>" in line or f"{root}" not in line:
            continue
        call = re.match(r"\d+ +(\w+)\(", line)
        named = re.findall(rf'[<"]({re.escape(str(root))}[^>"]*)[>"]', line)
        if call and named:
            found.append((call[1], named[-1], line))
    return found
