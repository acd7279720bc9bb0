"""Which backups may go: a pure rule over facts, without clock, file or database.

However little is to be kept, the newest backup of its sort that is known to be good stays, and
so does the newest that is proven: backups that failed for days must not push out the last one
that can be restored.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from trustbackup.policy.protection import BackupFacts, by_sort, last_good


def expired(backups: Iterable[BackupFacts], *, keep: int, now: datetime) -> list[str]:
    """The ids that may be deleted, oldest first, when ``keep`` of each sort stay.

    A backup dated in the future neither goes nor counts: the clock was wrong, not the
    backup. Raises ValueError for a ``keep`` below 1, which would delete everything.
    """
    if keep < 1:
        raise ValueError("keep must be at least 1")
    past = [backup for backup in backups if backup.created <= now]
    spared = last_good(past)
    going: list[BackupFacts] = []
    for members in by_sort(past).values():
        # With none known to be good, the one that is may be any of them: all stay.
        if any(backup.good for backup in members):
            going += [
                backup
                for backup in members[keep:]
                if not backup.protected and backup.id not in spared
            ]
    return [item.id for item in sorted(going, key=lambda item: (item.created, item.id))]
