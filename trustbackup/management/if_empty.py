"""``restore_backup --if-empty``: for the start of a container, where nobody can be asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError
from django.db import connections

from trustbackup.operations.restore.occupancy import Occupancy, Occupied, occupancy_of

_OTHER = ("into", "into_folder", "path", "only_missing", "mode", "trust_manifest")
"""Options of restores that replace no database, or that somebody must answer for."""
_SHOWN = 3


def are_empty(options: Mapping[str, Any]) -> bool:
    """Whether the databases that would be restored have no rows; not if they are in use.

    Raises CommandError when they are neither, TrustbackupError when one can't be read.
    """
    for name in _OTHER:
        if options[name]:
            raise CommandError(f"--if-empty does not go with --{name.replace('_', '-')}.")
    found = [occupancy_of(alias) for alias in options["database"] or connections]
    for each in found:
        if each.occupancy is Occupancy.HALF_FILLED:
            raise CommandError(_refusal(each))
    empty = [each.alias for each in found if each.occupancy is Occupancy.EMPTY]
    filled = [each.alias for each in found if each.occupancy is Occupancy.FILLED]
    if empty and filled:
        raise CommandError(
            f"Nothing was restored: database {empty[0]!r} is empty, and {filled[0]!r} has rows."
            " Name those to look at with --database."
        )
    return not filled


def _refusal(found: Occupied) -> str:
    why = "it has rows, and no migration was ever run in it"
    if found.missing:
        shown = ", ".join(found.missing[:_SHOWN])
        more = len(found.missing) - _SHOWN
        why = f"it has rows, and lacks tables of its migrations: {shown}"
        why += f" and {more} more" if more > 0 else ""
    return (
        f"Nothing was restored: database {found.alias!r} is half-filled ({why}). Look what is in"
        " it; empty it or finish it, or restore without --if-empty."
    )
