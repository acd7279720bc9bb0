"""One test run: a folder that all its processes share, removed at its end."""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

VARIABLE = "TRUSTBACKUP_TEST_RUN"
OWNER = "TRUSTBACKUP_TEST_RUN_PID"
MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 2 << 30
"""A container has 64 MB there unless somebody asked for more."""


def run_folder() -> Path:
    """The run's folder: made by the process that asks first, inherited by its children."""
    if VARIABLE not in os.environ:
        folder = Path(tempfile.mkdtemp(prefix="trustbackup-tests-"))
        # The servers' own users must be able to reach their folders in it.
        folder.chmod(0o711)
        os.environ[VARIABLE] = str(folder)
        os.environ[OWNER] = str(os.getpid())
        atexit.register(_remove, folder)
    return Path(os.environ[VARIABLE])


def memory_folder() -> Path:
    """A folder of the run in memory, for what no test wants to find on a disk; else on the disk.

    Making a database makes 300 files, for whose numbers ext4 looks through those that were deleted
    within the last seconds: a fifth of the processor's time in a sweep.
    """
    return Path(once("memory-folder", new_memory_folder))


def new_memory_folder() -> str:
    """As ``memory_folder`` has it made once."""
    folder = MEMORY / run_folder().name
    try:
        if shutil.disk_usage(MEMORY).free < ENOUGH_BYTES:
            return str(run_folder())
        folder.mkdir()
        # The servers' own users must be able to reach their folders in it.
        folder.chmod(0o711)
    except OSError:
        return str(run_folder())
    return str(folder)


def is_owner() -> bool:
    """Whether this process made the run's folder, and so ends the run."""
    return os.environ.get(OWNER) == str(os.getpid())


def once(name: str, build: Callable[[], Any]) -> Any:
    """What `build` returned in the one process of the run that came first; plain JSON."""
    result = run_folder() / f"{name}.json"
    with (run_folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not result.exists():
            value = build()
            result.write_text(json.dumps(value))
        return json.loads(result.read_text())


def seed(given: int | None) -> int:
    """The run's seed: the one that was asked for, else one that all its processes share."""
    drawn: int = once("seed", lambda: secrets.randbelow(1_000_000) if given is None else given)
    return drawn


def made(name: str) -> Any:
    """What ``once`` has built in this run, or None."""
    result = run_folder() / f"{name}.json"
    return json.loads(result.read_text()) if result.exists() else None


def _remove(folder: Path) -> None:
    # A process that a test forks inherits this exit handler, not the folder.
    if is_owner():
        shutil.rmtree(MEMORY / folder.name, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
