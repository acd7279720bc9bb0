"""Keep the data of the newest backups only, on a disk that does not last or is small.

``TRUSTBACKUP["KEEP_LOCAL"]`` says of how many. The data of an older one is dropped here once a
destination is known to have exactly these bytes. Nothing is dropped on the word of the index
alone: the destination is asked at that moment.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence

from django.db import DatabaseError

from trustbackup.destinations.base import Destination
from trustbackup.exceptions import Cancelled, TrustbackupError
from trustbackup.models import Backup, Copy
from trustbackup.operations.elsewhere import noted_at
from trustbackup.operations.fetching import Remote, list_remote, read_small, verify_remote
from trustbackup.operations.places import Place, all_places
from trustbackup.operations.prune import is_good
from trustbackup.operations.site import Reporter, Site, quiet
from trustbackup.store import catalog, names
from trustbackup.store.dropping import drop_data
from trustbackup.store.entry import Entry, scan
from trustbackup.store.manifest import Manifest
from trustbackup.store.signature import Signature

logger = logging.getLogger(__name__)
Arrived = Collection[tuple[str, str]]
"""Pairs of a backup's id and a destination's name."""


def drop_local(
    used: Iterable[Place] = (),
    arrived: Arrived = (),
    report: Reporter = quiet,
    *,
    spare: Collection[str] = (),
) -> list[str]:
    """Drop what may be dropped; the ids. Looks at the places ``used`` and at all that are set up.

    ``arrived`` are copies that were compared a moment ago, ``spare`` the ids of those that were
    just brought here. What stands in the way of one is logged, and stops no other: its data
    stays. Raises Cancelled.
    """
    site = Site.current()
    waiting = [item for item in _candidates(site) if item[0].id not in spare]
    dropped: list[str] = []
    if not waiting:
        return dropped
    places = {place.name: place for place in (*used, *all_places())}
    for place in places.values():
        try:
            with place.open() as destination:
                dropped += _drop_at(site, place, destination, waiting, arrived, report)
        except Cancelled:
            raise
        except TrustbackupError as error:
            logger.info("Nothing more is dropped here for %s: %s", place.name, error)
        waiting = [(entry, proven) for entry, proven in waiting if entry.id not in dropped]
    if dropped:
        catalog.synchronise(site.settings.root, site.signer)
    return dropped


_Candidate = tuple[Entry, bool]
"""A backup, and whether it is the newest good one of its sort."""


def _candidates(site: Site) -> list[_Candidate]:
    """All but the newest ones, kept ones, and those that are no good themselves; oldest first."""
    if site.settings.keep_local is None:
        return []
    root = site.settings.root
    entries = scan(root)
    known = catalog.synchronise(root, site.signer)
    rows = [known[key] for key in sorted(entries, key=names.order, reverse=True) if key in known]
    whole = [row for row in rows if row.state in Backup.WHOLE]
    newest_good: dict[tuple[str, str], str] = {}
    for row in whole:
        if is_good(row):
            newest_good.setdefault((row.kind, row.databases), row.identifier)
    return [
        (entries[row.identifier], row.identifier in newest_good.values())
        for row in reversed(whole[site.settings.keep_local :])
        if not row.kept and entries[row.identifier].data_files
    ]


def _drop_at(
    site: Site,
    place: Place,
    destination: Destination,
    waiting: Sequence[_Candidate],
    arrived: Arrived,
    report: Reporter,
) -> list[str]:
    there = list_remote(destination)
    states = _states(place)
    dropped = []
    for entry, newest_good in waiting:
        state = "arrived" if (entry.id, place.name) in arrived else states.get(entry.id, "")
        remote = there.get(entry.id)
        if remote is None or state in _NOT_THERE:
            continue
        try:
            found, signature = entry.read_manifest(site.signer)
            if signature is not Signature.OURS or not _looks_same(
                destination, remote, entry, found
            ):
                continue
            # The newest one that is known to be good goes only for a copy that was read back.
            trusted = (Copy.State.VERIFIED,) if newest_good else _COMPARED
            if state not in trusted:
                verdict = verify_remote(site, destination, remote, place, report)
                if not verdict.ok:
                    continue
            drop_data(entry, noted_at(place, destination), site.signer)
        except Cancelled:
            raise
        except TrustbackupError as error:
            logger.info("The data of backup %s stays here: %s", entry.id, error)
        else:
            dropped.append(entry.id)
    return dropped


_NOT_THERE = (Copy.State.WAITING, Copy.State.UPLOADING, Copy.State.FAILED)
_COMPARED = ("arrived", Copy.State.STORED, Copy.State.VERIFIED)
"""Hashes were compared when it came there, or later."""


def _states(place: Place) -> dict[str, str]:
    """What the index says of the copies there; one that was only ever listed says nothing."""
    if place.row is None:
        return {}
    try:
        rows = list(Copy.objects.filter(destination=place.row))
    except DatabaseError:
        return {}
    listed = (row for row in rows if row.tries or row.state != Copy.State.STORED)
    return {row.identifier: row.state for row in listed}


def _looks_same(destination: Destination, remote: Remote, entry: Entry, found: Manifest) -> bool:
    """Whether the same manifest is there, and all of its files with the sizes that it says."""
    name = names.manifest_name(entry.id)
    return (
        remote.is_whole
        and all(remote.files.get(part.file) == part.bytes for part in found.parts)
        and read_small(destination, name) == (entry.root / name).read_bytes()
    )
