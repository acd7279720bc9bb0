"""A server program that keeps copies, as a destination's address and the environment say it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

USER, PASSWORD = "backup", "sesame"
PATIENCE = 120.0
"""Seconds to wait for a server to answer; a loaded machine is slow."""


class MissingProgramError(RuntimeError):
    """A program of a server is not installed."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """A running server with room for copies."""

    name: str
    version: str
    url: str
    port: int
    variables: dict[str, str] = field(default_factory=dict)
    settings: str = ""
    """Python that goes to the end of the site's settings."""
    lock_url: str = ""
    """A bucket that was made with Object Lock, and asks for it."""
    folder: Path | None = None
    """Where the copies lie on this machine, if they are files of their own."""

    def through(self, port: int) -> Served:
        """The same server, reached by way of another port."""
        old, new = f"127.0.0.1:{self.port}", f"127.0.0.1:{port}"
        return replace(
            self,
            url=self.url.replace(old, new),
            settings=self.settings.replace(old, new),
            port=port,
        )


def program(name: str) -> str:
    """The path of a program of the environment or the system. Raises MissingProgramError."""
    beside = Path(sys.executable).parent
    found = shutil.which(name, path=f"{beside}:{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise MissingProgramError(f"{name} is not installed: `make test-field` installs it.")
    return found


def output(*command: str) -> str:
    """What a short command says, on both of its outputs."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return (done.stdout + done.stderr).strip()


@contextlib.contextmanager
def running(
    folder: Path,
    name: str,
    command: Sequence[str],
    *,
    port: int,
    environment: Mapping[str, str] = {},
    answers: Callable[[], object] | None = None,
) -> Iterator[None]:
    """A program that listens on this port of 127.0.0.1; ended with the context.

    Raises AssertionError with the end of its log when it does not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    try:
        end = time.monotonic() + PATIENCE
        while not _succeeds(answers or (lambda: listens(port))):
            said = log.read_text(errors="replace")[-2000:]
            assert process.poll() is None, f"The {name} server ended:\n{said}"
            assert time.monotonic() < end, f"The {name} server does not answer:\n{said}"
            time.sleep(0.1)
        yield
    finally:
        # Some replace themselves, or have children: they are one session.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _succeeds(action: Callable[[], object]) -> bool:
    try:
        return bool(action())
    except OSError:
        return False


def listens(port: int) -> bool:
    """Whether somebody takes connections there. Raises OSError."""
    with socket.create_connection(("127.0.0.1", port), 5):
        return True


def sftp_variables(host_key: str, password: str = PASSWORD) -> dict[str, str]:
    """What the environment says of an SFTP server beside its address."""
    return {
        "TRUSTBACKUP_SFTP_PASSWORD": password,
        "TRUSTBACKUP_SFTP_HOST_KEY": " ".join(host_key.split()[:2]),
    }
