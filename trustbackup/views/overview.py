"""What the head of the page says: is this site safe, and what happened lately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _

from trustbackup.models import Backup, Destination, Run
from trustbackup.views import wording

DAYS = 30
_STALE = timedelta(hours=26)
"""A day, and two hours for a nightly backup that took longer."""
_POINTS = 60


@dataclass(frozen=True)
class Health:
    """One sentence, how bad it is (good, warn, bad), and the button that mends it."""

    level: str
    sentence: str
    action: str = ""


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


def health() -> Health:
    """Raises nothing: without a backup it says so."""
    newest = Backup.objects.order_by("-created", "-pk").first()
    good = Backup.objects.whole().order_by("-created", "-pk").first()
    if newest is None or good is None:
        return Health("bad", _("This site is not protected yet: it has no backup."), "create")
    ago = wording.ago(good.created)
    if newest.state == Backup.State.DAMAGED:
        return Health(
            "bad",
            _("The newest backup is damaged; the last good one was made %(ago)s.") % {"ago": ago},
            "create",
        )
    failed = Run.objects.filter(verb="create").order_by("-started").first()
    if failed and failed.state == Run.State.FAILED and failed.started > good.created:
        return Health(
            "bad",
            _("The last backup failed; the newest was made %(ago)s.") % {"ago": ago},
            "create",
        )
    if datetime.now(UTC) - good.created > _STALE:
        return Health("warn", _("The last backup was made %(ago)s.") % {"ago": ago}, "create")
    if good.drilled_ok is False or good.checked_ok is False:
        return Health("bad", _("The newest backup failed its check."), "create")
    failing = Destination.objects.filter(automatic=True).exclude(problem="").first()
    if failing is not None:
        return Health(
            "warn",
            _("Last backup %(ago)s, but no copy reached %(name)s.")
            % {"ago": ago, "name": failing.name},
            "destinations",
        )
    if good.drilled_ok:
        return Health(
            "good",
            _("Everything is protected: last backup %(ago)s, proven to restore.") % {"ago": ago},
        )
    return Health(
        "warn",
        _("Last backup %(ago)s; it is not proven yet that it restores.") % {"ago": ago},
        "drill",
    )


def strip() -> list[Day]:
    """The last 30 days, oldest first (UTC)."""
    today = datetime.now(UTC).date()
    since = datetime.now(UTC) - timedelta(days=DAYS)
    done: dict[date, int] = {}
    for created in Backup.objects.filter(created__gte=since).values_list("created", flat=True):
        done[created.date()] = done.get(created.date(), 0) + 1
    failures = Run.objects.filter(
        verb="create", state=Run.State.FAILED, started__gte=since
    ).values_list("started", flat=True)
    failed = {started.date() for started in failures}
    days = (today - timedelta(days=back) for back in reversed(range(DAYS)))
    return [
        Day(day, _state(done.get(day, 0), failed=day in failed), done.get(day, 0)) for day in days
    ]


def _state(count: int, *, failed: bool) -> str:
    if failed:
        return "failed"
    return "done" if count else "idle"


def space_used() -> tuple[int, int]:
    """How many backups there are, and the bytes together of those whose data is here."""
    here = ~Q(state=Backup.State.ELSEWHERE)
    found = Backup.objects.aggregate(count=Count("pk"), total=Sum("bytes", filter=here))
    return found["count"], found["total"] or 0


def size_curve() -> Curve | None:
    """The sizes of the last complete backups; None while there are fewer than two."""
    good = Backup.objects.whole().order_by("-created", "-pk")
    found: Sequence[tuple[datetime, int]] = list(good.values_list("created", "bytes")[:_POINTS])
    if len(found) < 2:
        return None
    sizes = [size for _created, size in reversed(found)]
    highest = max(*sizes, 1)
    step = 120 / (len(sizes) - 1)
    points = " ".join(
        f"{number * step:.1f},{31 - 28 * size / highest:.1f}" for number, size in enumerate(sizes)
    )
    return Curve(points=points, since=found[-1][0], first=sizes[0], last=sizes[-1])
