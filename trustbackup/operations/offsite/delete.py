"""Delete a copy at a destination: its manifest leaves first, so that a half one is none.

The copy's row says "being deleted" from before the first file goes until after the last. Where a
row says so and no manifest is there, the deleter died, and the next one finishes its work.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from django.db import DatabaseError

from trustbackup.destinations.base import DestinationBackend, DestinationError, StillLocked
from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Copy
from trustbackup.operations.context import Context
from trustbackup.operations.offsite.remote import RemoteBackup, read_small
from trustbackup.operations.offsite.targets import DestinationRef
from trustbackup.phrases import gettext as _
from trustbackup.store import names, record

logger = logging.getLogger(__name__)


class ProtectedCopy(TrustbackupError):
    """The record beside a copy says that it is protected."""


def delete_copy(
    context: Context, destination: DestinationBackend, ref: DestinationRef, remote: RemoteBackup
) -> None:
    """Delete one copy that was listed, unless its record there says that it is protected.

    Raises ProtectedCopy when it is, DestinationError when a file can't be deleted; StillLocked
    among them, while the place lets nobody delete it.
    """
    noted = names.record_name(remote.id)
    if noted in remote.files:
        data = read_small(destination, noted)
        if record.load(data, remote.id, context.signer).protected:
            raise ProtectedCopy(
                _("The copy of %(id)s at %(name)s was not deleted", id=remote.id, name=ref.name),
                why=_("it is protected"),
                todo=_("Release it first with keep_backup --release, then delete it."),
            )
    began = time.monotonic()
    rows = Copy.objects.filter(destination=ref.row, identifier=remote.id)
    before = dict(rows.values_list("pk", "state"))
    rows.update(state=Copy.State.DELETING, changed=datetime.now(UTC))
    manifest = names.manifest_name(remote.id)
    try:
        destination.delete(manifest)
    except StillLocked:
        # Nothing of it is gone, and nothing will be for long.
        for row, state in before.items():
            Copy.objects.filter(pk=row).update(state=state)
        raise
    _remove(destination, remote.files.keys() - {manifest})
    rows.delete()
    logger.info(
        "The copy of backup %s at %s was deleted: %d bytes, %.1f s.",
        remote.id,
        ref.name,
        remote.bytes,
        time.monotonic() - began,
    )


def finish_deletes(
    destination: DestinationBackend, ref: DestinationRef, there: Mapping[str, RemoteBackup]
) -> dict[str, DestinationError]:
    """Remove what is left of copies whose deleter died; why it stays, by the ids of the rest.

    Raises DestinationError when the destination does not answer.
    """
    refused: dict[str, DestinationError] = {}
    try:
        begun = list(Copy.objects.filter(destination=ref.row, state=Copy.State.DELETING))
    except DatabaseError:
        return refused
    for row in begun:
        remote = there.get(row.identifier)
        if remote is not None and remote.has_manifest:
            # It died before it removed anything. That it is there does not mend a bad one.
            state = Copy.State.FAILED if row.problem else Copy.State.STORED
            Copy.objects.filter(pk=row.pk).update(state=state)
            continue
        try:
            if remote is not None:
                _remove(destination, remote.files)
        except DestinationError as error:
            if not error.permanent:
                raise
            refused[row.identifier] = error
        else:
            row.delete()
    return refused


def _remove(destination: DestinationBackend, files: Collection[str]) -> None:
    for name in sorted(files):
        destination.delete(name)
