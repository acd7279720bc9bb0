"""What a manifest's texts and numbers may be. Pure, as the manifest is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from trustbackup.phrases import gettext as _
from trustbackup.store.members import invalid

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LARGEST_NUMBER = 2**63 - 1


def check_texts(values: Mapping[str, Any], longest: Mapping[str, int]) -> None:
    """Raises ManifestError for one of these that is longer, or not one line."""
    for text, most in longest.items():
        if len(values[text]) > most or CONTROL.search(values[text]):
            raise invalid(_("its %(member)s is too long or has a control character", member=text))


def check_parts(parts: Sequence[Any]) -> None:
    """Raises ManifestError for none, for two of one name, and for sums that no index holds."""
    if not parts:
        raise invalid(_("it has no part"))
    for count in ("bytes", "raw_bytes", "rows"):
        if sum(getattr(part, count) for part in parts) > _LARGEST_NUMBER:
            raise invalid(_("its %(member)s are too many", member=count))
    for unique in ("part", "file"):
        if len({getattr(part, unique) for part in parts}) != len(parts):
            raise invalid(_("two parts have the same %(member)s", member=unique))
