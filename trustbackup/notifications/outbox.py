"""What is to be told, written down once for each route, and sent from there.

The rows are the only memory: who writes the same event again, on this host or another, makes
no second message, and who claims one that waits is the only one to send it. What its sender
took along when it died is sent by the next one.
"""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, router
from django.db.models import F

from trustbackup.databases.alias import for_a_note
from trustbackup.events import Event, EventKind
from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Delivery, DeliveryQuerySet
from trustbackup.models.texts import storable, storable_values
from trustbackup.notifications.attachments import REFUSED, attached_to
from trustbackup.notifications.channel import MessageTooLarge, NotificationError
from trustbackup.notifications.message import compose
from trustbackup.notifications.routes import RouteSpec, all_routes, settings_routes
from trustbackup.phrases import gettext as _
from trustbackup.policy.retries import pause_after
from trustbackup.store.index_access import may_connect

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")
KEPT = timedelta(days=90)
"""For so long a message that was sent, or given up, stays in the history."""
_LARGEST_DETAIL = 20_000
"""Characters of an event's detail as JSON; of a larger one the outcome is left out."""
_AT_ONCE = 20
"""Messages that are looked up together."""
_PATIENCE = 8.0
"""Seconds that a lock of somebody else's is waited for."""
_TO_WRITE = 4.0
"""The same for writing down what is told: whoever runs a command waits with it."""
_PAUSE = 0.1
NO_DATABASE = (DatabaseError, ImproperlyConfigured, OSError)


class UnwrittenError(Exception):
    """There is no table, or no database, to write a message into."""


@dataclass
class SendResult:
    """What became of the messages that somebody tried to send."""

    sent: int = 0
    failed: int = 0
    """Tries that failed; they are made again later, unless the message is given up."""


@contextmanager
def _rows() -> Iterator[str]:
    """The alias of a connection of its own. Raises UnwrittenError."""
    using = router.db_for_write(Delivery)
    try:
        if not may_connect(using):
            raise UnwrittenError
        with for_a_note(using):
            yield using
    except NO_DATABASE as error:
        raise UnwrittenError from error


def _patiently(work: Callable[[str], Answer], patience: float = _PATIENCE) -> Answer:
    """The same for a piece of work that is lost otherwise, while others hold a lock.

    A database that is not there, or has no table, is not waited for. Raises UnwrittenError.
    """
    until = time.monotonic() + patience
    while True:
        try:
            with _rows() as using:
                return work(using)
        except UnwrittenError as error:
            if "lock" not in str(error.__cause__) or time.monotonic() > until:
                raise
        time.sleep(_PAUSE * (1 + random.random()))  # noqa: S311 - no secret


def write(event: Event) -> bool:
    """Write an event down for each route that wants it; False when none does.

    Raises UnwrittenError.
    """

    def insert(using: str) -> bool:
        wanting = [route for route in all_routes(using) if route.wants(event)]
        rows = [_row(event, route) for route in wanting]
        # Another worker's row for the same stays as it is.
        Delivery.objects.using(using).bulk_create(rows, ignore_conflicts=True)
        return bool(wanting)

    # That a run begins is worth no wait: the run itself would wait with it.
    return _patiently(insert, 0 if event.kind is EventKind.STARTED else _TO_WRITE)


def _row(event: Event, route: RouteSpec) -> Delivery:
    detail = storable_values(dict(event.detail))
    if len(json.dumps(detail, default=str)) > _LARGEST_DETAIL:
        detail.pop("outcome", None)
    return Delivery(
        route=route.name,
        key=event.key[:200],
        kind=event.kind,
        plan=event.plan[:50],
        subject=storable(event.subject)[:200],
        sentence=storable(event.sentence),
        at=event.at,
        detail=json.loads(json.dumps(detail, default=str)),
        next_try=datetime.now(UTC),
    )


def send_due(
    kinds: Sequence[EventKind] = tuple(EventKind),
    still: Callable[[], object] = lambda: None,
) -> SendResult:
    """Send what waits and is due, oldest first; what others are sending is theirs.

    ``still`` is called before each, and may raise. Where there is no table, nothing waits.
    """
    result = SendResult()
    try:
        for delivery in _claimed(kinds):
            still()
            problem = _send(delivery)
            result.sent += not problem
            result.failed += bool(problem)
    except UnwrittenError as error:
        logger.debug("No message can be looked up: %s", error.__cause__)
    return result


def next_try() -> datetime | None:
    """When the next message that waits is due; None when none waits, or nobody knows."""
    try:
        with _rows() as using:
            return Delivery.objects.using(using).next_try()
    except UnwrittenError:
        return None


