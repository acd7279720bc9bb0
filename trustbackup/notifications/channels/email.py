"""Email, by Django's own functions: to the ADMINS, to users of the site, to addresses.

No setting of email is read here: which server, and how, is Django's business, by ``EMAIL_…`` as
by ``MAILERS``. Each recipient gets a message of their own, so that one who is refused keeps it
from nobody else.
"""

from __future__ import annotations

import contextlib
import hashlib
import smtplib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import mail as django_mail
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.core.validators import validate_email
from django.utils.translation import pgettext_lazy

from trustbackup.events import PROBLEMS, EventKind
from trustbackup.notifications.bounded import within
from trustbackup.notifications.channel import (
    Channel,
    Limits,
    Message,
    MessageTooLarge,
    NotificationError,
)
from trustbackup.notifications.site import site_name
from trustbackup.phrases import Grouped, joined
from trustbackup.phrases import gettext as _

MOST = 20
"""Recipients of one route."""
MOST_ATTACHED = 25_000_000
"""Bytes: hardly any mail server takes more, and in a message they are a third more."""
_SLOWEST = 100_000
"""Bytes in a second that what is attached is waited for."""
_TOO_LARGE = (552, 523)
"""What a mail server answers to a message that is too large for it."""
_PATIENCE = 3
"""How many times as long as an exchange by HTTP one by SMTP may take: it is a conversation."""


@dataclass(frozen=True, kw_only=True)
class Email(Channel):
    """Sends HTML and text."""

    name: ClassVar = "email"
    label: ClassVar = pgettext_lazy("a channel", "Email")
    option_names: ClassVar = ("admins", "users", "addresses", "attach_limit")
    usual_events: ClassVar = PROBLEMS | {EventKind.RECOVERED, EventKind.DIGEST}

    admins: bool
    """Everybody in the setting ADMINS."""
    users: tuple[str, ...]
    """Users of the site, by what they sign in with."""
    addresses: tuple[str, ...]
    attach_limit: int = 0
    limits: Limits

    @classmethod
    def configure(
        cls, options: Mapping[str, Any], secrets: Mapping[str, str], limits: Limits
    ) -> Self:
        users = _texts("users", options.get("users", ()))
        addresses = _texts("addresses", options.get("addresses", ()))
        admins = options.get("admins", not users and not addresses)
        for address in addresses:
            _must_be_address(address)
        if not isinstance(admins, bool) or not (admins or users or addresses):
            raise NotificationError(
                _("The email has no recipient"),
                todo=_("Choose the ADMINS, users, or addresses."),
                permanent=True,
            )
        if len(users) + len(addresses) > MOST:
            raise NotificationError(
                _("The email has too many recipients"),
                todo=_("Choose at most %(count)d, or a mailing list.", count=MOST),
                permanent=True,
            )
        attach = options.get("attach_limit") or 0
        if isinstance(attach, bool) or not isinstance(attach, int) or attach < 0:
            raise NotificationError(
                _("attach_limit is %(value)s, not a number of bytes", value=repr(attach)[:100]),
                todo=_("Write it as 5_000_000, or leave it out to attach nothing."),
                permanent=True,
            )
        if attach > MOST_ATTACHED:
            raise NotificationError(
                _("The email would attach more than mail servers take"),
                todo=_("Choose at most %(count)s bytes.", count=Grouped(MOST_ATTACHED)),
                permanent=True,
            )
        return cls(
            admins=admins, users=users, addresses=addresses, attach_limit=attach, limits=limits
        )

    @property
    def address(self) -> str:
        named = (*self.users, *self.addresses)
        return ", ".join(["ADMINS", *named] if self.admins else named)

    def send(self, message: Message, reached: Collection[str] = ()) -> None:
        recipients, missing = self.recipients()
        problems = [*missing]
        arrived, permanent = [*reached], True
        for recipient in recipients:
            if recipient in reached:
                continue
            try:
                self._send_to(recipient, message)
            except MessageTooLarge:
                raise MessageTooLarge(reached=arrived) from None
            except NotificationError as error:
                problems.append(error.sentence)
                permanent = permanent and error.permanent
            else:
                arrived.append(recipient)
        if problems or not recipients:
            raise NotificationError(
                _("Not everybody has the email") if arrived else _("Nobody has the email"),
                why=joined(problems) if problems else _("there is nobody to send it to"),
                todo=_("Correct the recipients, or the site's settings of email."),
                permanent=permanent,
                reached=arrived,
            )

    def _send_to(self, recipient: str, message: Message) -> None:
        digest = hashlib.sha256(f"{message.key} {recipient}".encode()).hexdigest()
        mail = EmailMultiAlternatives(
            subject=" ".join(message.title.split())[:200],
            body=message.text,
            to=[recipient],
            headers={
                # The same for each try: a mail program shows it once.
                "Message-ID": f"<{digest[:32]}@{site_name()}>",
                "Auto-Submitted": "auto-generated",
            },
        )
        mail.attach_alternative(message.html, "text/html")
        for file in message.files:
            mail.attach(file.name, file.data, "application/octet-stream")
        extra = sum(len(file.data) for file in message.files) / _SLOWEST
        try:
            within(self.limits.seconds * _PATIENCE + extra, lambda: _send(mail))
        except NotificationError as error:
            raise NotificationError(recipient, why=error.why) from None
        except Exception as error:  # a backend of the site's raises what it likes
            if message.files and getattr(error, "smtp_code", None) in _TOO_LARGE:
                raise MessageTooLarge from None
            raise NotificationError(
                recipient, why=_reason(error), permanent=_is_permanent(error)
            ) from None

    def recipients(self) -> tuple[list[str], list[str]]:
        """The addresses, each once, and a sentence for each who has none."""
        found = [*self.addresses]
        missing: list[str] = []
        if self.admins:
            admins = list(_admin_addresses())
            found += admins
            if not admins:
                missing.append(_("The setting ADMINS is empty."))
        for name in self.users:
            address = _address_of(name)
            if address:
                found.append(address)
            else:
                missing.append(_("There is no active user %(name)s with an email.", name=name))
        return list(dict.fromkeys(found)), missing


