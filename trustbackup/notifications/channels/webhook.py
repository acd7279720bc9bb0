"""A webhook, signed as standard-webhooks says.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets as random
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from trustbackup.events import PROBLEMS, EventKind
from trustbackup.notifications import http
from trustbackup.notifications.channel import Channel, Limits, Message, NotificationError
from trustbackup.phrases import gettext as _

PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64
"""Bytes of a secret, as the specification has them."""


def new_secret() -> str:
    """A secret that nobody else has, as receivers take it."""
    return PREFIX + base64.b64encode(random.token_bytes(32)).decode()


@sensitive_variables()
def sign(secret: str, identifier: str, moment: int, body: bytes) -> str:
    """The header ``webhook-signature``. Raises NotificationError for what is no secret."""
    content = f"{identifier}.{moment}.".encode() + body
    digest = hmac.new(_key(secret), content, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


@sensitive_variables()
def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise NotificationError(
            _("The webhook's secret can't be used"),
            why=_("it is not 24 to 64 bytes as base64"),
            todo=_("Make a new one, or enter the one that begins with whsec_."),
            permanent=True,
        )
    return key


@dataclass(frozen=True, kw_only=True)
class Webhook(Channel):
    """Posts an event as JSON."""

    name: ClassVar = "webhook"
    label: ClassVar = gettext_lazy("Webhook")
    secret_names: ClassVar = ("url", "secret")
    usual_events: ClassVar = PROBLEMS | {EventKind.SUCCESS, EventKind.RECOVERED}

    url: http.Address
    secret: str = field(repr=False)
    limits: Limits

    @classmethod
    @sensitive_variables()
    def configure(
        cls, options: Mapping[str, Any], secrets: Mapping[str, str], limits: Limits
    ) -> Self:
        secret = secrets.get("secret", "")
        _key(secret)
        return cls(url=http.Address.parse(secrets.get("url", "")), secret=secret, limits=limits)

    @property
    def address(self) -> str:
        return self.url.shown

    def send(self, message: Message, reached: Collection[str] = ()) -> None:
        body = json.dumps(
            {
                "type": f"backup.{message.kind}",
                "timestamp": message.at.isoformat(),
                "data": message.payload,
            },
            ensure_ascii=False,
        ).encode()
        moment = int(time.time())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message.key,
            "webhook-timestamp": str(moment),
            "webhook-signature": sign(self.secret, message.key, moment, body),
        }
        http.must_be_good(self.url, http.post(self.url, body, headers, self.limits))
