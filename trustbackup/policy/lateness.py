"""What is late: a plan whose due time passed without a backup, a proof, a copy that grew old.

Pure: whoever looks brings the facts and the moment. Nothing has to run for a thing to be late;
it is computed when somebody looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

MOST_COUNTED = 1000
"""Due times that are counted as missed; of a plan for each minute there are half a million a
year, and nobody needs to know how many."""
_NEXT_DAY = timedelta(hours=23)
"""A day, on which clocks may go forward."""
_LOOK_BACK = timedelta(days=2)
"""Where a wrong clock has left no moment that is over: due times since then are missed."""
REMIND_EVERY = timedelta(days=7)
"""Where nothing else is due that could be counted by."""


class Calendar(Protocol):
    """When a plan is due; see ``policy/schedule.py``."""

    def next_after(self, moment: datetime) -> datetime | None:
        """The first due time after an aware moment; None when it never comes."""


@dataclass(frozen=True, kw_only=True)
class PlanFacts:
    """What is known of a plan that is on. Moments are aware."""

    calendar: Calendar
    grace: timedelta
    since: datetime
    """When it was made, or switched on."""
    succeeded: datetime | None = None
    """When the last backup that it needs no successor for was begun."""


@dataclass(frozen=True, kw_only=True)
class Lateness:
    """``first`` is the due time since which it is late, ``last`` the newest one that is over."""

    first: datetime
    last: datetime
    missed: int
    """Due times that are over, the first and the last among them; at most ``MOST_COUNTED``."""


def deadline(plan: PlanFacts, now: datetime) -> datetime | None:
    """When the plan is late, if nothing happens until then; None when it is never due.

    A success that is dated in the future, as by a clock that was wrong, counts for nothing.
    """
    due = _first_due(plan, now)
    return None if due is None else due + plan.grace


def lateness_of(plan: PlanFacts, now: datetime) -> Lateness | None:
    """None while the plan is in time: at its deadline it still is."""
    first = last = _first_due(plan, now)
    if first is None or last is None or now <= first + plan.grace:
        return None
    missed = 1
    while missed < MOST_COUNTED:
        following = plan.calendar.next_after(last)
        if following is None or now <= following + plan.grace:
            break
        last, missed = following, missed + 1
    return Lateness(first=first, last=last, missed=missed)


def _first_due(plan: PlanFacts, now: datetime) -> datetime | None:
    known = [moment for moment in (plan.since, plan.succeeded) if moment and moment <= now]
    return plan.calendar.next_after(max(known, default=now - _LOOK_BACK))


def is_told_again(*, told_at: datetime, told_of: datetime, last: datetime, now: datetime) -> bool:
    """Whether to remind of what is still late: once a period, and at most once a day.

    ``told_of`` is the due time that was told of last, at ``told_at``; ``last`` the newest one
    that is over. Where periods are longer than a week it is said each week. What was told in the
    future, by a clock that was wrong, was not told.
    """
    return (
        last - told_of >= _NEXT_DAY or now - told_at >= REMIND_EVERY or told_at - now >= _NEXT_DAY
    )


def is_old(*, newest: datetime | None, since: datetime, longest: timedelta, now: datetime) -> bool:
    """Whether what should happen again within ``longest`` did not.

    Without a ``newest`` one it counts from ``since``.
    """
    return now - (newest if newest is not None and newest <= now else since) > longest