def _send(mail: EmailMultiAlternatives) -> None:
    # From 6.1 on a message does not tell by what it was sent, and to ask it is deprecated.
    mailers = getattr(django_mail, "mailers", None)
    mailer = mailers.default if mailers else None
    try:
        if mailer is None:
            mail.send(fail_silently=False)
        else:
            mailer.send_messages([mail])
    except Exception:
        # Django leaves the connection open when a sign-in is refused.
        opened = mail.connection if mailer is None else mailer
        if opened is not None:
            with contextlib.suppress(Exception):
                opened.close()
        raise


def _texts(name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, list | tuple) and all(isinstance(item, str) and item for item in value):
        return tuple(value)
    raise NotificationError(
        _("%(name)s is not a list of texts", name=name),
        todo=_("Write %(name)s: ['…'].", name=repr(name)),
        permanent=True,
    )


def _must_be_address(address: str) -> None:
    try:
        validate_email(address)
    except ValidationError:
        raise NotificationError(
            _("%(address)r is no email address", address=address),
            todo=_("Write it as name@host."),
            permanent=True,
        ) from None


def _admin_addresses() -> Iterable[str]:
    """Django 6 has a list of addresses, the ones before pairs of a name and an address."""
    for entry in settings.ADMINS:
        yield entry if isinstance(entry, str) else entry[1]


def _address_of(name: str) -> str:
    model = get_user_model()
    user = model._default_manager.filter(**{model.USERNAME_FIELD: name}).first()  # noqa: SLF001
    if user is None or not getattr(user, "is_active", True):
        return ""
    return str(getattr(user, model.get_email_field_name(), "") or "")


def _reason(error: Exception) -> str:
    """What the mail server said, of which nothing is ours; else what kind of error it was."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(error.recipients.values()))
        return f"{code} {_decoded(said)}"
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return _("the mail server refused the sign-in (%(code)s)", code=error.smtp_code)
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_decoded(error.smtp_error)}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


def _decoded(said: bytes | str) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return " ".join(text.split())[:200]


def _is_permanent(error: Exception) -> bool:
    """Whether a mail server said so: by 5.., of which a sign-in may be mended meanwhile."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _said in error.recipients.values())
    return False
