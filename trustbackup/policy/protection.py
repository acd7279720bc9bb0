"""Which backups a site can't do without: one rule for delete, prune, evict and the page.

Pure: it knows facts only. Backups of one sort (the same type and the same databases) stand in
for each other, backups of different sorts never do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, kw_only=True)
class BackupFacts:
    """What the rules need to know of a backup. ``created`` is aware."""

    id: str
    sort: str
    created: datetime
    whole: bool
    """Every file is here with its size, or was evicted for a copy that has it."""
    ours: bool = True
    """This site signed its manifest."""
    checked: bool | None = None
    """How its last check ended; None when there was none."""
    drilled: bool | None = None
    """How its last drill ended; None when there was none."""
    protected: bool = False
    bytes: int = 0
    """What it takes in the place that is asked about."""
    group: str = ""
    """Those that one set of retention rules is for; "" for what none is for."""

    @property
    def good(self) -> bool:
        """Whole, and its last check and drill, as far as there were any, passed; one did."""
        return not self.is_bad and (self.checked or self.drilled or False)

    @property
    def is_bad(self) -> bool:
        """Known not to be good; what was never checked is neither."""
        return not self.whole or self.checked is False or self.drilled is False

    @property
    def proven(self) -> bool:
        """Good, and restored in a drill."""
        return self.good and self.drilled is True


class LastResort(StrEnum):
    """Why a backup is the one that must not go, by what is known of its sort."""

    PROVEN = "proven"
    GOOD = "good"
    OURS = "complete"
    WHOLE = "whole"


_RANKS: dict[LastResort, Callable[[BackupFacts], bool]] = {
    LastResort.PROVEN: lambda backup: backup.proven,
    LastResort.GOOD: lambda backup: backup.good,
    LastResort.OURS: lambda backup: backup.whole and backup.ours,
    LastResort.WHOLE: lambda backup: backup.whole,
}


def last_resorts(backups: Iterable[BackupFacts], *, now: datetime) -> dict[str, LastResort]:
    """The one backup of each sort that is not deleted without being asked for by name.

    The newest proven one; where none is, the newest good one; where none is, the newest whole
    one, of this site's own first. One that is dated in the future counts only where no other
    does: the clock was wrong.
    """
    found: dict[str, LastResort] = {}
    for members in by_sort(backups).values():
        past = [backup for backup in members if backup.created <= now]
        for among in (past, members):
            for reason, fits in _RANKS.items():
                if last := next((backup for backup in among if fits(backup)), None):
                    found[last.id] = reason
                    break
            else:
                continue
            break
    return found


def last_good(backups: Iterable[BackupFacts]) -> set[str]:
    """The newest good and the newest proven one of each sort: however little is kept, they are."""
    found = set()
    for members in by_sort(backups).values():
        for reason in (LastResort.GOOD, LastResort.PROVEN):
            found |= {next((backup.id for backup in members if _RANKS[reason](backup)), "")}
    return found - {""}


def by_sort(backups: Iterable[BackupFacts]) -> dict[str, list[BackupFacts]]:
    """The backups of each sort, newest first."""
    sorts: dict[str, list[BackupFacts]] = defaultdict(list)
    for backup in backups:
        sorts[backup.sort].append(backup)
    for members in sorts.values():
        members.sort(key=lambda item: (item.created, item.id), reverse=True)
    return sorts
