"""What differs between the backup folder and a destination, and bringing what is missing."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db import DatabaseError

from trustbackup.destinations.base import NotMadeYet
from trustbackup.exceptions import Cancelled, TrustbackupError
from trustbackup.models import Copy
from trustbackup.operations.copying import PAUSES, Copied, copy_backup
from trustbackup.operations.fetching import Remote, fetch_backup, list_remote
from trustbackup.operations.places import Place
from trustbackup.operations.site import Reporter, Site, quiet
from trustbackup.phrases import gettext as _
from trustbackup.store import catalog, names


@dataclass(kw_only=True)
class Difference:
    """Ids of whole backups, oldest first, and what was done about them."""

    destination: str
    only_here: list[str] = field(default_factory=list)
    only_there: list[str] = field(default_factory=list)
    both: list[str] = field(default_factory=list)
    differing: dict[str, str] = field(default_factory=dict)
    """Id → a sentence: both have it, with other sizes or files."""
    unfinished: list[str] = field(default_factory=list)
    """Files are there, and no manifest: no copy yet."""
    copied: list[Copied] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.errors and not self.differing


def compare_with(place: Place) -> Difference:
    """Look at both, change nothing but the index of copies. Raises DestinationError.

    A folder that the first copy is going to make counts as empty.
    """
    site = Site.current()
    there: dict[str, Remote] = {}
    with place.open() as destination, contextlib.suppress(NotMadeYet):
        there = list_remote(destination)
    here = catalog.scan(site.settings.root)
    found = Difference(destination=place.name)
    for key in sorted({*here, *there}, key=names.order):
        mine, theirs = here.get(key), there.get(key)
        if mine is not None and mine.has_manifest and (theirs is None or not theirs.is_whole):
            found.only_here.append(key)
        elif theirs is not None and theirs.is_whole and (mine is None or not mine.has_manifest):
            found.only_there.append(key)
        elif mine is not None and theirs is not None and theirs.is_whole:
            found.both.append(key)
            if sentence := _differs(mine.files, theirs):
                found.differing[key] = sentence
        if theirs is not None and not theirs.is_whole:
            found.unfinished.append(key)
    _index(place, {key: remote for key, remote in there.items() if remote.is_whole})
    return found


def _differs(mine: dict[str, int], theirs: Remote) -> str:
    for name, size in sorted(theirs.files.items()):
        if name not in mine:
            return _("%(file)s is there and not here.", file=name)
        if mine[name] != size:
            return _(
                "%(file)s has %(here)d bytes here and %(there)d there.",
                file=name,
                here=mine[name],
                there=size,
            )
    return ""


def _index(place: Place, there: dict[str, Remote]) -> None:
    """Make the rows of copies what the destination says: it is the truth, they are its index."""
    if place.row is None:
        return
    done = (Copy.State.STORED, Copy.State.VERIFIED)
    try:
        known = {copy.identifier: copy for copy in Copy.objects.filter(destination=place.row)}
        gone = [key for key, copy in known.items() if copy.state in done and key not in there]
        Copy.objects.filter(destination=place.row, identifier__in=gone).delete()
        for key, remote in there.items():
            if key not in known or known[key].state not in done:
                Copy.objects.update_or_create(
                    identifier=key,
                    destination=place.row,
                    defaults={
                        "state": Copy.State.STORED,
                        "bytes": remote.bytes,
                        "changed": datetime.now(UTC),
                        "problem": "",
                        "permanent": False,
                    },
                )
    except DatabaseError:
        return


def sync(
    place: Place,
    report: Reporter = quiet,
    *,
    push: bool = True,
    pull: bool = False,
    pauses: Sequence[float] = PAUSES,
) -> Difference:
    """Bring what is missing there, and here too with ``pull``; one failure stops no other.

    Raises DestinationError when the destination can't be looked at, and Cancelled.
    """
    found = compare_with(place)
    for key in found.only_here if push else []:
        try:
            found.copied += copy_backup(key, [place], report, pauses=pauses)
        except TrustbackupError as error:
            _keep(error, found)
    for key in found.only_there if pull else []:
        try:
            found.fetched.append(fetch_backup(place, key, report))
        except TrustbackupError as error:
            _keep(error, found)
    found.errors += [copied.error for copied in found.copied if copied.error]
    return found


def _keep(error: TrustbackupError, found: Difference) -> None:
    if isinstance(error, Cancelled):
        raise error
    found.errors.append(str(error))
