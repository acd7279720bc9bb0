"""Remove objects that no backup names any more.

All manifests of the folder are read, and the lists of those that have some: what one of them can't
tell stops everything, because nothing is removed on a guess.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from trustbackup.exceptions import Busy, ManifestError, TrustbackupError
from trustbackup.operations.backup.media import MEDIA_KIND
from trustbackup.operations.object_checks import objects_of
from trustbackup.phrases import gettext as _
from trustbackup.store import locks, names
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.folder import BackupFolder
from trustbackup.store.objects import FORMAT, ObjectStore

logger = logging.getLogger(__name__)
GRACE = 3600.0
"""Seconds. What was written or named later than so long ago stays: a backup of another machine
may be about to name it."""


@dataclass(frozen=True, kw_only=True)
class SweepResult:
    """What was removed, or with a dry run would be; sizes in bytes."""

    removed: tuple[str, ...] = ()
    bytes: int = 0
    young: int = 0
    """Objects that no backup names, and that stay until their grace is over."""


def sweep_objects(
    folder: BackupFolder, *, dry_run: bool = False, grace: float = GRACE
) -> SweepResult:
    """Remove what no backup in the folder names. Raises Busy, ManifestError, FolderError.

    Each that is not read to its end, or whose list is missing, is a reason to remove nothing.
    """
    store = ObjectStore(folder.root)
    if not store.is_there():
        return SweepResult()
    began = time.time()
    try:
        with store.alone():
            named = _named(folder)
            unnamed = {key: status for key, status in store.statuses().items() if key not in named}
            old = {
                key: status.st_size
                for key, status in unnamed.items()
                if status.st_mtime < began - grace
            }
            if old and not dry_run:
                for sha256 in sorted(old):
                    store.remove(sha256)
                store.sync()
    except locks.Locked:
        raise Busy(
            _("Objects that no backup names were not removed"),
            why=_("a backup is being made, or brought here"),
            todo=_("The next deletion removes them."),
        ) from None
    if old and not dry_run:
        logger.info(
            "%d objects that no backup names were removed: %d bytes.", len(old), sum(old.values())
        )
    return SweepResult(
        removed=tuple(sorted(old)), bytes=sum(old.values()), young=len(unnamed) - len(old)
    )


def sweep_quietly(folder: BackupFolder) -> None:
    """The same for who has deleted something: what stands in the way is logged."""
    try:
        sweep_objects(folder)
    except TrustbackupError as error:
        logger.info("%s", error)


def _named(folder: BackupFolder) -> set[str]:
    """The objects that all backups of a folder name. Raises ManifestError, FolderError."""
    found: set[str] = set()
    for entry in folder.scan().values():
        try:
            if entry.has_manifest:
                found.update(_named_by(entry))
            elif lists := list(filter(may_name_objects, entry.data_files)):
                raise ManifestError(
                    _("%(file)s has no manifest", file=lists[0]),
                    todo=_("Put its manifest there again, or move the file away."),
                )
        except TrustbackupError as error:
            raise ManifestError(
                _("Objects that no backup names were not removed"),
                why=_("backup %(id)s does not tell its own: %(why)s", id=entry.id, why=error),
                todo=_("Mend or delete that backup first."),
            ) from error
    return found


def may_name_objects(file: str) -> bool:
    """Whether a data file of this name may be the list of the objects of a backup."""
    parsed = names.parse(file)
    is_media = parsed is not None and parsed.part.split("-")[0] == MEDIA_KIND
    return is_media and ".jsonl" in file


def _named_by(entry: BackupFiles) -> set[str]:
    manifest, _signature = entry.read_manifest()
    found: set[str] = set()
    for part in manifest.parts:
        if part.format != FORMAT:
            continue
        if part.file not in entry.files and entry.is_evicted(manifest, entry.record()):
            continue  # its objects are where its data is
        found.update(stored.sha256 for stored in objects_of(entry, part))
    return found
