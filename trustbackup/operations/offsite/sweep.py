"""Remove objects at a destination that no copy there names any more."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from trustbackup.destinations.base import DestinationBackend, NotMadeYet
from trustbackup.exceptions import Busy, FolderError, ManifestError, TrustbackupError
from trustbackup.operations.backup.sweep import SweepResult, may_name_objects
from trustbackup.operations.context import Context
from trustbackup.operations.object_checks import objects_of
from trustbackup.operations.offsite.objects import read_list_there
from trustbackup.operations.offsite.remote import RemoteBackup, list_remote, read_manifest
from trustbackup.phrases import gettext as _
from trustbackup.store import locks, names
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.durable import prepare_root
from trustbackup.store.objects import FORMAT

logger = logging.getLogger(__name__)
GRACE = timedelta(days=1)
"""What came later than that stays: a copy from another machine may be about to name it."""


def sweep_objects_at(
    context: Context,
    destination: DestinationBackend,
    name: str,
    *,
    dry_run: bool = False,
    grace: timedelta = GRACE,
) -> SweepResult:
    """Remove what no copy at a destination names. Raises Busy, ManifestError, DestinationError.

    A copy that can't be read, or has no manifest yet, is a reason to remove nothing.
    """
    try:
        objects = destination.list_objects()
    except NotMadeYet:
        return SweepResult()
    if not objects:
        return SweepResult()
    root = context.settings.backup_dir
    prepare_root(root)
    (root / locks.RESTORES).mkdir(mode=0o700, exist_ok=True)
    before = datetime.now(UTC) - grace
    try:
        with locks.exclusive(locks.objects_lock_at(root, name)):
            named = _named(context, destination)
            unnamed = [item for item in objects if names.parse_object(item.name) not in named]
            old = [item for item in unnamed if item.modified and item.modified < before]
            for item in [] if dry_run else old:
                destination.delete(item.name)
    except locks.Locked:
        raise Busy(
            _("Objects at %(name)s that no copy names were not removed", name=name),
            why=_("a copy is being made there"),
            todo=_("The next clean-up removes them."),
        ) from None
    size = sum(item.size for item in old)
    if old and not dry_run:
        logger.info("%d objects were removed at %s: %d bytes.", len(old), name, size)
    return SweepResult(
        removed=tuple(names.parse_object(item.name) or "" for item in old),
        bytes=size,
        young=len(unnamed) - len(old),
    )


def _named(context: Context, destination: DestinationBackend) -> set[str]:
    """The objects that all copies name. Raises ManifestError, DestinationError."""
    found: set[str] = set()
    here = context.folder.scan()
    for remote in list_remote(destination).values():
        try:
            found |= _named_by(context, destination, remote, here.get(remote.id))
        except ManifestError as error:
            raise ManifestError(
                _("Objects at %(where)s were not removed", where=destination.address),
                why=_("backup %(id)s does not tell its own: %(why)s", id=remote.id, why=error),
                todo=_("Mend or delete that copy first."),
            ) from error
    return found


def _named_by(
    context: Context,
    destination: DestinationBackend,
    remote: RemoteBackup,
    entry: BackupFiles | None,
) -> set[str]:
    if not remote.has_manifest:
        if any(map(may_name_objects, remote.files)):
            raise ManifestError(
                _("its copy has no manifest yet"),
                todo=_("Copy it again, or remove what is there of it."),
            )
        return set()
    manifest, _signature = read_manifest(destination, remote, context.signer)
    found: set[str] = set()
    for part in manifest.parts:
        if part.format != FORMAT:
            continue
        objects = None
        if entry is not None and entry.files.get(part.file) == part.bytes:
            try:
                objects = objects_of(entry, part)
            except FolderError:
                objects = None
        if objects is None:
            objects = read_list_there(destination, part)
        found.update(stored.sha256 for stored in objects)
    return found


def sweep_quietly_at(context: Context, destination: DestinationBackend, name: str) -> None:
    """The same for who has deleted copies there: what stands in the way is logged."""
    try:
        sweep_objects_at(context, destination, name)
    except TrustbackupError as error:
        logger.info("%s", error)
