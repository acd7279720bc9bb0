"""Sizes as a person types them: "20 GB"."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from trustbackup.policy.retention.rules import LARGEST_SIZE

_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")
"""Of 1024 each, as Django's ``filesizeformat`` counts them."""
_SIZE = re.compile(r"(\d{1,18}(?:[.,]\d{1,6})?)\s*([KMGTP]?)i?B?", re.IGNORECASE | re.ASCII)


class SizeField(forms.CharField):
    """Bytes, or None; typed with a unit or as a plain number of bytes."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401
        super().__init__(max_length=40, required=False, **options)

    def clean(self, value: Any) -> Any:  # noqa: ANN401
        text = super().clean(value)
        if not text:
            return None
        found = _SIZE.fullmatch(text)
        number = Decimal(found[1].replace(",", ".")) if found else Decimal(0)
        size = int(number * 1024 ** _UNITS.index(f"{found[2].upper()}B")) if found else 0
        if not 1 <= size <= LARGEST_SIZE:
            raise forms.ValidationError(_("Give a size such as 20 GB."))
        return size


def size_text(size: int | None) -> str:
    """What ``SizeField`` reads as exactly this many bytes: "20 GB"."""
    if size is None:
        return ""
    unit = 0
    while size and size % 1024 == 0 and unit < len(_UNITS) - 1:
        size, unit = size // 1024, unit + 1
    return f"{size} {_UNITS[unit]}"
