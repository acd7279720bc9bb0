"""Everything that apprise knows: chats, phones, pagers. An extra, ``trustbackup[apprise]``.

Its addresses can also read files, run programs and reach any host. So only kinds of address are
taken whose service is a fixed one, or that the site allows, and no parameter that names a file.
https://github.com/caronc/apprise
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self
from urllib.parse import parse_qsl, urlsplit

from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from trustbackup.conf import Settings
from trustbackup.destinations import network
from trustbackup.destinations.base import DestinationError
from trustbackup.events import PROBLEMS, EventKind
from trustbackup.notifications.bounded import within
from trustbackup.notifications.channel import Channel, Limits, Message, NotificationError
from trustbackup.phrases import gettext as _

_PARAMETERS = frozenset({"avatar", "footer", "image", "priority", "region", "sound", "thread"})
_PATIENCE = 3
"""How many times as long as one exchange it may take: some services need several."""
_SHAPE = re.compile(r"([a-z][a-z0-9]*)://[\x21-\x7e]+")


@dataclass(frozen=True, kw_only=True)
class Apprise(Channel):
    """Hands a short text to apprise."""

    name: ClassVar = "apprise"
    label: ClassVar = gettext_lazy("Apprise (chats, phones, pagers)")
    secret_names: ClassVar = ("url",)
    usual_events: ClassVar = PROBLEMS | {EventKind.RECOVERED}

    scheme: str
    url: str = field(repr=False)
    limits: Limits

    @classmethod
    @sensitive_variables()
    def configure(
        cls, options: Mapping[str, Any], secrets: Mapping[str, str], limits: Limits
    ) -> Self:
        url = secrets.get("url", "")
        found = _SHAPE.fullmatch(url)
        if found is None:
            raise _wrong(
                _("it is not of the form discord://… or the like"),
                _("Write it as apprise's pages show."),
            )
        scheme = found.group(1)
        if scheme not in limits.schemes:
            raise _wrong(
                _("%(scheme)s:// is not among those that this site allows", scheme=scheme),
                _(
                    "Choose one of %(known)s, or add it to TRUSTBACKUP['APPRISE_SCHEMES'].",
                    known=", ".join(limits.schemes),
                ),
            )
        for name, _value in parse_qsl(url.partition("?")[2], keep_blank_values=True):
            if name.lower() not in _PARAMETERS:
                raise _wrong(
                    _("the parameter %(name)r is not taken", name=name), _("Leave it out.")
                )
        if importlib.util.find_spec("apprise") is None:
            raise NotificationError(
                _("There is no apprise here"),
                todo=_("Install it: pip install 'trustbackup[apprise]'."),
                permanent=True,
            )
        return cls(scheme=scheme, url=url, limits=limits)

    @property
    def address(self) -> str:
        return f"{self.scheme}://…"

    @sensitive_variables()
    def send(self, message: Message, reached: Collection[str] = ()) -> None:
        import apprise

        if self.scheme not in Settings.apprise_schemes:
            _must_be_elsewhere(self.url, self.limits)
        sender = apprise.Apprise(asset=apprise.AppriseAsset(http_redirects=False))
        with _without_logs():
            understood = sender.add(self.url)
        if not understood:
            raise _wrong(_("apprise does not understand it"), _("Compare it with apprise's pages."))
        kind = apprise.NotifyType.FAILURE if message.kind in PROBLEMS else apprise.NotifyType.INFO
        answers: list[object] = []

        def notify() -> None:
            with _without_logs():
                answers.append(
                    sender.notify(body=message.text, title=message.title, notify_type=kind)
                )

        try:
            within(self.limits.seconds * _PATIENCE, notify)
        except NotificationError:
            raise
        except Exception as error:  # its own words may repeat the address
            raise _refused(self.scheme, type(error).__name__) from None
        if not answers[0]:
            raise _refused(self.scheme, _("apprise does not say why"))


@contextlib.contextmanager
def _without_logs() -> Iterator[None]:
    """apprise and what it uses log what they send, and where to."""
    loggers = [logging.getLogger(name) for name in ("apprise", "urllib3")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _must_be_elsewhere(url: str, limits: Limits) -> None:
    """Raises NotificationError where a host of an address is one that nobody may ask.

    Of services at fixed addresses it is no host; apprise looks a name up again by itself.
    """
    host = urlsplit(url).hostname or ""
    try:
        network.endpoints(host, 443, timeout=limits.seconds, allowed_hosts=limits.allowed_hosts)
    except DestinationError as error:
        if error.permanent:
            raise _wrong(error.why, _("Choose another address.")) from None


def _wrong(why: str, todo: str) -> NotificationError:
    return NotificationError(_("The address can't be used"), why=why, todo=todo, permanent=True)


def _refused(scheme: str, why: str) -> NotificationError:
    return NotificationError(
        _("The message was not taken by %(address)s", address=f"{scheme}://…"),
        why=why,
        todo=_("Check the address, and what the service says of it."),
    )
