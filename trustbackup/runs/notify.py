"""Listens to events: whoever is to hear of one does, by this process or by one of its own."""

from __future__ import annotations

import logging
from typing import Any

from django.db import DatabaseError

from trustbackup.events import Event
from trustbackup.exceptions import TrustbackupError
from trustbackup.runs.delivery import take
from trustbackup.runs.queue import start

logger = logging.getLogger(__name__)
ACTION = "notify"
_ACTOR = "trustbackup"


def hear(event: Event, **_rest: Any) -> None:  # noqa: ANN401 - a signal's receiver
    """The receiver of ``event_happened``."""
    if not take(event):
        send_elsewhere()


def send_elsewhere() -> None:
    """Let a run send what waits: a page's visitor does not wait for a mail server."""
    try:
        start(ACTION, {}, actor=_ACTOR)
    except (DatabaseError, OSError, TrustbackupError) as error:
        logger.warning("Messages are not being sent: %s", error)
