"""Trying a route out: one message, now, and what became of it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.views.decorators.debug import sensitive_variables

from trustbackup.events import Event, EventKind
from trustbackup.exceptions import UsageError
from trustbackup.models import Run
from trustbackup.notifications.message import compose
from trustbackup.notifications.routes import RouteSpec, all_routes
from trustbackup.phrases import gettext as _
from trustbackup.sealing import seal_secrets, unseal_secrets


@sensitive_variables()
def options_to_try(
    channel: str,
    options: Mapping[str, Any],
    secrets: Mapping[str, str],
    *,
    name: str = "",
    language: str = "",
) -> dict[str, Any]:
    """What the row of a run that is to try a form out holds: its secrets are sealed."""
    return {
        "channel": channel,
        "options": dict(options),
        "name": name,
        "language": language,
        Run.SEALED: seal_secrets(secrets),
    }


@sensitive_variables()
def try_route_as_asked(asked: Mapping[str, Any]) -> str:
    """Try what ``options_to_try`` gave, or a ``notification`` by its name; where it went.

    Raises UsageError, NotificationError, SecretError.
    """
    if "notification" in asked:
        return try_route(find_route(asked["notification"]))
    secrets = unseal_secrets(asked[Run.SEALED])
    spec = RouteSpec(
        name=asked["name"] or _("(new)"),
        channel=asked["channel"],
        events=frozenset(EventKind),
        options=asked["options"],
        secrets=lambda: secrets,
        language=asked["language"],
    )
    return try_route(spec)


def find_route(name: str) -> RouteSpec:
    """A route by its name, of a row or of the settings. Raises UsageError."""
    routes = {route.name: route for route in all_routes()}
    if name not in routes:
        todo = _("Add one on the page, or in TRUSTBACKUP['NOTIFICATIONS'].")
        if routes:
            todo = _("There are %(names)s.", names=", ".join(routes))
        raise UsageError(_("There is no notification %(name)r", name=name), todo=todo)
    return routes[name]


def try_route(route: RouteSpec) -> str:
    """Send one message by it; where it went. Raises TrustbackupError."""
    channel = route.open()
    event = Event(
        kind=EventKind.TEST,
        sentence=_("This is a test: messages of the backups arrive here."),
        key=f"test:{uuid.uuid4()}",
    )
    channel.send(compose(event, route.name, route.language))
    return channel.address
