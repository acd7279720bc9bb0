"""Files as backups leave them, and destinations to bring them to."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.sshd import Server
from trustbackup.destinations.base import DestinationBackend, DestinationError
from trustbackup.destinations.sftp.backend import Sftp
from trustbackup.destinations.sftp.config import SftpConfig

NAME = "backup_2026-11-20_02-15-33.dump.gz"


def new_file(folder: Path, size: int = 3_000_001, name: str = NAME) -> tuple[Path, str]:
    """A file that can't be compressed, and its SHA-256."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(os.urandom(size))
    return path, digest(path)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read(destination: DestinationBackend, name: str = NAME) -> bytes:
    with destination.open(name) as file:
        return file.read()


def config_of(server: Server, **changes: object) -> SftpConfig:
    """How to sign in to a server of the tests' own: with the password, unless told otherwise."""
    if "private_key" not in changes and "password" not in changes and not server.user.password:
        pytest.skip("sshd checks passwords only where root runs the tests")
    if "host_key" not in changes:
        changes["host_key"] = server.host_key()
    values: dict[str, object] = {
        "host": server.host,
        "port": server.port,
        "user": server.user.name,
        "password": server.user.password,
        "folder": "copies",
        "timeout": 20,
        **changes,
    }
    return SftpConfig(**values)  # type: ignore[arg-type]


def sftp(server: Server, **changes: object) -> Sftp:
    return Sftp(config_of(server, **changes))


@contextmanager
def refused(*named: str, permanent: bool) -> Iterator[None]:
    """One sentence that names these things, and whether trying again can help."""
    with pytest.raises(DestinationError) as caught:
        yield
    said = str(caught.value)
    for word in named:
        assert word in said, f"{word!r} is not said: {said}"
    assert caught.value.permanent is permanent, said
    assert caught.value.why, said
    assert caught.value.todo, said


def all_files(folder: Path) -> dict[str, int]:
    """Everything below a folder that is no folder, with its rights."""
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode)
        for path in sorted(folder.rglob("*"))
        if not path.is_dir() or path.is_symlink()
    }
