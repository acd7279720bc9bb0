"""What stops a deletion that the rules ask for: a wrong rule or a bad day must not cost all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trustbackup.policy.protection import BackupFacts
from trustbackup.policy.retention.reasons import DELETES, Reason

AT_ONCE = 3
"""So many of a sort may always go in one run."""
SHARE = 4
"""Of more, the fourth part."""


def at_once(count: int) -> int:
    """How many backups of a sort that has so many may go in one run without being confirmed."""
    return max(AT_ONCE, count // SHARE)


def hold_back(
    members: Sequence[BackupFacts],
    found: dict[str, tuple[Reason, ...]],
    *,
    paused: Mapping[str, Reason],
    confirmed: bool,
) -> None:
    """Keep of one sort, newest first, what may not go now; its decisions are in ``found``.

    None goes while the newest is not known to be good, none of a group that is paused, and the
    oldest alone when they are more than may go at once.
    """
    going = [backup for backup in reversed(members) if found[backup.id][0] in DELETES]
    if not members[0].good:
        _hold(going, found, Reason.NEWEST_UNCHECKED)
        return
    for backup in going:
        if backup.group in paused:
            _hold([backup], found, paused[backup.group])
    if not confirmed:
        left = [backup for backup in going if backup.group not in paused]
        _hold(left[at_once(len(members)) :], found, Reason.BRAKE)


def _hold(
    backups: Sequence[BackupFacts], found: dict[str, tuple[Reason, ...]], reason: Reason
) -> None:
    held: dict[tuple[Reason, ...], tuple[Reason, ...]] = {}
    for backup in backups:
        why = found[backup.id]
        if why not in held:
            held[why] = (reason, *why)
        found[backup.id] = held[why]
