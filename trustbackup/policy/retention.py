"""Which backups may go: a pure rule over facts, without clock, file or database.

However little is to be kept, the newest backup of its sort that is known to be good stays:
backups that failed for days must not push out the last one that can be restored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What the rule needs to know of a backup. ``created`` is aware."""

    id: str
    sort: str
    """Only backups of one sort compete: the same type and the same databases."""
    created: datetime
    good: bool
    """Whether its last check or drill passed."""
    kept: bool


def victims(candidates: Iterable[Candidate], *, keep: int, now: datetime) -> list[str]:
    """The ids that may be deleted, oldest first, when ``keep`` of each sort stay.

    A backup dated in the future neither goes nor counts: the clock was wrong, not the
    backup. Raises ValueError for a ``keep`` below 1, which would delete everything.
    """
    if keep < 1:
        raise ValueError("keep must be at least 1")
    sorts: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        if candidate.created <= now:
            sorts[candidate.sort].append(candidate)
    going: list[Candidate] = []
    for members in sorts.values():
        members.sort(key=lambda item: (item.created, item.id), reverse=True)
        newest_good = next((item for item in members if item.good), None)
        # With none known to be good, the one that is may be any of them: all stay.
        if newest_good is not None:
            going += [item for item in members[keep:] if not item.kept and item is not newest_good]
    return [item.id for item in sorted(going, key=lambda item: (item.created, item.id))]
