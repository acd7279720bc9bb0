"""Which copies are read again today: the one whose check is the oldest first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

_DAY = timedelta(days=1)
AHEAD = _DAY
"""What was checked later than that from now was checked by a clock that was wrong."""


@dataclass(frozen=True, kw_only=True)
class ScrubCandidate:
    """A copy. ``checked`` is when it was last read whole, or arrived; aware."""

    id: str
    place: str
    """A destination's name; "" is the backup folder."""
    bytes: int
    checked: datetime


def due_for_scrub(
    copies: Iterable[ScrubCandidate],
    read: Sequence[tuple[datetime, int]],
    *,
    every: timedelta,
    budget: int,
    now: datetime,
) -> list[ScrubCandidate]:
    """Those to read now, in this order: not read for ``every``, within ``budget`` bytes a day.

    A check in the future tells nothing: such a copy is read, too.
    ``read`` says when how many bytes were read before. What is larger than a day's budget is
    read when enough days were saved up for it: while it waits nothing younger is read, so that
    it is not passed over for ever. Raises ValueError for a budget below 1.
    """
    if budget < 1:
        raise ValueError("a budget of nothing reads nothing")
    old = [copy for copy in copies if now - copy.checked >= every or copy.checked - now > AHEAD]
    spent = [(moment, size) for moment, size in read if moment <= now]
    chosen = []
    for copy in sorted(old, key=lambda copy: (copy.checked, copy.id, copy.place)):
        window = max(_DAY, _DAY * (copy.bytes / budget))
        inside = sum(size for moment, size in spent if now - moment < window)
        if inside + copy.bytes > max(budget, copy.bytes):
            break
        chosen.append(copy)
        spent.append((now, copy.bytes))
    return chosen
