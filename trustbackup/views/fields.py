"""Fields of the destinations' forms."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

ELSEWHERE = _("Or where it is kept: env:NAME or file:/run/secrets/x.")
ONE_WORD = RegexValidator(r"^[^\s/@?#]+$", _("Give the name or the address alone."))


class HiddenText(forms.Textarea):
    """A secret of several lines: what was typed is not sent back."""

    def format_value(self, value: Any) -> str:  # noqa: ANN401
        return ""


def secret(label: Any, *, lines: bool = False, help_text: Any = ELSEWHERE) -> forms.CharField:  # noqa: ANN401
    """A secret; no page sends it back, stored or just typed."""
    quiet = {"autocomplete": "new-password", "spellcheck": "false"}
    return forms.CharField(
        label=label,
        required=False,
        strip=False,
        max_length=32_000,
        help_text=help_text,
        widget=HiddenText({**quiet, "rows": 4}) if lines else forms.PasswordInput(quiet),
    )


def text(label: Any, *, required: bool = False, **options: Any) -> forms.CharField:  # noqa: ANN401
    return forms.CharField(label=label, required=required, max_length=1000, **options)
