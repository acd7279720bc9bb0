"""What is to be kept: the rules that a plan, or a destination of it, asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from trustbackup.phrases import Phrase
from trustbackup.phrases import gettext as _

MOST = 100_000
"""The largest number of backups, periods or days that a rule may name."""
LARGEST_SIZE = 2**63 - 1
COUNTS = ("last", "hourly", "daily", "weekly", "monthly", "yearly")
"""The rules that count buckets: what they keep is never deleted for a size limit."""


@dataclass(frozen=True, kw_only=True)
class RetentionPolicy:
    """Rules, each of which keeps backups; what none keeps has expired.

    None is a rule that there is not, 0 one that keeps nothing. Raises ValueError, with a phrase,
    for values of another kind, for rules that keep nothing, and where there is no rule at all.
    A plan that never deletes anything has no policy.
    """

    last: int | None = None
    """So many good ones, the newest."""
    hourly: int | None = None
    """The newest good one of so many hours that have one; likewise of days, of weeks from Monday
    on, of months and of years, all by the plan's clock."""
    daily: int | None = None
    weekly: int | None = None
    monthly: int | None = None
    yearly: int | None = None
    days: int | None = None
    """All of so many days, the newest good backup's day included."""
    size_limit: int | None = None
    """Bytes that the plan's backups in one place should not exceed."""
    enforce_size: bool = False
    """Whether what only ``days`` keeps is deleted for the limit; else it only warns."""

    def __post_init__(self) -> None:
        for name in (*COUNTS, "days", "size_limit"):
            _check_number(name, getattr(self, name))
        if not isinstance(self.enforce_size, bool):
            raise ValueError(_("enforce_size is neither true nor false."))
        if self.size_limit == 0:
            raise ValueError(_("size_limit is 0, which leaves room for no backup."))
        numbers = [getattr(self, name) for name in (*COUNTS, "days")]
        if any(numbers):
            return
        if any(number is not None for number in numbers):
            raise ValueError(_("These rules keep nothing: at least one must be 1 or more."))
        if self.size_limit is None:
            raise ValueError(_("There is no rule: say how many backups are to be kept."))
        if self.enforce_size:
            raise ValueError(
                _("A size limit that deletes needs another rule beside it: how many stay.")
            )

    @property
    def counts(self) -> dict[str, int]:
        """The rules that count, those which keep something: name → number."""
        found = {name: getattr(self, name) for name in COUNTS}
        return {name: number for name, number in found.items() if number}

    @property
    def deletes(self) -> bool:
        """False where there is only a limit that warns."""
        return bool(self.counts or self.days)

    def as_dict(self) -> dict[str, int | bool]:
        """What JSON holds: the rules that there are."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: value for name, value in found.items() if value is not None and value is not False
        }

    @classmethod
    def from_dict(cls, given: object) -> Self:
        """The other way round, strictly. Raises ValueError, with a phrase."""
        if not isinstance(given, Mapping):
            raise ValueError(_("The rules of retention are not a dictionary."))
        known = [field.name for field in fields(cls)]
        values: dict[str, Any] = {}
        for name, value in given.items():
            if name not in known:
                raise ValueError(
                    _(
                        "There is no rule %(name)s; there are %(known)s.",
                        name=repr(name),
                        known=", ".join(known),
                    )
                )
            values[name] = value
        return cls(**values)


def _check_number(name: str, value: object) -> None:
    if value is None:
        return
    if value == "":
        raise ValueError(_("%(name)s is empty: give a number, or leave it out.", name=name))
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(
            _("%(name)s is %(value)s, not a whole number.", name=name, value=repr(value)[:100])
        )
    most = LARGEST_SIZE if name == "size_limit" else MOST
    if not 0 <= value <= most:
        raise ValueError(_outside(name, value, most))


def _outside(name: str, value: int, most: int) -> Phrase:
    if value < 0:
        return _("%(name)s is %(value)d: give a number from 0 on.", name=name, value=value)
    return _("%(name)s is above %(most)d.", name=name, most=most)


SUGGESTED = RetentionPolicy(last=3, daily=7, weekly=5, monthly=12)
"""For a new plan."""
