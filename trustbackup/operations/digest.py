"""The week in a few sentences, for who wants to know that all is well, too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from trustbackup import phrases
from trustbackup.conf import get_settings
from trustbackup.conf.zone import site_zone
from trustbackup.events import Event, EventKind
from trustbackup.models import Backup, Delivery, Destination, Route, Run
from trustbackup.operations.health import site_health
from trustbackup.phrases import Phrase, ago, joined, ngettext
from trustbackup.phrases import gettext as _

AT = time(8)
"""When on Monday it is due, by the site's clock; who looks later sends it later."""
_WEEK = timedelta(days=7)


def digest_due(now: datetime | None = None) -> Event | None:
    """The digest of last week, unless it is too early, nobody wants it, or it is written down.

    Raises DatabaseError.
    """
    now = now or datetime.now(UTC)
    there = now.astimezone(site_zone())
    monday = there.date() - timedelta(days=there.weekday())
    begin, end = _at(monday - _WEEK), _at(monday)
    if there < _at(monday, AT):
        return None
    key = f"digest:{begin:%G-W%V}"
    if not _is_wanted() or Delivery.objects.filter(key=key).exists():
        return None
    made = Backup.objects.filter(created__gte=begin, created__lt=end).count()
    lines = [site_health(now).sentence, *_proofs(now), *_failures(begin, end), *_copies(now)]
    lines += _unsent(begin)
    return Event(
        kind=EventKind.DIGEST,
        sentence=ngettext(
            "Last week %(number)d backup was made.",
            "Last week %(number)d backups were made.",
            made,
        ),
        key=key,
        at=now,
        detail={"lines": [phrases.dumps(line) for line in lines], "backups": made},
    )


def _is_wanted() -> bool:
    """Whether a route hears of it; told without what sends, which schedulers seldom need.

    It is of the whole site: a route that hears of certain plans does not hear of it.
    """
    rows = Route.objects.filter(enabled=True).values_list("events", "plans")
    configured = (get_settings().notifications or {}).values()
    return any(EventKind.DIGEST in events and not plans for events, plans in rows) or any(
        EventKind.DIGEST in (route.get("EVENTS") or ["digest"])
        and route.get("ENABLED", True)
        and not route.get("PLANS")
        for route in configured
    )


def _at(day: date, hour: time = time.min) -> datetime:
    return datetime.combine(day, hour, site_zone())


def _proofs(now: datetime) -> Iterator[Phrase]:
    """When the newest proof was, and how long it took to recover."""
    proven = Backup.objects.filter(drilled_ok=True).order_by("-drilled_at").first()
    if proven is None or proven.drilled_at is None:
        yield _("No backup is proven to restore: no drill has passed.")
        return
    yield _(
        "The newest proof is of backup %(id)s: it was restored in a drill %(ago)s.",
        id=proven.identifier,
        ago=ago(now - proven.drilled_at),
    )
    bad = Backup.objects.filter(drilled_ok=False).order_by("-drilled_at")[:5]
    for backup in bad:
        yield _("Backup %(id)s did not restore in its last drill.", id=backup.identifier)


def _failures(begin: datetime, end: datetime) -> Iterator[Phrase]:
    """How many backups failed, and what the last one said."""
    failed = Run.objects.filter(
        action="create",
        state__in=(Run.State.FAILED, Run.State.PARTIAL),
        started__gte=begin,
        started__lt=end,
    )
    count = failed.count()
    if not count:
        yield _("No backup failed.")
        return
    sentence = ngettext(
        "%(number)d backup failed, or not all of it went well.",
        "%(number)d backups failed, or not all of it went well.",
        count,
    )
    last = failed.order_by("-started").first()
    yield joined([sentence, last.error]) if last and last.error else sentence


def _copies(now: datetime) -> Iterator[Phrase]:
    for row in Destination.objects.filter(automatic=True):
        if row.problem:
            yield joined([row.name, row.problem], ": ")
        elif row.succeeded_at:
            yield _(
                "The last copy reached %(name)s %(ago)s.",
                name=row.name,
                ago=ago(now - row.succeeded_at),
            )
        else:
            yield _("No copy has reached %(name)s yet.", name=row.name)


def _unsent(begin: datetime) -> Iterator[Phrase]:
    """That a notification does not work is said by one that does."""
    given_up = Delivery.objects.filter(state=Delivery.State.FAILED, at__gte=begin)
    for name in sorted(set(given_up.values_list("route", flat=True))):
        yield _("Messages of the notification %(name)s did not arrive.", name=name)
