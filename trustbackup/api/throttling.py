"""How often one may ask. Counted in the site's cache; without one that works, nobody waits."""

from __future__ import annotations

import hashlib
from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from trustbackup.api.trail import token_of
from trustbackup.views.base import address_of


class Throttle(SimpleRateThrottle):
    """By token, by account, or by address; whatever the site sets for its own views."""

    rate = "1200/min"
    scope = "trustbackup"

    def get_cache_key(self, request: Request, view: Any) -> str:  # noqa: ANN401
        if (token := token_of(request)) is not None:
            who = f"token {token.pk}"
        elif getattr(request.user, "pk", None) is not None:
            who = f"account {request.user.pk}"
        else:
            who = f"address {address_of(request)}"
        return f"trustbackup-{hashlib.sha256(who.encode()).hexdigest()}"

    def allow_request(self, request: Request, view: Any) -> bool:  # noqa: ANN401
        try:
            return bool(super().allow_request(request, view))
        except Exception:  # caches have errors of their own; backups go on without one
            return True
