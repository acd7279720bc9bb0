"""What looks odd about a backup beside the one before it: tables that lost many rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SHARE = 20
"""Percent of a table's rows; whoever loses more than that is marked."""
FEWEST = 10
"""Rows that must be gone: of a table with three rows, one is no anomaly."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A table's rows in the backup before and in this one; None where it is not there."""

    table: str
    before: int | None
    now: int | None

    @property
    def percent(self) -> int | None:
        """Of the rows before, rounded towards zero; None when there were none to compare."""
        if not self.before or self.now is None:
            return None
        return int((self.now - self.before) * 100 / self.before)

    @property
    def is_odd(self) -> bool:
        """It is gone with its rows, or lost too many of them."""
        lost = (self.before or 0) - (self.now or 0)
        return lost >= FEWEST and lost * 100 > (self.before or 0) * SHARE


def compare_rows(before: Mapping[str, int], now: Mapping[str, int]) -> list[Change]:
    """Every table of either, by name."""
    return [
        Change(table=table, before=before.get(table), now=now.get(table))
        for table in sorted({*before, *now})
    ]
