"""What of a backup the page can restore, together or by itself."""

from __future__ import annotations

from contextlib import suppress

from trustbackup.contents.app_data.row_set import SETTINGS
from trustbackup.contents.versions import FORMAT as VERSIONS
from trustbackup.exceptions import BackupNotFound, TrustbackupError
from trustbackup.operations.backup.app_data import rows_part
from trustbackup.operations.backup.full import holds_everything
from trustbackup.operations.context import Context
from trustbackup.operations.restore.full_plan import DATABASE_PART
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.manifest import Manifest
from trustbackup.store.objects import FORMAT
from trustbackup.views.base import no_such_backup

FILES_PART = "media"
"""By which the page means all folders of uploaded files together."""
CHECKED_AT_ONCE = 200_000_000
"""Bytes that are hashed while the page is waited for; the run itself hashes everything."""


def find_entry(identifier: str) -> BackupFiles:
    """Raises Http404."""
    try:
        return Context.current().folder.find(identifier)
    except BackupNotFound as error:
        raise no_such_backup(identifier) from error


def is_small(entry: BackupFiles) -> bool:
    return sum(entry.files.values()) <= CHECKED_AT_ONCE


def manifest_of(entry: BackupFiles) -> Manifest | None:
    """None where it can't be read, which is for others to say."""
    with suppress(TrustbackupError):
        return entry.read_manifest()[0] if entry.has_manifest else None
    return None


def in_objects(manifest: Manifest | None) -> bool:
    """Whether files of it lie in objects: these are hashed as they are read, and no sooner."""
    return manifest is not None and any(part.format == FORMAT for part in manifest.parts)


def single_parts(manifest: Manifest | None) -> list[str]:
    """What of a full backup can be restored without the rest; none of any other."""
    if manifest is None or not holds_everything(manifest):
        return []
    found = [DATABASE_PART, FILES_PART] if file_parts(manifest) else []
    return [*found, SETTINGS] if rows_part(manifest) else found


def file_parts(manifest: Manifest | None) -> list[str]:
    """The folders of uploaded files that a backup holds, as ``--part`` calls them."""
    found = manifest.parts if manifest else ()
    return [part.part for part in found if part.files and part.format != VERSIONS]
