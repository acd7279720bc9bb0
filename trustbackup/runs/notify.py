"""Listens to events: whoever is to hear of one does, by this process or by one of its own."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.db import DatabaseError

from trustbackup.events import Event, emit
from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Delivery
from trustbackup.runs.delivery import take

logger = logging.getLogger(__name__)
ACTION = "notify"
_ACTOR = "trustbackup"


def hear(event: Event, **_rest: Any) -> None:  # noqa: ANN401 - a signal's receiver
    """The receiver of ``event_happened``."""
    if not take(event):
        send_elsewhere()


def send_what_waits(now: datetime) -> datetime | None:
    """Have the digest sent when it is due, and what waits for its next try; by a run.

    When the next message that waits is due; None when none does. Raises DatabaseError,
    ConfigurationError.
    """
    from trustbackup.operations.digest import digest_due

    if digest := digest_due(now):
        emit(digest)
    if Delivery.objects.due(now).exists():
        send_elsewhere()
    return Delivery.objects.next_try()


def send_elsewhere() -> None:
    """Let a run send what waits: a page's visitor does not wait for a mail server."""
    # What starts a run loads when there is one to start: a command sends by itself.
    from trustbackup.runs.queue import start

    try:
        start(ACTION, {}, actor=_ACTOR)
    except (DatabaseError, OSError, TrustbackupError) as error:
        logger.warning("Messages are not being sent: %s", error)
