"""Every call by a token is in the audit trail.

What only reads is asked again and again by who waits for a run: of the same question by the same
token one line a minute is kept.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import DatabaseError
from rest_framework.exceptions import APIException

from trustbackup.models import AccessToken, AuditEvent
from trustbackup.models.texts import storable
from trustbackup.views.base import actor_of, address_of

CALL = "API call"
_READS = ("GET", "HEAD", "OPTIONS")
_ONE_LINE = timedelta(minutes=1)


def token_of(request: Any) -> AccessToken | None:  # noqa: ANN401
    """None for a session, and for nobody: what that is called is a setting of the framework."""
    sent = getattr(request, "auth", None)
    return sent if isinstance(sent, AccessToken) else None


def record_call(request: Any, status: int) -> None:  # noqa: ANN401
    """Note what a token was used for, and how it was answered. Raises nothing."""
    try:
        token = token_of(request)
        if token is None:
            return
        target = f"{request.method} {request.path} {status} ({token.name})"
        target = storable(target)[:200]
        actor, address = actor_of(request), address_of(request)
        if request.method in _READS and _is_noted(actor, target, address):
            return
        AuditEvent.objects.create(
            at=datetime.now(UTC),
            actor=storable(actor)[:200],
            action=CALL,
            target=target,
            address=address[:100],
        )
    except (DatabaseError, APIException):
        # While it is swapped it does not answer, and a token that is none is nobody's: the call
        # says so itself.
        return


def _is_noted(actor: str, target: str, address: str) -> bool:
    since = datetime.now(UTC) - _ONE_LINE
    known = AuditEvent.objects.filter(at__gt=since, action=CALL, target=target)
    return known.filter(actor=actor[:200], address=address[:100]).exists()
