"""Which channels there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.views.decorators.debug import sensitive_variables

from trustbackup.conf import get_settings
from trustbackup.notifications.channel import Channel, Limits, NotificationError
from trustbackup.notifications.channels.apprise import Apprise
from trustbackup.notifications.channels.email import Email
from trustbackup.notifications.channels.ping import Ping
from trustbackup.notifications.channels.webhook import Webhook
from trustbackup.phrases import gettext as _
from trustbackup.vault import resolve

CHANNELS: dict[str, type[Channel]] = {
    channel.name: channel for channel in (Email, Webhook, Ping, Apprise)
}


def channel_named(name: str) -> type[Channel]:
    """Raises NotificationError for an unknown one."""
    try:
        return CHANNELS[name]
    except (KeyError, TypeError):
        raise NotificationError(
            _("There is no channel %(name)r", name=name),
            todo=_("Choose one of %(known)s.", known=", ".join(CHANNELS)),
            permanent=True,
        ) from None


@sensitive_variables()
def open_channel(name: str, options: Mapping[str, Any], secrets: Mapping[str, str]) -> Channel:
    """The channel that this sets up; connects to nothing. Raises NotificationError, SecretError.

    A secret may be ``env:NAME`` or ``file:/path``, which is read now.
    """
    channel = channel_named(name)
    resolved = {key: resolve(text) for key, text in secrets.items() if text}
    return channel.configure(options, resolved, site_limits())


def site_limits() -> Limits:
    """What the settings allow."""
    settings = get_settings()
    return Limits(
        allowed_hosts=settings.notification_hosts,
        schemes=settings.apprise_schemes,
        seconds=settings.connect_timeout,
    )
