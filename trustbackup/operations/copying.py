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

from trustbackup.destinations.base import Destination
from trustbackup.exceptions import Cancelled, TrustbackupError, file_operation
from trustbackup.models import Copy
from trustbackup.operations.elsewhere import at_hand
from trustbackup.operations.marks import send_marks
from trustbackup.operations.places import Place
from trustbackup.operations.site import Progress, Reporter, Site, quiet
from trustbackup.phrases import gettext as _
from trustbackup.store import catalog, names
from trustbackup.store.entry import Entry
from trustbackup.store.streams import sha256_of

logger = logging.getLogger(__name__)
PAUSES = (2.0, 10.0, 30.0)
"""Seconds before each further try of what may pass."""


@dataclass(frozen=True, kw_only=True)
class Copied:
    """How one copy ended; ``error`` is "" when it is stored."""

    id: str
    destination: str
    bytes: int
    tries: int
    error: str = ""
    permanent: bool = False


def copy_backup(
    reference: str,
    places: Sequence[Place],
    report: Reporter = quiet,
    *,
    pauses: Sequence[float] = PAUSES,
) -> list[Copied]:
    """Copy one backup to each of these, and say how each ended.

    Raises BackupNotFound, and ManifestError or FolderError when the backup itself is not whole;
    Cancelled when ``report`` does.
    """
    site = Site.current()
    with at_hand(reference, report, briefly=True) as identifier:
        entry = catalog.find(site.settings.root, identifier)
        files = _files(site, entry)
        return [_copy(site, entry, files, place, report, pauses) for place in places]


def _files(site: Site, entry: Entry) -> list[tuple[str, str]]:
    """Names and hashes in the order in which they travel. Raises ManifestError, FolderError."""
    manifest, _signature = entry.read_manifest(site.signer)
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
    site: Site,
    entry: Entry,
    files: Sequence[tuple[str, str]],
    place: Place,
    report: Reporter,
    pauses: Sequence[float],
) -> Copied:
    total = sum(entry.files[name] for name, _sha256 in files)
    row = _Row(place, entry.id, total)
    tries, error, permanent = 0, "", False
    while True:
        tries += 1
        row.save(Copy.State.UPLOADING, tries=tries)
        try:
            with place.open() as destination:
                _put_all(site, entry, files, destination, place.name, total, report)
        except Cancelled:
            row.save(Copy.State.FAILED, tries=tries, problem=_("The copy was cancelled."))
            raise
        except TrustbackupError as problem:
            error, permanent = str(problem), problem.permanent
            logger.info("Backup %s was not copied to %s: %s", entry.id, place.name, error)
        else:
            row.save(Copy.State.STORED, tries=tries)
            place.note()
            return Copied(id=entry.id, destination=place.name, bytes=total, tries=tries)
        if permanent or tries > len(pauses):
            break
        row.save(Copy.State.WAITING, tries=tries, problem=error)
        _wait(pauses[tries - 1], place.name, report)
    row.save(Copy.State.FAILED, tries=tries, problem=error, permanent=permanent)
    place.note(error)
    return Copied(
        id=entry.id,
        destination=place.name,
        bytes=total,
        tries=tries,
        error=error,
        permanent=permanent,
    )


def _put_all(
    site: Site,
    entry: Entry,
    files: Sequence[tuple[str, str]],
    destination: Destination,
    name: str,
    total: int,
    report: Reporter,
) -> None:
    before = 0
    for file, sha256 in files:

        def written(done: int, before: int = before) -> None:
            report(Progress(stage=f"copying to {name}", done=before + done, total=total))

        written(0)
        if file == names.manifest_name(entry.id):
            send_marks(site, destination, entry)
        destination.put(entry.root / file, sha256, written)
        before += entry.files[file]


def _wait(seconds: float, name: str, report: Reporter) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        report(Progress(stage=f"waiting to try {name}"))
        time.sleep(min(0.5, left))


class _Row:
    """The row of a copy, where the destination has one; best effort, as all of the index."""

    def __init__(self, place: Place, identifier: str, size: int) -> None:
        self._place, self._identifier, self._size = place, identifier, size

    def save(self, state: str, **changes: object) -> None:
        if self._place.row is None:
            return
        values = {"bytes": self._size, "problem": "", "permanent": False, **changes}
        try:
            Copy.objects.update_or_create(
                identifier=self._identifier,
                destination=self._place.row,
                defaults={**values, "state": state, "changed": datetime.now(UTC)},
            )
        except DatabaseError as error:
            logger.debug("The state of a copy can't be recorded: %s", error)
