"""Shell commands that check and restore a backup without trustbackup."""

from __future__ import annotations

import shlex

from trustbackup.conf import get_settings
from trustbackup.contents.app_data.row_set import is_settings
from trustbackup.contents.app_data.tables import label_of
from trustbackup.databases.registry import get_engine
from trustbackup.store import names
from trustbackup.store.manifest import Part
from trustbackup.store.objects import FORMAT as OBJECTS

_UNPACK = {"gzip": "gunzip -c", "zstd": "zstd -dc", "bzip2": "bunzip2 -c", "none": "cat"}


def check_command(identifier: str) -> str:
    """Compares every file's hash with the manifest, in the backup's folder."""
    return (
        f"""sed -nE 's/^ *"(file|sha256)": "(.*)",?$/\\2/p' {names.manifest_name(identifier)}"""
        """ | paste - - | awk '{print $2"  "$1}' | sha256sum -c"""
    )


def restore_command(part: Part) -> str:
    """Restores one part into an empty database, in the backup's folder; "" if none does.

    Rows of one app, or of settings, go into the site's own, by Django's own command, which finds
    the site by DJANGO_SETTINGS_MODULE; uploaded files go into their folder. Files in objects take
    more than one command, which the reference of the manifest has.
    """
    unpack = f"{_UNPACK[part.compression]} {shlex.quote(part.file)}"
    if part.plain_sha256:
        unpack = f"age -d -i key.txt {shlex.quote(part.file)} | {_UNPACK[part.compression]}"
    if not part.engine and (label_of(part.part) or is_settings(part.part)):
        database = f" --database={shlex.quote(part.database)}"
        return f"{unpack} | python -m django loaddata --format={part.format}{database} -"
    if part.format == OBJECTS:
        return ""
    if part.files is not None:
        return f"{unpack} | tar -xf - -C {shlex.quote(part.files.folder)}"
    engine = get_engine(part.engine, get_settings().database_engines)
    return engine.manual_restore(unpack, part.file) if engine else ""
