"""Bring backups to destinations: the data files, the record, and the manifest last.

A copy without its manifest is none, there as here. Each copy has a row with a state of its
own; one destination that is down stops no other.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import DatabaseError

from trustbackup.destinations.base import DestinationBackend
from trustbackup.destinations.uploads import OtherContent
from trustbackup.exceptions import Cancelled, TrustbackupError, file_operation
from trustbackup.models import Copy
from trustbackup.operations.context import Context
from trustbackup.operations.offsite.guard import must_be_private
from trustbackup.operations.offsite.hydrate import local_data
from trustbackup.operations.offsite.objects import send_objects, sending_objects
from trustbackup.operations.offsite.records import send_record
from trustbackup.operations.offsite.remote import read_small
from trustbackup.operations.offsite.targets import DestinationRef
from trustbackup.operations.progress import Progress, Reporter, quiet
from trustbackup.phrases import gettext as _
from trustbackup.store import durable, names
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.manifest import LARGEST
from trustbackup.store.objects import ObjectStore
from trustbackup.store.streams import sha256_of

logger = logging.getLogger(__name__)
PAUSES = (2.0, 10.0, 30.0)
"""Seconds before each further try of what may pass."""


@dataclass(frozen=True, kw_only=True)
class CopyResult:
    """How one copy ended; ``error`` is "" when it is stored."""

    id: str
    destination: str
    bytes: int
    tries: int
    error: str = ""
    permanent: bool = False


def copy_backup(
    reference: str,
    refs: Sequence[DestinationRef],
    report: Reporter = quiet,
    *,
    pauses: Sequence[float] = PAUSES,
) -> list[CopyResult]:
    """Copy one backup to each of these, and say how each ended.

    Raises BackupNotFound, and ManifestError or FolderError when the backup itself is not whole;
    Cancelled when ``report`` does.
    """
    context = Context.current()
    with local_data(reference, report, briefly=True) as identifier:
        entry = context.folder.find(identifier)
        files = _files(entry)
        with ObjectStore(entry.root).reading():
            return [_copy(context, entry, files, ref, report, pauses) for ref in refs]


def _files(entry: BackupFiles) -> list[tuple[str, str]]:
    """Names and hashes in the order in which they travel. Raises ManifestError, FolderError."""
    manifest, _signature = entry.read_manifest()
    if problem := entry.missing(manifest):
        raise TrustbackupError(
            _("Backup %(id)s was not copied", id=entry.id),
            why=problem,
            todo=_("Verify it, or copy another."),
        )
    last = names.manifest_name(entry.id)
    files = [(part.file, part.sha256) for part in manifest.parts]
    with file_operation(_("Reading"), last):
        return [*files, (last, sha256_of(entry.root / last))]


def _copy(
    context: Context,
    entry: BackupFiles,
    files: Sequence[tuple[str, str]],
    ref: DestinationRef,
    report: Reporter,
    pauses: Sequence[float],
) -> CopyResult:
    total = sum(entry.files[name] for name, _sha256 in files)
    row = _Row(ref, entry.id, total)
    tries, error, permanent, began = 0, "", False, time.monotonic()
    while True:
        tries += 1
        row.save(Copy.State.UPLOADING, tries=tries)
        try:
            with ref.open() as destination, sending_objects(entry.root, ref.name):
                must_be_private(destination)
                _put_all(context, entry, files, destination, ref.name, total, report)
        except Cancelled:
            row.save(Copy.State.FAILED, tries=tries, problem=_("The copy was cancelled."))
            raise
        except TrustbackupError as problem:
            error, permanent = str(problem), problem.permanent
            logger.info("Backup %s was not copied to %s: %s", entry.id, ref.name, error)
        else:
            row.save(Copy.State.STORED, tries=tries)
            ref.note()
            logger.info(
                "Backup %s was copied to %s: %d bytes, %.1f s.",
                entry.id,
                ref.name,
                total,
                time.monotonic() - began,
            )
            return CopyResult(id=entry.id, destination=ref.name, bytes=total, tries=tries)
        if permanent or tries > len(pauses):
            break
        row.save(Copy.State.WAITING, tries=tries, problem=error)
        _wait(pauses[tries - 1], ref.name, report)
    row.save(Copy.State.FAILED, tries=tries, problem=error, permanent=permanent)
    ref.note(error)
    return CopyResult(
        id=entry.id,
        destination=ref.name,
        bytes=total,
        tries=tries,
        error=error,
        permanent=permanent,
    )


def _put_all(
    context: Context,
    entry: BackupFiles,
    files: Sequence[tuple[str, str]],
    destination: DestinationBackend,
    name: str,
    total: int,
    report: Reporter,
) -> None:
    before = 0
    found, _signature = entry.read_manifest()
    send_objects(entry, found, destination, name, report)
    for file, sha256 in files:

        def written(done: int, before: int = before) -> None:
            report(Progress(stage=f"copying to {name}", done=before + done, total=total))

        written(0)
        if file == names.manifest_name(entry.id):
            send_record(context, destination, entry)
        try:
            destination.put(entry.root / file, sha256, written)
        except OtherContent:
            if not _is_damaged_copy(entry, file, destination):
                raise
            logger.warning("%s is damaged at %s, and is copied again", file, name)
            destination.delete(file)
            destination.put(entry.root / file, sha256, written)
        before += entry.files[file]


def _is_damaged_copy(entry: BackupFiles, file: str, destination: DestinationBackend) -> bool:
    """Whether what has a data file's name there is our copy, which is not what it was.

    The manifest beside it is ours, byte by byte: so this file can be nobody else's. Raises
    DestinationError.
    """
    manifest = names.manifest_name(entry.id)
    if file == manifest or destination.stat(manifest) is None:
        return False
    mine = durable.read_small(entry.root / manifest, LARGEST)
    return read_small(destination, manifest) == mine


def _wait(seconds: float, name: str, report: Reporter) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        report(Progress(stage=f"waiting to try {name}"))
        time.sleep(min(0.5, left))


class _Row:
    """The row of a copy, where the destination has one; best effort, as all of the index."""

    def __init__(self, ref: DestinationRef, identifier: str, size: int) -> None:
        self._ref, self._identifier, self._size = ref, identifier, size

    def save(self, state: str, **changes: object) -> None:
        if self._ref.row is None:
            return
        values = {"bytes": self._size, "problem": "", "permanent": False, **changes}
        try:
            Copy.objects.update_or_create(
                identifier=self._identifier,
                destination=self._ref.row,
                defaults={**values, "state": state, "changed": datetime.now(UTC)},
            )
        except DatabaseError as error:
            logger.debug("The state of a copy can't be recorded: %s", error)
