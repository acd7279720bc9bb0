"""The form of each channel: what it is set up by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings as django_settings
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from trustbackup.destinations.form import REFERENCE, secret
from trustbackup.events import EventKind
from trustbackup.notifications.channels.apprise import Apprise
from trustbackup.notifications.channels.email import MOST_ATTACHED, Email
from trustbackup.notifications.channels.ping import Ping
from trustbackup.notifications.channels.webhook import Webhook
from trustbackup.views.labels import translate
from trustbackup.views.notifications.form import RouteForm, address_field, lines_field

_MB = 1_000_000


class EmailForm(RouteForm):
    """Recipients of emails."""

    channel = Email

    admins = forms.BooleanField(label=_("The ADMINS of the settings"), required=False)
    users = lines_field(_("Users, one in a line"), _("By what they sign in with."))
    addresses = lines_field(_("Other addresses, one in a line"))
    attach_limit = forms.IntegerField(
        label=_("Attach backups of up to so many MB"),
        help_text=_(
            "Encrypted ones alone, and only those whose files have no more in all. Empty attaches"
            " none. Whoever has the email needs an identity to read the backup."
        ),
        required=False,
        min_value=1,
        max_value=MOST_ATTACHED // _MB,
    )

    @classmethod
    def shown_options(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        lines = {name: "\n".join(options.get(name, ())) for name in ("users", "addresses")}
        others = any(lines.values())
        return {
            **lines,
            "attach_limit": options.get("attach_limit", 0) // _MB or None,
            "admins": options.get("admins", not others and bool(django_settings.ADMINS)),
        }

    def clean_users(self) -> list[str]:
        return _each(self.cleaned_data["users"])

    def clean_addresses(self) -> list[str]:
        return _each(self.cleaned_data["addresses"])

    def clean_attach_limit(self) -> int:
        """In bytes."""
        return (self.cleaned_data["attach_limit"] or 0) * _MB

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("attach_limit") and EventKind.SUCCESS not in data.get("events", ()):
            text = gettext("It attaches backups: let it hear of success, too.")
            self.add_error("events", text)
        return data

    def try_out(self, channel: Any) -> None:  # noqa: ANN401 - an Email
        _found, missing = channel.recipients()
        for sentence in missing:
            self.add_error(None, translate(sentence))


class WebhookForm(RouteForm):
    """Where a signed message goes."""

    channel = Webhook
    makes_secrets = True

    url = address_field(_("Address"), REFERENCE)
    secret = secret(_("Secret that messages are signed with"))


class PingForm(RouteForm):
    """The check that waits for pings."""

    channel = Ping

    url = address_field(_("Address of the check"), REFERENCE)


class AppriseForm(RouteForm):
    """An address as apprise writes them."""

    channel = Apprise

    url = address_field(_("Address, as apprise writes it"), REFERENCE)


FORMS: dict[str, type[RouteForm]] = {
    form.channel.name: form for form in (EmailForm, WebhookForm, PingForm, AppriseForm)
}


def _each(lines: str) -> list[str]:
    stripped = (line.strip() for line in lines.splitlines())
    return [line for line in dict.fromkeys(stripped) if line]
