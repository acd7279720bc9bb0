"""Shell commands that check and restore a backup without trustbackup."""

from __future__ import annotations

import shlex

from trustbackup.store import names
from trustbackup.store.manifest import Part

_UNPACK = {"gzip": "gunzip -c", "zstd": "zstd -dc", "bzip2": "bunzip2 -c", "none": "cat"}
_PG_RESTORE = "pg_restore --no-owner -d DATABASE"


def check_command(identifier: str) -> str:
    """Compares every file's hash with the manifest, in the backup's folder."""
    return (
        f"""sed -nE 's/^ *"(file|sha256)": "(.*)",?$/\\2/p' {names.manifest_name(identifier)}"""
        """ | paste - - | awk '{print $2"  "$1}' | sha256sum -c"""
    )


def restore_command(part: Part) -> str:
    """Restores one part into an empty database, in the backup's folder; "" if nobody knows how."""
    unpack = f"{_UNPACK[part.compression]} {shlex.quote(part.file)}"
    if part.engine == "sqlite":
        return f"{unpack} > db.sqlite3"
    if part.engine != "postgresql":
        return ""
    if ".dump.tar" in part.file:
        return f"mkdir dump && {unpack} | tar x -C dump && {_PG_RESTORE} -j 4 dump"
    return f"{unpack} | {_PG_RESTORE}"
