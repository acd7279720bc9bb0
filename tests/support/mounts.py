"""Small file systems, so that a full disk is a real one."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path


class MountRefusedError(Exception):
    """This system does not let the tests mount a file system."""


@contextlib.contextmanager
def mounted_tmpfs(folder: Path, size_bytes: int) -> Iterator[Path]:
    """Mount a tmpfs that holds `size_bytes` (rounded up to pages) on a new folder.

    Raises MountRefusedError.
    """
    if os.geteuid() != 0:
        raise MountRefusedError("only root may mount a tmpfs")
    folder.mkdir(parents=True)
    options = f"size={size_bytes},mode=0700"
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mount.returncode:
        raise MountRefusedError(mount.stderr.strip())
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
