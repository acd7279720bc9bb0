"""What the scheduler does besides starting plans: it looks at what is overdue, and has old copies
read again."""

from __future__ import annotations

import logging
import socket
from datetime import datetime

from trustbackup.exceptions import TrustbackupError
from trustbackup.operations.offsite.scrub import ACTION, is_any_due
from trustbackup.runs.lookout import lookout
from trustbackup.runs.queue import start

logger = logging.getLogger(__name__)
ACTOR = "schedule"


def keep_up(now: datetime) -> None:
    """At most once in ten minutes, however often it is called. Raises DatabaseError."""
    if not lookout.is_due:
        return
    lookout.look()
    try:
        if is_any_due(now):
            start(ACTION, {}, actor=ACTOR, address=socket.gethostname())
    except TrustbackupError as error:
        logger.warning("Copies are not read again: %s", error)
