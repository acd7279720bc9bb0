"""Keep the data of the newest backups only, on a disk that does not last or is small.

``TRUSTBACKUP["KEEP_LOCAL"]`` says of how many. The data of an older one is evicted here once a
destination is known to have exactly these bytes. Nothing is evicted on the word of the index
alone: the destination is asked at that moment; one whose word may be a cache's is asked some
minutes after the copy, by a later run.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import DatabaseError

from trustbackup.destinations.base import DestinationBackend
from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Backup, Copy
from trustbackup.operations.backup.facts import facts_of
from trustbackup.operations.backup.sweep import sweep_quietly
from trustbackup.operations.context import Context
from trustbackup.operations.offsite.hydrate import noted_at
from trustbackup.operations.offsite.objects import has_whole_copy_of
from trustbackup.operations.offsite.remote import list_remote
from trustbackup.operations.offsite.targets import DestinationRef, all_destinations
from trustbackup.operations.offsite.verify import verify_remote
from trustbackup.operations.progress import Reporter, quiet
from trustbackup.policy.protection import last_good
from trustbackup.store import catalog, names
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.eviction import evict_data
from trustbackup.store.signature import Signature

logger = logging.getLogger(__name__)
Arrived = Collection[tuple[str, str]]
"""Pairs of a backup's id and a destination's name."""


def evict(
    used: Iterable[DestinationRef] = (),
    arrived: Arrived = (),
    report: Reporter = quiet,
    *,
    spare: Collection[str] = (),
) -> list[str]:
    """Evict what may be evicted; the ids. Looks at ``used`` and at all that are set up.

    ``arrived`` are copies that were compared a moment ago, ``spare`` the ids of those that were
    just brought here. What stands in the way of one is logged, and stops no other: its data
    stays. Raises Cancelled.
    """
    context = Context.current()
    waiting = [item for item in _candidates(context) if item.entry.id not in spare]
    evicted: list[str] = []
    if not waiting:
        return evicted
    refs = {ref.name: ref for ref in (*used, *all_destinations())}
    for ref in refs.values():
        try:
            with ref.open() as destination:
                evicted += _evict_at(context, ref, destination, waiting, arrived, report)
        except TrustbackupError as error:
            logger.info("Nothing more is evicted here for %s: %s", ref.name, error)
        waiting = [item for item in waiting if item.entry.id not in evicted]
    if evicted:
        sweep_quietly(context.folder)
        catalog.synchronise(context.folder)
    return evicted


@dataclass(frozen=True, kw_only=True)
class EvictionCandidate:
    """A backup whose data may go, as far as was seen when all were looked at."""

    entry: BackupFiles
    newest_good: bool
    """Whether it is the last good or the last proven one of its sort."""
    relies_on: tuple[BackupFiles, ...]
    """Those of its sort that are, if it is not: while they stay as they were seen."""


def _candidates(context: Context) -> list[EvictionCandidate]:
    """All but the newest ones, kept ones, and those that are no good themselves; oldest first."""
    if context.settings.keep_local is None:
        return []
    entries = context.folder.scan()
    known = catalog.synchronise(context.folder)
    rows = [known[key] for key in sorted(entries, key=names.order, reverse=True) if key in known]
    whole = [row for row in rows if row.state in Backup.WHOLE]
    facts = {row.identifier: facts_of(row) for row in whole}
    needed = last_good(facts.values())
    return [
        EvictionCandidate(
            entry=entries[row.identifier],
            newest_good=row.identifier in needed,
            relies_on=tuple(
                entries[key] for key in needed if facts[key].sort == facts[row.identifier].sort
            ),
        )
        for row in reversed(whole[context.settings.keep_local :])
        if not row.protected and entries[row.identifier].data_files
    ]


def _evict_at(
    context: Context,
    ref: DestinationRef,
    destination: DestinationBackend,
    waiting: Sequence[EvictionCandidate],
    arrived: Arrived,
    report: Reporter,
) -> list[str]:
    there = list_remote(destination)
    copies = _copies(ref)
    since = datetime.now(UTC) - timedelta(seconds=destination.second_look_after)
    evicted = []
    for candidate in waiting:
        entry = candidate.entry
        just_now = (entry.id, ref.name) in arrived
        copied = copies.get(entry.id)
        state = "arrived" if just_now else copied.state if copied else ""
        remote = there.get(entry.id)
        if remote is None or state in _NOT_THERE:
            continue
        if destination.second_look_after and (just_now or (copied and copied.changed > since)):
            logger.info("%s is looked at once more before its data goes here", entry.id)
            continue
        # The newest one that is known to be good goes only for a copy that was read back.
        trusted = (Copy.State.VERIFIED,) if candidate.newest_good else _COMPARED
        try:
            if not _is_ours_there(ref, destination, entry):
                continue
            if state not in trusted:
                verdict = verify_remote(context, destination, remote, ref, report)
                if not verdict.ok:
                    continue
            is_there = functools.partial(_is_ours_there, ref, destination, entry)
            evict_data(entry, noted_at(ref, destination), is_there, candidate.relies_on)
        except TrustbackupError as error:
            logger.info("The data of backup %s stays here: %s", entry.id, error)
        else:
            evicted.append(entry.id)
    return evicted


def _is_ours_there(
    ref: DestinationRef, destination: DestinationBackend, entry: BackupFiles
) -> bool:
    """Whether it is there at this moment, and nobody has found it bad since all were looked at."""
    found, signature = entry.read_manifest()
    known = _copies(ref, entry.id).get(entry.id)
    return (
        signature is Signature.OURS
        and (known is None or known.state not in _NOT_THERE)
        and has_whole_copy_of(destination, entry, found)
    )


_NOT_THERE = (
    Copy.State.WAITING,
    Copy.State.UPLOADING,
    Copy.State.FAILED,
    Copy.State.DELETING,
)
_COMPARED = ("arrived", Copy.State.STORED, Copy.State.VERIFIED)
"""Hashes were compared when it came there, or later."""


def _copies(ref: DestinationRef, *identifiers: str) -> dict[str, Copy]:
    """What the index says of the copies there; one that was only ever listed says nothing."""
    if ref.row is None:
        return {}
    found = Copy.objects.filter(destination=ref.row)
    try:
        rows = list(found.filter(identifier__in=identifiers) if identifiers else found)
    except DatabaseError:
        return {}
    return {row.identifier: row for row in rows if row.tries or row.state != Copy.State.STORED}
