"""Making a backup as a run does: dump, copies, and what ``KEEP_LOCAL`` lets go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from trustbackup.operations.backup.create import create_backup
from trustbackup.operations.backup.full import FULL
from trustbackup.operations.backup.kinds import MAKEABLE, aliases_of
from trustbackup.operations.backup.media import MEDIA_KIND, what_is_amiss
from trustbackup.operations.context import Context
from trustbackup.operations.offsite.targets import (
    DestinationRef,
    all_destinations,
    find_destination,
)
from trustbackup.operations.progress import Reporter
from trustbackup.phrases import joined
from trustbackup.runs.lock import MEDIA_LOCK, only_run
from trustbackup.runs.pruning import note_odd
from trustbackup.runs.recorder import RunRecorder
from trustbackup.store.durable import free_bytes
from trustbackup.store.manifest import Manifest

if TYPE_CHECKING:
    from trustbackup.operations.offsite.copy import CopyResult


def create_and_copy(
    recorder: RunRecorder,
    report: Reporter,
    *,
    to: Sequence[str] = (),
    **options: Any,  # noqa: ANN401
) -> tuple[Manifest, list[CopyResult]]:
    """Make a backup, then bring it to these destinations and to the automatic ones.

    A copy that fails, or a file that could not be read, makes the run partial; the backup is there
    all the same. Raises what
    ``create_backup`` does, and UsageError for an unknown destination before anything is made.
    """
    refs = {
        ref.name: ref
        for ref in [*map(find_destination, to), *all_destinations(automatic_only=True)]
    }
    kind = options.get("kind", MAKEABLE[0])
    busy = [MEDIA_LOCK] if kind in (MEDIA_KIND, FULL) else []
    with only_run([*aliases_of(kind, options.get("databases", ())), *busy], report):
        manifest = create_backup(**options, report=report)
    copies = copy_and_evict(recorder, manifest, list(refs.values()), report)
    recorder.partial = joined(filter(None, [*what_is_amiss(manifest), recorder.partial]))
    note_odd(recorder, manifest)
    return manifest, copies


def copy_and_evict(
    recorder: RunRecorder, manifest: Manifest, refs: Sequence[DestinationRef], report: Reporter
) -> list[CopyResult]:
    """Note what was made, bring it to these destinations, and drop what may go here."""
    recorder.target = manifest.id
    recorder.outcome.update(bytes=manifest.bytes, backup=manifest.id)
    if (free := free_bytes(Context.current().settings.backup_dir)) is not None:
        recorder.outcome["free"] = free  # by this it is told when the disk will be full
    copies: list[CopyResult] = []
    if refs:
        from trustbackup.operations.offsite.copy import copy_backup

        copies = copy_backup(manifest.id, list(refs), report)
    note_copies(recorder, copies)
    evict_after(recorder, refs, copies, report)
    return copies


def note_copies(recorder: RunRecorder, copies: Sequence[CopyResult]) -> None:
    """What did not arrive makes the run partial."""
    recorder.outcome["copies"] = [asdict(copied) for copied in copies]
    recorder.partial = joined(
        joined([item.destination, item.error], ": ") for item in copies if item.error
    )


def evict_after(
    recorder: RunRecorder,
    refs: Sequence[DestinationRef],
    copies: Sequence[CopyResult],
    report: Reporter,
    spare: Sequence[str] = (),
) -> None:
    """Drop what ``KEEP_LOCAL`` lets go once copies arrived. Raises Cancelled."""
    arrived = {(item.id, item.destination) for item in copies if not item.error}
    recorder.outcome["offloaded"] = []
    if Context.current().settings.keep_local is None:
        return  # what talks to destinations is loaded for who has some
    from trustbackup.operations.offsite.evict import evict

    recorder.outcome["offloaded"] = evict(refs, arrived, report, spare=spare)
