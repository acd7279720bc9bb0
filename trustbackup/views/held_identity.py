"""The identity that a visitor's session holds, for as long as it does."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from trustbackup.runs.identity import opened
from trustbackup.store.identities import Identities

KEY = "trustbackup_identity"
"""The session's key for it."""
MINUTES = 10
"""How long it is held."""


def _held(request: HttpRequest) -> dict[str, Any]:
    session = getattr(request, "session", None)
    found = session.get(KEY) if session is not None else None
    return found if isinstance(found, dict) and found.get("until", 0) > time.time() else {}


def token_of(request: HttpRequest) -> str:
    """The sealed identity; "" where none is held."""
    return str(_held(request).get("sealed", ""))


def held_until(request: HttpRequest) -> datetime | None:
    held = _held(request)
    return datetime.fromtimestamp(held["until"], UTC) if held else None


@sensitive_variables()
def held_identities(request: HttpRequest) -> Identities:
    """Those that the session holds; none where its secrets can't be read any more."""
    return opened(token_of(request))
