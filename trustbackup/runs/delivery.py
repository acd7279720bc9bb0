"""Sending what a process has to tell before it ends: a command's, a worker's, a page's run's.

Most commands have nothing to tell, so what sends loads when there is something.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from trustbackup.events import Event, EventKind, emit
from trustbackup.models import Delivery

if TYPE_CHECKING:
    from trustbackup.notifications.outbox import SendResult

logger = logging.getLogger(__name__)
PATIENCE = 15.0
"""Seconds that a command waits at its end for the next try of a message, once or twice."""
_LOOK_EVERY = 0.5
_unsent: ContextVar[list[Event] | None] = ContextVar("trustbackup_unsent", default=None)
"""What was emitted below ``sending``; None where nobody sends at the end."""


@contextlib.contextmanager
def sending(patience: float = PATIENCE) -> Iterator[None]:
    """Send at the end what was emitted within. Whatever becomes of that changes no outcome."""
    events: list[Event] = []
    mark = _unsent.set(events)
    try:
        yield
    finally:
        _unsent.reset(mark)
        if events:
            try:
                send_within(patience)
            except Exception as error:  # what was done is done, whoever hears of it
                logger.warning("Messages were not sent: %s", type(error).__name__)


def take(event: Event) -> bool:
    """Write an event down, and leave it to the end of ``sending``; False where nobody sends.

    That a run begins is sent at once: later it is no news.
    """
    from trustbackup.notifications import outbox

    unsent = _unsent.get()
    try:
        wanted = outbox.write(event)
    except outbox.UnwrittenError:
        if unsent is None:
            return True  # a page without a database has other worries
        outbox.send_unwritten(event)
        return True
    if not wanted:
        return True
    if unsent is None:
        return False
    if event.kind is EventKind.STARTED:
        outbox.send_due([EventKind.STARTED])
    else:
        unsent.append(event)
    return True


def send_within(patience: float, still: Callable[[], object] = lambda: None) -> SendResult:
    """Send what is due, and what becomes due within ``patience`` seconds.

    ``still`` is called again and again, and may raise.
    """
    from trustbackup.notifications import outbox

    result = outbox.SendResult()
    until = datetime.now(UTC) + timedelta(seconds=patience)
    while True:
        done = outbox.send_due(still=still)
        result.sent += done.sent
        result.failed += done.failed
        following = outbox.next_try()
        if following is None or following > until or datetime.now(UTC) > until:
            break
        while datetime.now(UTC) < following:
            still()
            time.sleep(_LOOK_EVERY)
    outbox.forget_old()
    return result


def pass_by(now: datetime | None = None) -> tuple[int, int]:
    """What a scheduler does whenever it looks: the digest when it is due, and what waits.

    How many messages were sent, and how many tries failed.
    """
    from trustbackup.operations.digest import digest_due

    now = now or datetime.now(UTC)
    try:
        # By the connection that is there: most looks find nothing.
        if digest := digest_due(now):
            emit(digest)
        if not Delivery.objects.due(now).exists():
            return 0, 0
    except (DatabaseError, ImproperlyConfigured):
        return 0, 0
    from trustbackup.notifications import outbox

    result = outbox.send_due()
    return result.sent, result.failed
