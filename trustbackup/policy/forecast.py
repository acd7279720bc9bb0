"""When a disk will be full, from what was free on it before. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median

FEWEST = 4
"""Figures that a forecast needs; of fewer, one large upload makes a trend."""
SPAN = timedelta(days=2)
"""That they must cover at least."""
FURTHEST = timedelta(days=365)
"""What is full later than that is not full."""


def full_in(free: Sequence[tuple[datetime, int]], now: datetime) -> timedelta | None:
    """How long until nothing is free, when it goes on as it went; None when it does not shrink.

    ``free`` holds bytes that were free, oldest first. The trend is the median of the slopes
    between each two of them (Theil and Sen), which one clean-up or one large file does not
    turn. None, too, for what is too little to tell, or further than a year away.
    """
    known = [(moment, size) for moment, size in free if moment <= now]
    if len(known) < FEWEST or known[-1][0] - known[0][0] < SPAN:
        return None
    slopes = [
        (later[1] - earlier[1]) / seconds
        for number, earlier in enumerate(known)
        for later in known[number + 1 :]
        if (seconds := (later[0] - earlier[0]).total_seconds()) > 0
    ]
    slope = median(slopes)
    if slope >= 0:
        return None
    moment, size = known[-1]
    if size / -slope > FURTHEST.total_seconds():
        return None
    left = timedelta(seconds=size / -slope) - (now - moment)
    return max(left, timedelta(0))
