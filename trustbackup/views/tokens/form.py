"""What a token is made of. Who makes one shows first that the session is still in their hands.

A token outlives the session, and needs no password: who has taken a session over must not be able
to take one along.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from trustbackup.models import AccessToken
from trustbackup.operations.access_tokens import LONGEST_NAME
from trustbackup.operations.restore import doors
from trustbackup.views.base import has_right
from trustbackup.views.confirmation import ConfirmForm
from trustbackup.views.token_words import SCOPES, WORTH

_NEEDED = (AccessToken.Scope.READ, AccessToken.Scope.CREATE)
"""By who backs up before a deployment."""
_LONGEST_LINES = 5_000


class TokenForm(ConfirmForm):
    """For the account of who asks."""

    name = forms.SlugField(
        label=_("Name"),
        max_length=LONGEST_NAME,
        help_text=_("For what it is used, such as deploy."),
    )
    scopes = forms.MultipleChoiceField(
        label=_("What it may be used for"),
        initial=_NEEDED,
        widget=forms.CheckboxSelectMultiple,
    )
    days = forms.TypedChoiceField(
        label=pgettext_lazy("a token", "Valid for"),
        required=False,
        coerce=int,
        empty_value=None,
        initial="365",
        choices=[
            ("30", _("30 days")),
            ("90", _("90 days")),
            ("365", _("a year")),
            ("", _("until it is revoked")),
        ],
    )
    networks = forms.CharField(
        label=_("Only from these networks"),
        required=False,
        max_length=_LONGEST_LINES,
        widget=forms.Textarea({"rows": 2, "spellcheck": "false"}),
        help_text=_("One in each line, such as 10.0.0.0/8; without any, from anywhere."),
    )

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__("token", request, *args, **kwargs)
        del self.fields["typed"]
        self.fields["scopes"].choices = _worth_something(request)  # type: ignore[attr-defined]

    @property
    def expires(self) -> datetime | None:
        """When the token ends by itself; after ``is_valid``."""
        days = self.cleaned_data["days"]
        return None if days is None else datetime.now(UTC) + timedelta(days=days)


def _worth_something(request: HttpRequest) -> list[tuple[str, str | Promise]]:
    """No scope for which the account has no right, or that this site has closed."""
    closed = {AccessToken.Scope.RESTORE} if doors.closed_because(doors.API) else set()
    return [
        (scope, label)
        for scope, label in SCOPES.items()
        if scope not in closed and any(has_right(request, right) for right in WORTH[scope])  # type: ignore[index]
    ]
