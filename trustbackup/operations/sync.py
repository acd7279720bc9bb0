"""What differs between the backup folder and a destination, and bringing what is missing."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db import DatabaseError

from trustbackup.destinations.base import NotMadeYet
from trustbackup.exceptions import BackupNotFound, Cancelled, TrustbackupError
from trustbackup.models import Backup, Copy
from trustbackup.operations.copying import PAUSES, Copied, copy_backup
from trustbackup.operations.fetching import Remote, fetch_backup, list_remote
from trustbackup.operations.marks import exchange_marks
from trustbackup.operations.places import Place
from trustbackup.operations.site import Reporter, Site, quiet
from trustbackup.phrases import gettext as _
from trustbackup.store import catalog, names
from trustbackup.store.entry import Entry, scan


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
    elsewhere: list[str] = field(default_factory=list)
    """Their data was dropped here on purpose, and is at another destination than this one."""
    copied: list[Copied] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    renewed: list[str] = field(default_factory=list)
    """Their record there says now what is known here: kept, checked, drilled."""
    notes: list[str] = field(default_factory=list)
    """What went wrong with records, which stops no copy from being good."""
    errors: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.errors and not self.differing


def compare_with(place: Place, backups: Collection[str] = ()) -> Difference:
    """Look at both, change nothing but the index of copies. Raises DestinationError.

    A folder that the first copy is going to make counts as empty. ``backups`` are the ids of
    those that matter; none means all.
    """
    return _look(Site.current(), place, backups)[0]


def _look(
    site: Site, place: Place, backups: Collection[str]
) -> tuple[Difference, dict[str, Remote], dict[str, Entry]]:
    there: dict[str, Remote] = {}
    with place.open() as destination:
        address = destination.address
        with contextlib.suppress(NotMadeYet):
            there = list_remote(destination)
    rows = catalog.synchronise(site.settings.root, site.signer)
    here = scan(site.settings.root)
    found = Difference(destination=place.name)
    for key in sorted({*here, *there}, key=names.order):
        if not backups or key in backups:
            row = rows.get(key)
            dropped = row if row and row.state == Backup.State.ELSEWHERE else None
            noted_here = dropped is not None and dropped.elsewhere in (place.name, address)
            _sort_in(found, here.get(key), there.get(key), dropped, noted_here=noted_here)
    _index(place, {key: remote for key, remote in there.items() if remote.is_whole})
    return found, there, here


def _sort_in(
    found: Difference,
    mine: Entry | None,
    theirs: Remote | None,
    dropped: Backup | None,
    *,
    noted_here: bool,
) -> None:
    if theirs is not None and not theirs.is_whole:
        found.unfinished.append(theirs.id)
        theirs = None
    if mine is not None and mine.has_manifest and theirs is None:
        if noted_here:
            found.differing[mine.id] = _(
                "its data was dropped here because it was there, and it is not there any more."
            )
        elif dropped is not None:
            found.elsewhere.append(mine.id)
        else:
            found.only_here.append(mine.id)
    elif theirs is not None and (mine is None or not mine.has_manifest):
        found.only_there.append(theirs.id)
    elif mine is not None and theirs is not None:
        found.both.append(mine.id)
        files = dict(mine.files)
        if dropped is not None:
            files.update({file["file"]: file["bytes"] for file in dropped.files})
        if sentence := _differs(files, theirs):
            found.differing[mine.id] = sentence


def _differs(mine: dict[str, int], theirs: Remote) -> str:
    record = names.record_name(theirs.id)  # it changes, and is not the backup
    for name, size in sorted(theirs.files.items()):
        if name != record and name not in mine:
            return _("%(file)s is there and not here.", file=name)
        if name != record and mine[name] != size:
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
    done = Copy.THERE
    try:
        known = {copy.identifier: copy for copy in Copy.objects.filter(destination=place.row)}
        gone = [key for key, copy in known.items() if copy.state in done and key not in there]
        Copy.objects.filter(destination=place.row, identifier__in=gone).delete()
        for key, remote in there.items():
            # That it is listed does not mend a copy that was found bad.
            if key not in known or known[key].state not in (*done, Copy.State.FAILED):
                Copy.objects.update_or_create(
                    identifier=key,
                    destination=place.row,
                    defaults={
                        "state": Copy.State.STORED,
                        "bytes": remote.bytes,
                        "changed": datetime.now(UTC),
                        "tries": 0,
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
    backups: Collection[str] = (),
    pauses: Sequence[float] = PAUSES,
) -> Difference:
    """Bring what is missing there, and here too with ``pull``; one failure stops no other.

    What was dropped here on purpose comes back only when ``backups`` names it. Raises
    BackupNotFound for a named one that is nowhere, DestinationError when the destination can't
    be looked at, and Cancelled.
    """
    site = Site.current()
    found, there, here = _look(site, place, backups)
    for key in backups:
        if key not in there and key not in here:
            raise BackupNotFound(
                _("There is no backup %(id)s, here or at %(name)s", id=key[:200], name=place.name),
                todo=_("See list_backups, and list_backups --at."),
            )
    for key in found.only_here if push else []:
        try:
            found.copied += copy_backup(key, [place], report, pauses=pauses)
        except TrustbackupError as error:
            _keep(error, found)
    named = [key for key in found.both if key in backups]
    for key in (*found.only_there, *named) if pull else []:
        try:
            found.fetched.append(fetch_backup(place, key, report))
            found.differing.pop(key, None)
        except TrustbackupError as error:
            _keep(error, found)
    found.errors += [copied.error for copied in found.copied if copied.error]
    if push:
        _exchange_marks(
            site,
            place,
            [key for key in found.both if key not in found.differing],
            there,
            here,
            found,
        )
    return found


def _exchange_marks(
    site: Site,
    place: Place,
    ids: Sequence[str],
    there: dict[str, Remote],
    here: dict[str, Entry],
    found: Difference,
) -> None:
    """Make the records the same on both sides, where they are not; best effort."""
    if not ids:
        return
    with place.open() as destination:
        for key in ids:
            known = names.record_name(key) in there[key].files
            try:
                if exchange_marks(site, destination, here[key], there=known):
                    found.renewed.append(key)
            except TrustbackupError as error:
                found.notes.append(str(error))
                if not error.permanent:
                    return


def _keep(error: TrustbackupError, found: Difference) -> None:
    if isinstance(error, Cancelled):
        raise error
    found.errors.append(str(error))
