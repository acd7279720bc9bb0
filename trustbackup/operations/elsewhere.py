"""Backups whose data was dropped here on purpose: where it is, and its way back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, router

from trustbackup.databases.alias import for_a_note
from trustbackup.destinations.base import Destination, DestinationError
from trustbackup.exceptions import BackupNotFound, Cancelled, TrustbackupError
from trustbackup.models import Copy
from trustbackup.operations.fetching import verify_at
from trustbackup.operations.filling import fill_in
from trustbackup.operations.places import Place, all_places, find_place
from trustbackup.operations.site import Reporter, Site, quiet
from trustbackup.operations.verify import Verdict, note_check, verify_entry
from trustbackup.phrases import gettext as _
from trustbackup.phrases import joined
from trustbackup.store import catalog, names
from trustbackup.store.dropping import away_of, drop_data
from trustbackup.store.entry import Entry, scan
from trustbackup.store.record import Away


@contextlib.contextmanager
def at_hand(reference: str, report: Reporter = quiet, *, briefly: bool = False) -> Iterator[str]:
    """While this is held, the data of a backup is here, brought back if need be, and stays.

    Gives its id, or ``reference`` as it was when it is none of a backup in the folder. What was
    brought back ``briefly`` is dropped again at the end. Raises DestinationError, FolderError,
    Busy, Cancelled.
    """
    site = Site.current()
    try:
        entry = catalog.find(site.settings.root, reference)
    except BackupNotFound:
        yield reference
        return
    with entry.in_use():
        away = away_of(entry, site.signer)
        source = None if away is None else _bring_back(site, entry, away, report)
        yield entry.id
    if source is not None and briefly and site.settings.keep_local is not None:
        # It came whole from there a moment ago.
        with contextlib.suppress(TrustbackupError):
            drop_data(catalog.find(entry.root, entry.id), source, site.signer)


def bring_back(reference: str, report: Reporter = quiet) -> str:
    """Fetch the data of a dropped backup, to stay; its id. Raises as ``at_hand``."""
    with at_hand(reference, report) as identifier:
        return catalog.find(Site.current().settings.root, identifier).id


def _bring_back(site: Site, entry: Entry, away: Away, report: Reporter) -> Away:
    """The place that it came from; the first one that works."""
    first: TrustbackupError | None = None
    for place in places_of(entry.id, away):
        try:
            with place.open() as destination:
                fill_in(site, destination, entry, place.name, report)
                return noted_at(place, destination)
        except Cancelled:
            raise
        except TrustbackupError as error:
            first = first or error
    raise DestinationError(
        _("The data of backup %(id)s is at %(where)s only", id=entry.id, where=away.where),
        why=joined(filter(None, (first.what, first.why)), ": ") if first else _unknown(away),
        todo=first.todo if first else _("Add that destination again, then try again."),
        permanent=first.permanent if first else True,
    ) from first


def noted_at(place: Place, destination: Destination) -> Away:
    """What a record says of data that is there."""
    name = place.row.name if place.row else ""
    return Away(at=datetime.now(UTC), destination=name, address=destination.address)


def _unknown(away: Away) -> str:
    return _("this site has no destination %(where)s any more", where=away.where)


def places_of(identifier: str, away: Away) -> list[Place]:
    """Where to look for its data: as it was noted, then where other copies are."""
    saved = {place.name: place for place in all_places()}
    wanted = [name for name in (away.destination, *_with_copies(identifier)) if name in saved]
    found = [saved[name] for name in dict.fromkeys(wanted)]
    if away.address:
        with contextlib.suppress(TrustbackupError):
            found.append(find_place(away.address))
    return found


def _with_copies(identifier: str) -> list[str]:
    using = router.db_for_read(Copy)
    try:
        if not catalog.may_connect(using):
            return []
        with for_a_note(using):
            rows = Copy.objects.using(using).filter(identifier=identifier, state__in=Copy.THERE)
            return list(rows.values_list("destination__name", flat=True))
    except (DatabaseError, ImproperlyConfigured):
        return []


# ------------------------------------------------------------------------------ checks


def verify_backup(reference: str, report: Reporter = quiet) -> Verdict:
    """Check one backup, wherever its data is: signature, sizes, hashes.

    The outcome is written beside it. ``reference`` is an id, ``latest`` or a file name. Raises
    BackupNotFound.
    """
    site = Site.current()
    return _verify(site, catalog.find(site.settings.root, reference), report)


def verify_all(report: Reporter = quiet) -> list[Verdict]:
    """Check every backup in the folder, oldest first."""
    site = Site.current()
    entries = scan(site.settings.root)
    return [_verify(site, entries[key], report) for key in sorted(entries, key=names.order)]


def _verify(site: Site, entry: Entry, report: Reporter) -> Verdict:
    away = away_of(entry, site.signer)
    if away is None:
        return verify_entry(site, entry, report)
    problem: str = _unknown(away)
    for place in places_of(entry.id, away):
        try:
            (verdict,) = verify_at(place, [entry.id], report)
        except Cancelled:
            raise
        except TrustbackupError as error:
            problem = str(error)
            continue
        note_check(site, entry, verdict)
        return verdict
    # That nobody could look says nothing about the backup: it is not written down.
    return Verdict(id=entry.id, problems=(problem,), signature="")
