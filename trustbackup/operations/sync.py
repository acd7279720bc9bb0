"""Bring to a destination what it lacks and its rules would keep; and back what is missing here."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from trustbackup.exceptions import BackupNotFound, TrustbackupError
from trustbackup.operations.context import Context
from trustbackup.operations.offsite.compare import Compared, SyncResult, compare
from trustbackup.operations.offsite.copy import PAUSES, copy_backup
from trustbackup.operations.offsite.fetch import fetch_backup
from trustbackup.operations.offsite.records import exchange_records
from trustbackup.operations.offsite.targets import DestinationRef
from trustbackup.operations.progress import Reporter, quiet
from trustbackup.operations.retention.lacking import unwanted_at
from trustbackup.phrases import gettext as _
from trustbackup.store import names


def compare_with(ref: DestinationRef, backups: Collection[str] = ()) -> SyncResult:
    """What a sync would find, see ``compare``; ``backups`` are those that somebody names.

    Raises DestinationError.
    """
    compared = compare(Context.current(), ref, backups)
    if not backups:
        _leave_out(ref, compared, _mendable(compared))
    return compared.found


def sync(
    ref: DestinationRef,
    report: Reporter = quiet,
    *,
    push: bool = True,
    pull: bool = False,
    backups: Collection[str] = (),
    pauses: Sequence[float] = PAUSES,
) -> SyncResult:
    """Bring what is missing there, and here too with ``pull``; one failure stops no other.

    What was dropped here on purpose comes back, and what the destination's rules would delete
    again goes there, only when ``backups`` names it. Raises BackupNotFound for a named one that
    is nowhere, DestinationError when the destination can't be looked at, and Cancelled.
    """
    context = Context.current()
    compared = compare(context, ref, backups)
    found, there, here = compared.found, compared.there, compared.here
    for key in backups:
        if key not in there and key not in here:
            raise BackupNotFound(
                _("There is no backup %(id)s, here or at %(name)s", id=key[:200], name=ref.name),
                todo=_("See list_backups, and list_backups --at."),
            )
    mendable = _mendable(compared)
    if not backups:
        _leave_out(ref, compared, mendable)
    if push:
        _push(ref, compared, mendable, report, pauses)
    named = [key for key in found.both if key in backups]
    for key in (*found.only_there, *named) if pull else []:
        try:
            found.fetched.append(fetch_backup(ref, key, report))
            found.differing.pop(key, None)
        except TrustbackupError as error:
            found.errors.append(str(error))
    found.errors += [copied.error for copied in found.copied if copied.error]
    if push:
        _exchange_records(context, ref, compared)
    return found


def _mendable(compared: Compared) -> list[str]:
    """Copies that are not whole, of what is here."""
    here = compared.here
    return [key for key in compared.found.incomplete if key in here and here[key].has_manifest]


def _leave_out(
    ref: DestinationRef,
    compared: Compared,
    mendable: Sequence[str],
    failed: Collection[str] = (),
) -> list[str]:
    """Sort out what the destination's rules would not keep.

    The ids of those that were left out before, and are wanted now as these others have ``failed``
    to arrive. Raises DestinationError, FolderError.
    """
    found = compared.found
    asked = [*found.only_here, *found.unwanted]
    unwanted = unwanted_at(
        ref,
        compared.there,
        [key for key in asked if key not in failed],
        [key for key in mendable if key not in failed],
    )
    wanted_now = [key for key in found.unwanted if key not in unwanted]
    found.only_here = sorted((key for key in asked if key not in unwanted), key=names.order)
    found.unwanted = sorted(unwanted, key=names.order)
    return wanted_now


def _push(
    ref: DestinationRef,
    compared: Compared,
    mendable: Sequence[str],
    report: Reporter,
    pauses: Sequence[float],
) -> None:
    found = compared.found
    waiting = [*found.only_here, *mendable]
    failed: set[str] = set()
    while waiting:
        for key in waiting:
            try:
                copied = copy_backup(key, [ref], report, pauses=pauses)
            except TrustbackupError as error:
                found.errors.append(str(error))
                failed.add(key)
            else:
                found.copied += copied
                failed.update(item.id for item in copied if item.error and item.permanent)
                if not any(item.error for item in copied):
                    found.incomplete.pop(key, None)
        waiting = []
        if failed and found.unwanted:
            # For what can't be brought there an older one may have to stand in.
            try:
                waiting = _leave_out(ref, compared, mendable, failed)
            except TrustbackupError as error:
                found.errors.append(str(error))


def _exchange_records(context: Context, ref: DestinationRef, compared: Compared) -> None:
    """Make the records the same on both sides, where they are not; best effort."""
    found = compared.found
    ids = [key for key in found.both if key not in (*found.differing, *found.incomplete)]
    if not ids:
        return
    with ref.open() as destination:
        for key in ids:
            known = names.record_name(key) in compared.there[key].files
            try:
                if exchange_records(context, destination, compared.here[key], there=known):
                    found.renewed.append(key)
            except TrustbackupError as error:
                found.notes.append(str(error))
                if not error.permanent:
                    return
