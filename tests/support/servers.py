"""Server programs of a test run: started once, by whichever worker asks, stopped at its end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.support import processes

PATIENCE = 120.0
"""Seconds to wait for a server to answer; a loaded machine is slow."""


def start(
    folder: Path, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None
) -> None:
    """Start a program that writes to ``folder/name.log``, and remember it for stop_all()."""
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    # A process that has only just become the program has no command line for a moment.
    while processes.is_alive(process.pid) and not processes.command_line(process.pid):
        time.sleep(0.001)
    # It outlives the worker that started it; what waits for it is stop_all().
    process.returncode = 0
    (folder / f"{name}.server").write_text(json.dumps([process.pid, list(command)]))


def wait_for(folder: Path, name: str, answers: Callable[[], bool]) -> None:
    """Wait until a started server answers. Raises RuntimeError with the end of its log."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and _is_running(folder / f"{name}.server"):
        with contextlib.suppress(OSError):
            if answers():
                return
        time.sleep(0.05)
    said = (folder / f"{name}.log").read_text(errors="replace")[-2000:]
    raise RuntimeError(f"The {name} server did not start:\n{said}")


def stop_all(parent: Path) -> None:
    """Stop every server that `start` started in a folder of `parent`."""
    for folder in {record.parent for record in parent.glob("*/*.server")}:
        stop(folder)


def stop(folder: Path) -> None:
    """Stop every server that `start` started in a folder."""
    for record in folder.glob("*.server"):
        if _is_running(record):
            pid = int(json.loads(record.read_text())[0])
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _is_running(record: Path) -> bool:
    """Whether the process is alive and still the one that was started."""
    pid, command = json.loads(record.read_text())
    return processes.is_alive(pid) and processes.command_line(pid) == " ".join(command)
