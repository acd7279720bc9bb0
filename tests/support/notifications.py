"""Routes, events and failing runs, as the tests of notifications want them."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

from tests.support.listener import Listener
from trustbackup.events import Event, EventKind, emit
from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Delivery, Route
from trustbackup.notifications.channels.webhook import new_secret
from trustbackup.phrases import gettext as _
from trustbackup.runs.delivery import sending
from trustbackup.runs.recorder import record_run
from trustbackup.sealing import seal_secrets

SECRET = new_secret()


def hook(listener: Listener, name: str = "ops", **changes: Any) -> Route:
    """A webhook that hears of everything."""
    values: dict[str, Any] = {
        "name": name,
        "channel": "webhook",
        "events": [*EventKind],
        "secrets": seal_secrets({"url": f"{listener.url}/hook?token=x", "secret": SECRET}),
    }
    return Route.objects.create(**{**values, **changes})


def mail(**changes: Any) -> Route:
    values: dict[str, Any] = {
        "name": "mail",
        "channel": "email",
        "events": ["failure"],
        "options": {"addresses": ["a@shop.example", "b@shop.example"]},
    }
    return Route.objects.create(**{**values, **changes})


def happen(kind: EventKind = EventKind.FAILURE, key: str = "run:1", **values: Any) -> Event:
    event = Event(kind=kind, sentence=_("The backup failed."), key=key, **values)
    emit(event)
    return event


def fail_a_run(action: str = "create") -> None:
    with (
        sending(0),
        contextlib.suppress(TrustbackupError),
        record_run(action, "b1", actor="me") as recorder,
    ):
        recorder.plan = "nightly"
        raise TrustbackupError(_("No room"), todo=_("Free some space, then try again."))


def later(**by: float) -> None:
    """Let that time pass for every message."""
    for row in Delivery.objects.all():
        row.next_try = row.next_try and row.next_try - timedelta(**by)
        row.claimed = row.claimed and row.claimed - timedelta(**by)
        row.save()
