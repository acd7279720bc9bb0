"""Bring the data files back of a backup whose manifest is here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from trustbackup.destinations.base import Destination, DestinationError
from trustbackup.exceptions import ManifestError, file_operation
from trustbackup.operations.site import Progress, Reporter, Site
from trustbackup.phrases import gettext as _
from trustbackup.store import durable, intake, record
from trustbackup.store.entry import Entry
from trustbackup.store.manifest import Part
from trustbackup.store.signature import Signature
from trustbackup.store.streams import BLOCK


def fill_in(
    site: Site, destination: Destination, entry: Entry, name: str, report: Reporter
) -> None:
    """Fetch what is missing, or not whole, from the destination of this name.

    Each file is compared with the manifest here before it appears; only when all are here, the
    note goes that they are elsewhere. Raises ManifestError, DestinationError, FolderError,
    Cancelled; nothing that was here has changed then.
    """
    manifest, signature = entry.read_manifest(site.signer)
    what = _("The data of backup %(id)s was not brought back from %(name)s", id=entry.id, name=name)
    if signature is Signature.ALTERED:
        raise ManifestError(
            what,
            why=_("its manifest was altered since it was signed"),
            todo=_("Move its files away, then fetch it again."),
        )
    wanted = [part for part in manifest.parts if entry.files.get(part.file) != part.bytes]
    root, total, done = entry.root, sum(part.bytes for part in wanted), 0
    with intake.begin(root) as box:
        box.must_fit(total)
        for part in wanted:
            with destination.open(part.file) as source, box.receive(part.file) as target:
                while target.size <= part.bytes and (block := source.read(BLOCK)):
                    target.write(block)
                    done += len(block)
                    report(Progress(stage=f"fetching from {name}", done=done, total=total))
            _must_match(box.received[-1], part, what)
        put_back(site, entry, dict(zip([part.file for part in wanted], box.received, strict=True)))


def put_back(site: Site, entry: Entry, files: Mapping[str, intake.Received]) -> None:
    """Give files that were compared with the manifest their names. Raises FolderError."""
    for name, received in files.items():
        with file_operation(_("Renaming"), entry.root / name):
            received.path.replace(entry.root / name)
    durable.sync_folder(entry.root)
    record.change(entry.root, entry.id, site.signer, lambda marks: replace(marks, away=None))


def _must_match(received: intake.Received, part: Part, what: str) -> None:
    if (received.size, received.sha256) != (part.bytes, part.sha256):
        raise DestinationError(
            what,
            why=_("%(file)s is corrupt there: it is not what the manifest says", file=part.file),
            todo=_("Fetch it from another copy."),
            permanent=True,
        )
