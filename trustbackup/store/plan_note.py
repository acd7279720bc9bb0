"""What a manifest knows of the plan that made it: its name, and the rules it was made under.

A plan that is renamed or deleted leaves its backups under these. Pure, as the manifest is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trustbackup.phrases import gettext as _
from trustbackup.store.members import invalid, members_of

LONGEST_NAME = 50
LONGEST_ZONE = 64
Rules = Mapping[str, int | bool]
"""A policy's rules as ``RetentionPolicy.as_dict`` has them."""


@dataclass(frozen=True, kw_only=True)
class PlanNote:
    """The plan of a backup, as it was then."""

    name: str
    zone: str = ""
    """Whose clock its days begin by; "" where there was no schedule."""
    retention: Rules | None = None
    """None for a plan that never deletes anything."""
    destination_retention: Mapping[str, Rules] = field(default_factory=dict)


def read_plan_note(document: object) -> PlanNote | None:
    """Of a manifest's member ``plan``; None for a backup of no plan. Raises ManifestError."""
    if document is None:
        return None
    values = members_of(document, PlanNote, _("the plan"))
    for member, longest in (("name", LONGEST_NAME), ("zone", LONGEST_ZONE)):
        if len(values[member]) > longest or not values[member].isprintable():
            raise invalid(
                _("its %(member)s is too long or has a control character", member=f"plan {member}")
            )
    if values["retention"] is not None:
        _check_rules(values["retention"])
    if not isinstance(values["destination_retention"], dict):
        raise _no_rules()
    for rules in values["destination_retention"].values():
        _check_rules(rules)
    return PlanNote(**values)


def _check_rules(rules: object) -> None:
    if not isinstance(rules, dict) or not all(
        isinstance(value, int) and value >= 0 for value in rules.values()
    ):
        raise _no_rules()


def _no_rules() -> Exception:
    return invalid(_("the rules of its plan are not an object of numbers"))
