"""A sync as a run does it: place after place, then what ``KEEP_LOCAL`` lets go."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from trustbackup.exceptions import TrustbackupError, UsageError
from trustbackup.operations.offsite.compare import SyncResult
from trustbackup.operations.offsite.targets import (
    DestinationRef,
    all_destinations,
    find_destination,
)
from trustbackup.operations.progress import Reporter
from trustbackup.operations.sync import compare_with, sync
from trustbackup.phrases import gettext as _
from trustbackup.phrases import joined
from trustbackup.runs.create_work import evict_after
from trustbackup.runs.recorder import RunRecorder


def places_to_sync(names: Sequence[str]) -> list[DestinationRef]:
    """These destinations, or all that are set up. Raises UsageError."""
    refs = [find_destination(name) for name in names] or all_destinations()
    if not refs:
        raise UsageError(
            _("There is no destination to sync with"),
            todo=_("Add one on the page, or give a URL."),
        )
    return refs


def compare_each(refs: Sequence[DestinationRef], backups: Collection[str]) -> list[SyncResult]:
    """What a sync would find; one destination that is down stops no other."""
    found = []
    for ref in refs:
        try:
            found.append(compare_with(ref, backups))
        except TrustbackupError as error:
            found.append(SyncResult(destination=ref.name, errors=[str(error)]))
    return found


def sync_each(
    recorder: RunRecorder,
    refs: Sequence[DestinationRef],
    report: Reporter,
    *,
    push: bool = True,
    pull: bool = False,
    backups: Collection[str] = (),
) -> list[SyncResult]:
    """Sync with all of them; what fails at one makes the run partial, and stops no other.

    Raises Cancelled.
    """
    found = []
    for ref in refs:
        try:
            found.append(sync(ref, report, push=push, pull=pull, backups=backups))
        except TrustbackupError as error:
            found.append(SyncResult(destination=ref.name, errors=[str(error)]))
    copies = [copied for item in found for copied in item.copied]
    fetched = [key for item in found for key in item.fetched]
    evict_after(recorder, refs, copies, report, spare=fetched)
    return found


def note_sync(recorder: RunRecorder, found: Sequence[SyncResult]) -> None:
    """What came of it, into the run's outcome."""
    recorder.outcome["copied"] = sum(len(item.copied) for item in found)
    recorder.outcome["fetched"] = sum(len(item.fetched) for item in found)
    recorder.partial = joined(error for item in found for error in item.errors)


def sync_as_asked(recorder: RunRecorder, options: dict[str, Any], report: Reporter) -> None:
    """``to``, names of destinations, and ``pull``, whether what is missing here is fetched."""
    refs = places_to_sync(options["to"])
    note_sync(recorder, sync_each(recorder, refs, report, pull=options["pull"]))
