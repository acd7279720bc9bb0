"""The signal that a site may listen to, and the one that we listen to."""

from __future__ import annotations

import time
from typing import Any

from django.dispatch import Signal

event_happened = Signal()
"""Something happened to the backups: ``event`` is an ``Event`` (``trustbackup.events``).

Sent in the process in which it happened, often one without a request, after it is recorded. A
receiver that raises is in the log and stops nothing.
"""

SIGNED_IN = "trustbackup_signed_in"
"""The session's key; seconds since 1970."""


def note_sign_in(request: Any = None, **_details: Any) -> None:  # noqa: ANN401 - a signal's receiver
    """A restore may ask for a fresh sign-in instead of a password (``views/presence.py``)."""
    session = getattr(request, "session", None)
    if session is not None:
        session[SIGNED_IN] = int(time.time())
