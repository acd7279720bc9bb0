"""Pings of the healthchecks kind: who gets none in time raises the alarm elsewhere.

https://healthchecks.io/docs/http_api/
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self
from urllib.parse import urlencode

from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from trustbackup.events import PROBLEMS, EventKind
from trustbackup.notifications import http
from trustbackup.notifications.channel import Channel, Limits, Message, NotificationError
from trustbackup.phrases import gettext as _

_LARGEST = 10_000
"""Bytes that go along, the last ones of a log; such a server keeps 100 kB at most."""


@dataclass(frozen=True, kw_only=True)
class Ping(Channel):
    """Says that a backup begins, went well or failed, to a server that waits for it."""

    name: ClassVar = "ping"
    label: ClassVar = gettext_lazy("Ping (healthchecks)")
    secret_names: ClassVar = ("url",)
    usual_actions: ClassVar = ("create",)
    usual_events: ClassVar = frozenset(
        {EventKind.STARTED, EventKind.SUCCESS, EventKind.PARTIAL, EventKind.FAILURE}
    )

    url: http.Address
    limits: Limits

    @classmethod
    @sensitive_variables()
    def configure(
        cls, options: Mapping[str, Any], secrets: Mapping[str, str], limits: Limits
    ) -> Self:
        return cls(url=http.Address.parse(secrets.get("url", "")), limits=limits)

    @property
    def address(self) -> str:
        return self.url.shown

    def send(self, message: Message, reached: Collection[str] = ()) -> None:
        # A success, too, says what was done; "log" changes no state there.
        if message.kind is EventKind.STARTED:
            suffix = "/start"
        elif message.kind is EventKind.SUCCESS:
            suffix = ""
        else:
            suffix = "/fail" if message.kind in PROBLEMS else "/log"
        # By the run's id the server takes the time between the start and the end.
        query = urlencode({"rid": message.run}) if message.run else ""
        url = self.url.with_suffix(suffix, query)
        body = f"{message.text}\n{message.log}".encode()[-_LARGEST:]
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        answer = http.post(url, body, headers, self.limits)
        http.must_be_good(self.url, answer)
        # Such a server says 200 to whatever it is asked, so that no caller stops for it.
        if b"not found" in answer.body:
            raise NotificationError(
                _("The ping was not taken by %(address)s", address=self.url.shown),
                why=_("it knows no such check"),
                todo=_("Enter the address that the check shows."),
                permanent=True,
            )
