"""SSH servers whose users may run programs, the programs they find, and what comes back."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support import processes, run
from tests.support.copies import sftp
from tests.support.proxy import running_proxy
from tests.support.sshd import Server
from trustbackup.destinations.sftp.backend import Sftp


def programs(*real: str, **scripts: str) -> dict[str, str]:
    """An option of sshd's: its users find these programs of the system, and these shell scripts."""
    folder = Path(tempfile.mkdtemp(prefix="programs-", dir=run.run_folder()))
    folder.chmod(0o711)
    for name in ("sh", *real):
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    for name, script in scripts.items():
        new_script(folder / name, script)
    return {"SetEnv": f"PATH={folder}"}


def new_script(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def is_running(server: Server, word: str) -> bool:
    """Whether somebody signed in there runs a program with this word on its command line."""
    return any(word in line for line in processes.descendants(server.process.pid).values())


class Traffic:
    """The bytes that a server has sent."""

    sent = 0

    def __call__(self, data: bytes, _before: int) -> bytes:
        self.sent += len(data)
        return data


@contextlib.contextmanager
def watched(server: Server, **changes: object) -> Iterator[tuple[Sftp, Traffic]]:
    """A destination at the server, and what comes back from it."""
    with running_proxy(server.port) as proxy:
        proxy.down = traffic = Traffic()
        with sftp(server, port=proxy.port, **changes) as destination:
            yield destination, traffic
