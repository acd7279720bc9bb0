"""Bring the data files back of a backup whose manifest is here."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, router

from trustbackup.databases.alias import for_a_note
from trustbackup.destinations.base import DestinationBackend, DestinationError
from trustbackup.exceptions import (
    BackupNotFound,
    ManifestError,
    TrustbackupError,
)
from trustbackup.models import Copy
from trustbackup.operations.context import Context
from trustbackup.operations.offsite.objects import (
    bringing_objects,
    fetch_objects,
    has_whole_copy_of,
)
from trustbackup.operations.offsite.remote import read_blocks
from trustbackup.operations.offsite.targets import (
    DestinationRef,
    all_destinations,
    find_destination,
)
from trustbackup.operations.progress import Progress, Reporter, quiet
from trustbackup.phrases import gettext as _
from trustbackup.phrases import joined
from trustbackup.store import staging
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.eviction import evict_data, restore_data
from trustbackup.store.index_access import may_connect
from trustbackup.store.manifest import Part
from trustbackup.store.record import Offloaded
from trustbackup.store.signature import Signature

logger = logging.getLogger(__name__)


def hydrate_from(
    destination: DestinationBackend,
    entry: BackupFiles,
    name: str,
    report: Reporter,
) -> None:
    """Fetch what is missing, or not whole, from the destination of this name.

    Each file is compared with the manifest here before it appears; only when all are here, the
    note goes that they are elsewhere. Raises ManifestError, DestinationError, FolderError,
    Cancelled; nothing that was here has changed then.
    """
    manifest, signature = entry.read_manifest()
    what = _("The data of backup %(id)s was not brought back from %(name)s", id=entry.id, name=name)
    if signature is Signature.ALTERED:
        raise ManifestError(
            what,
            why=_("its manifest was altered since it was signed"),
            todo=_("Move its files away, then fetch it again."),
        )
    wanted = [part for part in manifest.parts if entry.files.get(part.file) != part.bytes]
    root, total, done = entry.root, sum(part.bytes for part in wanted), 0
    with staging.begin(root) as area:
        area.must_fit(total)
        for part in wanted:
            with area.receive(part.file) as target:
                for block in read_blocks(destination, part.file, part.bytes):
                    target.write(block)
                    done += len(block)
                    report(Progress(stage=f"fetching from {name}", done=done, total=total))
            _must_match(area.received[-1], part, what)
        files = dict(zip([part.file for part in wanted], area.received, strict=True))
        lists = {
            files[part.file].path if part.file in files else root / part.file: part
            for part in manifest.parts
        }
        with bringing_objects(root, manifest):
            fetch_objects(destination, lists, root, area.folder, name, report)
            restore_data(entry, files)
    logger.info("The data of backup %s came back from %s: %d bytes.", entry.id, name, total)


def _must_match(received: staging.Received, part: Part, what: str) -> None:
    if (received.size, received.sha256) != (part.bytes, part.sha256):
        raise DestinationError(
            what,
            why=_("%(file)s is corrupt there: it is not what the manifest says", file=part.file),
            todo=_("Fetch it from another copy."),
            permanent=True,
        )


@contextlib.contextmanager
def local_data(reference: str, report: Reporter = quiet, *, briefly: bool = False) -> Iterator[str]:
    """While this is held, the data of a backup is here, brought back if need be, and stays.

    Gives its id, or ``reference`` as it was when it is none of a backup in the folder. What was
    brought back ``briefly`` is evicted again at the end. Raises DestinationError, FolderError,
    Busy, Cancelled.
    """
    context = Context.current()
    try:
        entry = context.folder.find(reference)
    except BackupNotFound:
        yield reference
        return
    with entry.in_use() as held:
        offloaded = held.offloaded()
        source = None if offloaded is None else _hydrate_from_any(held, offloaded, report)
        yield entry.id
    if source is not None and briefly and context.settings.keep_local is not None:
        with contextlib.suppress(TrustbackupError):
            _evict_again(context.folder.find(entry.id), source)


def _evict_again(entry: BackupFiles, source: Offloaded) -> None:
    """It came whole from there, perhaps hours ago: it must be there still."""
    found, _signature = entry.read_manifest()
    with refs_with_copy(entry.id, source)[0].open() as destination:
        evict_data(entry, source, lambda: has_whole_copy_of(destination, entry, found))


def hydrate(reference: str, report: Reporter = quiet) -> str:
    """Fetch the data of an offloaded backup, to stay; its id. Raises as ``local_data``."""
    with local_data(reference, report) as identifier:
        return Context.current().folder.find(identifier).id


def _hydrate_from_any(entry: BackupFiles, offloaded: Offloaded, report: Reporter) -> Offloaded:
    """Where it came from: the first destination that works."""
    first: TrustbackupError | None = None
    for ref in refs_with_copy(entry.id, offloaded):
        try:
            with ref.open() as destination:
                hydrate_from(destination, entry, ref.name, report)
                return noted_at(ref, destination)
        except TrustbackupError as error:
            first = first or error
    raise DestinationError(
        _("The data of backup %(id)s is at %(where)s only", id=entry.id, where=offloaded.where),
        why=joined(filter(None, (first.what, first.why)), ": ") if first else _unknown(offloaded),
        todo=first.todo if first else _("Add that destination again, then try again."),
        permanent=first.permanent if first else True,
    ) from first


def noted_at(ref: DestinationRef, destination: DestinationBackend) -> Offloaded:
    """What a record says of data that is there."""
    name = ref.row.name if ref.row else ""
    return Offloaded(at=datetime.now(UTC), destination=name, address=destination.address)


def _unknown(offloaded: Offloaded) -> str:
    return _("this site has no destination %(where)s any more", where=offloaded.where)


def refs_with_copy(identifier: str, offloaded: Offloaded) -> list[DestinationRef]:
    """Where to look for its data: as it was noted, then where other copies are."""
    saved = {ref.name: ref for ref in all_destinations()}
    wanted = [name for name in (offloaded.destination, *_with_copies(identifier)) if name in saved]
    found = [saved[name] for name in dict.fromkeys(wanted)]
    if offloaded.address:
        with contextlib.suppress(TrustbackupError):
            found.append(find_destination(offloaded.address))
    return found


def _with_copies(identifier: str) -> list[str]:
    using = router.db_for_read(Copy)
    try:
        if not may_connect(using):
            return []
        with for_a_note(using):
            rows = Copy.objects.using(using).filter(identifier=identifier, state__in=Copy.THERE)
            return list(rows.values_list("destination__name", flat=True))
    except (DatabaseError, ImproperlyConfigured):
        return []
