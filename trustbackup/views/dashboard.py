"""What the head of the page draws: the last thirty days, the sizes over time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from trustbackup.models import Backup, Run

DAYS = 30
_POINTS = 60


@dataclass(frozen=True)
class Day:
    """What happened on one day: done, failed or idle."""

    day: date
    state: str
    count: int


@dataclass(frozen=True)
class Curve:
    """Sizes over time: the points of an SVG polyline, 120 wide and 32 high, and its two ends."""

    points: str
    since: datetime
    first: int
    """Bytes of the oldest that is drawn."""
    last: int
    """Bytes of the newest."""


def strip() -> list[Day]:
    """The last 30 days, oldest first (UTC)."""
    today = datetime.now(UTC).date()
    since = datetime.now(UTC) - timedelta(days=DAYS)
    done = Counter(created.date() for created in Backup.objects.created_since(since))
    failed = {started.date() for started in Run.objects.failures_since(since, *Run.MAKING)}
    days = (today - timedelta(days=back) for back in reversed(range(DAYS)))
    return [Day(day, _state(done[day], failed=day in failed), done[day]) for day in days]


def _state(count: int, *, failed: bool) -> str:
    if failed:
        return "failed"
    return "done" if count else "idle"


def size_curve() -> Curve | None:
    """The sizes of the last complete backups; None while there are fewer than two."""
    found = Backup.objects.sizes(_POINTS)
    if len(found) < 2:
        return None
    sizes = [size for _created, size in reversed(found)]
    highest = max(*sizes, 1)
    step = 120 / (len(sizes) - 1)
    points = " ".join(
        f"{number * step:.1f},{31 - 28 * size / highest:.1f}" for number, size in enumerate(sizes)
    )
    return Curve(points=points, since=found[-1][0], first=sizes[0], last=sizes[-1])
