"""Functions for other code: a backup in one call, and what is known of a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from trustbackup.databases.process import DumperFailed
from trustbackup.exceptions import DumpError, FolderError, ProgramError
from trustbackup.operations.backup.create import create_backup
from trustbackup.operations.context import Context
from trustbackup.store import names


def get_backup_file_data(filename: str) -> dict[str, Any]:
    """What the disk says of a file in the backup folder; ``{}`` when it is no regular one.

    ``created_at`` and ``modified_at`` are ``YYYY-MM-DD HH:MM:SS`` in UTC, ``size_kb`` is in
    KiB to one decimal.
    """
    parsed = names.parse(filename)
    if parsed is None:
        return {}
    path = Context.current().settings.backup_dir / filename
    try:
        status = path.lstat()
    except (OSError, ValueError):
        return {}
    if not path.is_file() or path.is_symlink():
        return {}
    modified = names.moment(status.st_mtime)
    created = names.time_of(parsed.id) or modified
    return {
        "filename": filename,
        "created_at": f"{created:%Y-%m-%d %H:%M:%S}",
        "modified_at": f"{modified:%Y-%m-%d %H:%M:%S}",
        "size_kb": round(status.st_size / 1024, 1),
    }


def create_db_backup(path: str | os.PathLike[str]) -> str:
    """Back the databases up into the folder ``path``, now; the first new file's name.

    For code that wants it done when the call returns; the page itself starts a run. Raises
    OSError when the folder can't be made or written, DumperFailed (a CalledProcessError) when
    a dumper fails, and TrustbackupError for wrong settings.
    """
    root = Path(path).absolute()
    try:
        manifest = create_backup(root=root, trigger="code")
    except FolderError as error:
        cause = error.__cause__
        number = cause.errno if isinstance(cause, OSError) else None
        raise OSError(number, str(error), str(root)) from error
    except (DumpError, ProgramError) as error:
        raise DumperFailed(str(error)) from error
    return manifest.parts[0].file
