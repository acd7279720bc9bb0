"""What became of a backup travels with its copies: kept, checked, drilled.

Only records that this site signed are believed, and only those are replaced. Which of two is
right is decided mark by mark (``record.merge``), the same here as there.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from trustbackup.destinations.base import Destination, DestinationError
from trustbackup.operations.fetching import read_small
from trustbackup.operations.site import Site
from trustbackup.store import intake, names, record
from trustbackup.store.entry import Entry
from trustbackup.store.record import Record
from trustbackup.store.signature import Signature

logger = logging.getLogger(__name__)


def exchange_marks(site: Site, destination: Destination, entry: Entry, *, there: bool) -> bool:
    """Make the record here and the one beside the copy the same; whether that one is new.

    ``there`` tells whether it has one. Raises DestinationError, FolderError.
    """
    name = names.record_name(entry.id)
    data = read_small(destination, name) if there else b""
    theirs = Record()
    if there:
        signed = record.signed_by(data, site.signer)
        if signed is Signature.UNKNOWN:
            return False  # another site's: it is neither believed nor replaced
        if signed is Signature.OURS:
            theirs = record.load(data, entry.id, site.signer)
    mine = record.read(entry.root, entry.id, site.signer)
    both = record.merge(mine, theirs)
    if both != mine:
        record.change(entry.root, entry.id, site.signer, lambda marks: record.merge(marks, theirs))
    travelling = replace(both, away=None)
    if travelling == Record():
        return False
    wanted = record.render(entry.id, travelling, site.signer)
    if wanted == data:
        return False
    with intake.begin(site.settings.root) as box:
        with box.receive(name) as file:
            file.write(wanted)
        if there:
            destination.delete(name)
        destination.put(box.received[0].path, box.received[0].sha256)
    return True


def send_marks(site: Site, destination: Destination, entry: Entry) -> None:
    """The same on the way of a copy, which an older record that must stay does not stop.

    Raises DestinationError when that may pass, FolderError.
    """
    try:
        there = destination.stat(names.record_name(entry.id)) is not None
        exchange_marks(site, destination, entry, there=there)
    except DestinationError as error:
        if not error.permanent:
            raise
        logger.warning("The record of backup %s was not renewed: %s", entry.id, error)