def forget_old(now: datetime | None = None) -> None:
    """Remove from the history what is older than it goes back."""
    over = (Delivery.State.SENT, Delivery.State.FAILED)
    try:
        with _rows() as using:
            old = (now or datetime.now(UTC)) - KEPT
            Delivery.objects.using(using).filter(state__in=over, finished__lt=old).delete()
    except UnwrittenError as error:
        logger.debug("The history of messages was left as it is: %s", error.__cause__)


def send_unwritten(event: Event) -> SendResult:
    """Send an event that could not be written down, once, by the routes of the settings.

    That the database does not answer is what somebody most wants to hear.
    """
    result = SendResult()
    for route in settings_routes(usual=True):
        if route.wants(event):
            try:
                route.open().send(compose(event, route.name, route.language))
                result.sent += 1
            except TrustbackupError as error:
                logger.warning("Notification %s was not sent: %s", route.name, error)
                result.failed += 1
    return result


def _claimed(kinds: Sequence[EventKind]) -> Iterator[Delivery]:
    """Each due message that nobody else has claimed meanwhile. Raises UnwrittenError."""
    tried: set[int] = set()
    while True:
        now = datetime.now(UTC)
        with _rows() as using:
            due = Delivery.objects.using(using).due(now).filter(kind__in=kinds)
            found = list(due.exclude(pk__in=tried)[:_AT_ONCE])
        if not found:
            return
        for delivery in found:
            tried.add(delivery.pk)
            if _claim(delivery, now):
                yield delivery


def _claim(delivery: Delivery, now: datetime) -> bool:
    """Whether we are the one who sends it. Raises UnwrittenError."""

    def update(using: str) -> bool:
        same = Delivery.objects.using(using).filter(
            pk=delivery.pk,
            state=delivery.state,
            tries=delivery.tries,
            claimed=delivery.claimed,
        )
        claimed = same.update(state=Delivery.State.SENDING, claimed=now, tries=F("tries") + 1)
        return bool(claimed)

    mine = _patiently(update)
    delivery.tries += 1
    return mine


def _send(delivery: Delivery) -> str:
    """Send one that is ours, and write down how that went; "" or what went wrong."""
    error: TrustbackupError | None = None
    try:
        route = _route_of(delivery)
        _send_by(route, event_of(delivery), delivery.reached)
    except TrustbackupError as problem:
        error = problem
    except Exception as surprise:  # a channel's library raises what it likes, with what it sent
        error = NotificationError(why=type(surprise).__name__)
        logger.warning("Notification %s failed: %s", delivery.route, type(surprise).__name__)
    _note(delivery, error)
    return str(error) if error else ""


def _send_by(route: RouteSpec, event: Event, reached: Sequence[str]) -> None:
    """Raises TrustbackupError."""
    channel = route.open()
    attached = attached_to(event, channel.attach_limit)
    try:
        channel.send(compose(event, route.name, route.language, attached), reached)
    except MessageTooLarge as error:
        channel.send(compose(event, route.name, route.language, REFUSED), error.reached)


def _route_of(delivery: Delivery) -> RouteSpec:
    """Raises NotificationError when it is gone, or switched off meanwhile."""
    with _rows() as using:
        found = {route.name: route for route in all_routes(using)}
    route = found.get(delivery.route)
    if route is None or not route.enabled:
        raise NotificationError(
            why=_("there is no notification %(name)r any more", name=delivery.route),
            permanent=True,
        )
    return route


def event_of(delivery: Delivery) -> Event:
    """The event that a message tells of."""
    return Event(
        kind=EventKind(delivery.kind),
        sentence=delivery.sentence,
        key=delivery.key,
        plan=delivery.plan,
        subject=delivery.subject,
        at=delivery.at,
        detail=delivery.detail,
    )


def _of(delivery: Delivery, using: str) -> DeliveryQuerySet:
    return Delivery.objects.using(using).filter(pk=delivery.pk)


def _note(delivery: Delivery, error: TrustbackupError | None) -> None:
    now = datetime.now(UTC)
    changes: dict[str, object] = {"problem": storable(str(error)) if error else ""}
    pause = None
    if error is None:
        changes.update(state=Delivery.State.SENT, finished=now)
    else:
        changes["reached"] = list(getattr(error, "reached", delivery.reached))
        # That a run began is no news later.
        if not error.permanent and delivery.kind != EventKind.STARTED:
            pause = pause_after(delivery.tries, jitter=random.random())  # noqa: S311 - no secret
        if pause is None:
            changes.update(state=Delivery.State.FAILED, finished=now)
        else:
            changes.update(state=Delivery.State.WAITING, next_try=now + pause)
        logger.warning("Notification %s was not sent: %s", delivery.route, error)
    try:
        _patiently(lambda using: _of(delivery, using).update(**changes))
    except UnwrittenError as unwritten:
        logger.debug("The end of a message can't be recorded: %s", unwritten.__cause__)
