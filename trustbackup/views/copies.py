"""Where backups have copies: for the list, and for one backup."""

from __future__ import annotations

from collections.abc import Iterable

from trustbackup.models import Backup, Copy, Destination


def add_copies(backups: Iterable[Backup]) -> None:
    """Give each backup of a page its ``copies``; one query for all of them."""
    shown = {backup.identifier: backup for backup in backups}
    for backup in shown.values():
        backup.copies = []
    found = Copy.objects.filter(identifier__in=list(shown)).select_related("destination")
    for copy in found.order_by("destination__name"):
        shown[copy.identifier].copies.append(copy)


def copies_of(identifier: str) -> list[Copy]:
    found = Copy.objects.filter(identifier=identifier).select_related("destination")
    return list(found.order_by("destination__name"))


def lacking(identifier: str) -> list[Destination]:
    """Destinations that are set up and have no row of this backup."""
    others = Destination.objects.exclude(copies__identifier=identifier)
    return [row for row in others if row.options]
