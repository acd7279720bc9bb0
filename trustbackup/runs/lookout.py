"""The look at what is overdue that needs no scheduler: any request or command takes it.

A request pays for a comparison of two numbers; once in ten minutes to an hour one of them looks,
after its answer has gone out.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, close_old_connections

from trustbackup.operations.alarms import raise_alarms

logger = logging.getLogger(__name__)

SOONEST = 600.0
"""Seconds from one look to the next, whatever is late."""
LATEST = 3600.0
"""Seconds after which it looks, though nothing can be late before: plans change."""


class Lookout:
    """Knows when the next look is due in this process; one for all of its threads."""

    def __init__(self) -> None:
        self._next_look = 0.0
        self._looking = threading.Lock()

    @property
    def is_due(self) -> bool:
        return time.monotonic() >= self._next_look

    def rest(self, seconds: float) -> None:
        """Look no more for so long."""
        self._next_look = time.monotonic() + seconds

    def look(self, besides: Callable[[datetime], datetime | None] = lambda _now: None) -> None:
        """Raise what alarms there are, and do what is to be done ``besides``, which says when it
        has more to do. Never raises anything itself."""
        if not self._looking.acquire(blocking=False):
            return
        try:
            # Before anything can fail: what fails once fails in every request.
            self.rest(SOONEST)
            now = datetime.now(UTC)
            found = raise_alarms(now)
            moments = [found.next_deadline, besides(now)]
            if not found.overdue:
                left = [(moment - now).total_seconds() for moment in moments if moment]
                self.rest(min(max(min(left, default=LATEST), SOONEST), LATEST))
        except (DatabaseError, ImproperlyConfigured) as error:
            # The tables are not made yet, or the database is away: others say so.
            logger.debug("What is overdue can't be looked at: %s", error)
        except Exception as error:  # no visitor's request, and no command, fails because of it
            logger.warning("What is overdue can't be looked at: %s", type(error).__name__)
            logger.debug("The look failed.", exc_info=True)
        finally:
            self._looking.release()


lookout = Lookout()


def look_after_request(**_details: object) -> None:
    """Receives ``request_finished``: the answer has gone out, and nobody waits.

    Where no scheduler looks, this is who sends the digest, and what did not arrive before.
    """
    if lookout.is_due:
        # Commands look, too, and what hands runs over takes as long to load as Django.
        from trustbackup.runs.notify import send_what_waits

        lookout.look(send_what_waits)
        close_old_connections()
