"""What a destination's form holds between two requests: in the session, its secrets sealed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from trustbackup.exceptions import TrustbackupError
from trustbackup.sealing import seal_secrets, unseal_secrets

KEY = "trustbackup_draft"
"""The session's key for it."""


class FormDraft:
    """That of one form, ``owner``: a saved destination's name, or ``/`` and a kind."""

    def __init__(self, request: HttpRequest, owner: str) -> None:
        self._request, self._owner = request, owner

    @sensitive_variables()
    def hold(self, typed: Mapping[str, str]) -> str:
        """Keep secrets for the next step of this form; what the form must say to get them."""
        number = secrets.token_hex(16)
        self._request.session[KEY] = {
            "draft": number,
            "for": self._owner,
            "sealed": seal_secrets(typed),
        }
        return number

    def hold_test(self, run: str, shown: Mapping[str, Any]) -> None:
        """Keep beside them which run tests them, and what else stands in the form."""
        held = self._request.session.get(KEY, {})
        self._request.session[KEY] = {**held, "for": self._owner, "run": run, "shown": dict(shown)}

    def drop(self) -> None:
        self._request.session.pop(KEY, None)

    @property
    def number(self) -> str:
        return str(self._mine().get("draft", ""))

    @sensitive_variables()
    def secrets(self, number: str) -> dict[str, str]:
        """The secrets that were held under this number; none of another form's."""
        held = self._mine()
        if not number or held.get("draft") != number:
            return {}
        try:
            return unseal_secrets(held["sealed"])
        except TrustbackupError:
            return {}

    def tested_by(self, run: str) -> dict[str, Any] | None:
        """What stands in the form that this run tests; None where it tests another's."""
        held = self._mine()
        if not run or held.get("run") != run:
            return None
        return dict(held["shown"])

    def _mine(self) -> dict[str, Any]:
        held = self._request.session.get(KEY, {})
        return held if held.get("for") == self._owner else {}


def owner_of(request: HttpRequest, run: str) -> str:
    """Whose form this run tests for this visitor; "" for none."""
    held = request.session.get(KEY, {})
    return str(held.get("for", "")) if held.get("run") == run else ""
