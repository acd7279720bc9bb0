"""What a database holds besides rows: its objects by name, whose they are, who may what.

Pure, as the manifest is, which has one for each database. Names stand in one text, one a line:
a list of its own member for each would make a manifest several times as long.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trustbackup.phrases import gettext as _
from trustbackup.store.members import invalid, members_of, texts_of

LARGEST = 2 << 20
"""Characters of names that a manifest has room for; what goes beyond is only counted."""
COUNTED = "#"
"""Begins a text that has the number of names instead of them."""
PUBLIC, ITS_OWNER = "PUBLIC", "its owner"
"""Among those who have rights."""
_GRANTEE = re.compile(r"(?:^|, )(.+?)=[a-zA-Z*]*(?=, |$)")
THE_REST = "*"
"""Stands for everything that belongs to no other role."""
_THE_INVENTORY = _("the inventory")


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """Each text holds names, sorted, one a line."""

    objects: Mapping[str, str] = field(default_factory=dict)
    """By their kind, as ``index`` or ``view``."""
    owners: Mapping[str, str] = field(default_factory=dict)
    """What belongs to a role: ``table: shop_order``; ``*`` is all that belongs to no other."""
    grants: Mapping[str, str] = field(default_factory=dict)
    """What bears these rights (``web=arw, PUBLIC=``, as far as they are not the usual ones)."""
    large_objects: int = 0
    large_object_bytes: int | None = None
    """None where the role may not look into each."""

    @property
    def grantees(self) -> set[str]:
        """Roles that have rights that are not the usual ones."""
        found = {name for text in self.grants for name in _GRANTEE.findall(text)}
        return found - {PUBLIC, ITS_OWNER}

    def bounded(self, largest: int = LARGEST) -> Inventory:
        """The same for a manifest, with at most so many characters.

        The role that owns most has the rest; the longest texts become a number.
        """
        texts = [self.objects, _with_the_rest(self.owners), self.grants]
        lengths = sorted((len(text) for group in texts for text in group.values()), reverse=True)
        total = sum(lengths)
        longest = largest
        for length in lengths:
            if total <= largest:
                break
            longest, total = length - 1, total - length
        objects, owners, grants = (
            {
                name: text if len(text) <= longest else f"{COUNTED}{count(text)}"
                for name, text in group.items()
            }
            for group in texts
        )
        return Inventory(
            objects=objects,
            owners=owners,
            grants=grants,
            large_objects=self.large_objects,
            large_object_bytes=self.large_object_bytes,
        )


def lines_of(names: Iterable[str]) -> str:
    """A text of these names; a line break in one of them becomes a space."""
    return "\n".join(sorted(" ".join(name.split("\n")) for name in names))


def names_in(text: str) -> list[str]:
    """The names in a text; none where they were only counted."""
    return [] if text.startswith(COUNTED) else text.split("\n") if text else []


def count(text: str) -> int:
    if text.startswith(COUNTED) and text[1:].isdecimal():
        return int(text[1:])
    return len(names_in(text))


def by_kind(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Texts of names, from pairs of key and name."""
    found: dict[str, list[str]] = {}
    for key, name in pairs:
        found.setdefault(key, []).append(name)
    return {key: lines_of(found[key]) for key in sorted(found)}


def _with_the_rest(owners: Mapping[str, str]) -> dict[str, str]:
    """Nearly everything belongs to one role: that is said of it, and not of each."""
    most = max(owners, key=lambda role: count(owners[role]), default="")
    return {role: THE_REST if role == most else text for role, text in owners.items()}


def read_inventory(document: object) -> Inventory | None:
    """From a manifest. Raises ManifestError."""
    if document is None:
        return None
    values: dict[str, Any] = members_of(document, Inventory, _THE_INVENTORY)
    for name in ("objects", "owners", "grants"):
        values[name] = texts_of(values[name], name)
    size = values["large_object_bytes"]
    if size is not None and (type(size) is not int or size < 0):
        raise invalid(_("its %(member)s are no number", member="large_object_bytes"))
    return Inventory(**values)
