"""What became of a backup travels with its copies: kept, checked, drilled.

Only records that this site signed are believed, and only those are replaced. Which of two is
right is decided mark by mark (``record.merge``), the same here as there.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from trustbackup.destinations.base import DestinationBackend, DestinationError
from trustbackup.operations.context import Context
from trustbackup.operations.offsite.remote import read_small
from trustbackup.store import names, record, staging
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.record import Record
from trustbackup.store.signature import Signature

logger = logging.getLogger(__name__)


def exchange_records(
    context: Context, destination: DestinationBackend, entry: BackupFiles, *, there: bool
) -> bool:
    """Make the record here and the one beside the copy the same; whether that one is new.

    ``there`` tells whether it has one. Raises DestinationError, FolderError.
    """
    name = names.record_name(entry.id)
    data = read_small(destination, name) if there else b""
    theirs = Record()
    if there:
        signed = record.signed_by(data, context.signer)
        if signed is Signature.UNKNOWN:
            return False  # another site's: it is neither believed nor replaced
        if signed is Signature.OURS:
            theirs = record.load(data, entry.id, context.signer)
    mine = entry.record()
    both = record.merge(mine, theirs)
    if both != mine:
        entry.folder.change(entry.id, lambda noted: record.merge(noted, theirs))
    travelling = replace(both, offloaded=None)
    if travelling == Record():
        return False
    wanted = record.render(entry.id, travelling, context.signer)
    if wanted == data:
        return False
    with staging.begin(context.settings.backup_dir) as area:
        with area.receive(name) as file:
            file.write(wanted)
        if there:
            destination.delete(name)
        destination.put(area.received[0].path, area.received[0].sha256)
    return True


def send_record(context: Context, destination: DestinationBackend, entry: BackupFiles) -> None:
    """The same on the way of a copy, which an older record that must stay does not stop.

    Raises DestinationError when that may pass, FolderError.
    """
    try:
        there = destination.stat(names.record_name(entry.id)) is not None
        exchange_records(context, destination, entry, there=there)
    except DestinationError as error:
        if not error.permanent:
            raise
        logger.warning("The record of backup %s was not renewed: %s", entry.id, error)
