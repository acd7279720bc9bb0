"""What looks odd about a backup beside the ones before it: tables that lost many rows, a size or
a duration that is far from what is usual.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from trustbackup.phrases import Grouped, Phrase
from trustbackup.phrases import gettext as _

SHARE = 20
"""Percent of a table's rows; whoever loses more than that is marked."""
FEWEST = 10
"""Rows that must be gone: of a table with three rows, one is no anomaly."""
USUAL = 7
"""So many backups before tell what is usual."""
SIZE_FACTOR = 2
"""Half as large as usual, or twice, is odd."""
SIZE_FEWEST = 1 << 20
"""Bytes that it must differ by."""
SLOW_FACTOR = 3
SLOW_FEWEST = 60.0
"""Seconds that it must take longer."""
SLOW_KNOWN = 3
"""So many durations must be known before one is odd: they vary more than sizes do."""


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


class AnomalyKind(StrEnum):
    """What of a backup is odd."""

    ROWS = "rows"
    GONE = "gone"
    """A table with rows is not there any more."""
    SMALLER = "smaller"
    LARGER = "larger"
    SLOWER = "slower"


@dataclass(frozen=True, kw_only=True)
class Anomaly:
    """Something odd: ``before`` is what was usual, both in rows, bytes or seconds."""

    kind: AnomalyKind
    subject: str
    """The table's name; "" for the whole backup."""
    before: float
    now: float

    @property
    def sentence(self) -> Phrase:
        """What it is, in one sentence."""
        before, now = Grouped(self.before), Grouped(self.now)
        if self.kind is AnomalyKind.GONE:
            return _("%(table)s is gone, with %(before)s rows.", table=self.subject, before=before)
        if self.kind is AnomalyKind.ROWS:
            return _(
                "%(table)s lost %(percent)d %% of its rows: %(before)s before, %(now)s now.",
                table=self.subject,
                percent=int((self.before - self.now) * 100 / self.before),
                before=before,
                now=now,
            )
        if self.kind is AnomalyKind.SLOWER:
            return _("It took %(now)s seconds, where %(before)s are usual.", now=now, before=before)
        if self.kind is AnomalyKind.SMALLER:
            return _(
                "It holds %(now)s bytes unpacked, where %(before)s are usual: it is smaller.",
                now=now,
                before=before,
            )
        return _(
            "It holds %(now)s bytes unpacked, where %(before)s are usual: it is larger.",
            now=now,
            before=before,
        )


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What is compared of a backup."""

    raw_bytes: int
    """Unpacked, so that another compression is no anomaly."""
    seconds: float


def odd_rows(changes: Iterable[Change], ignored: Collection[str] = ()) -> list[Anomaly]:
    """The tables that lost too many rows, but for the ``ignored`` ones."""
    return [
        Anomaly(
            kind=AnomalyKind.GONE if change.now is None else AnomalyKind.ROWS,
            subject=change.table,
            before=change.before or 0,
            now=change.now or 0,
        )
        for change in changes
        if change.is_odd and change.table not in ignored
    ]


def odd_measures(now: Measures, before: Sequence[Measures]) -> list[Anomaly]:
    """What is far from usual, which is the middle of the newest ones ``before``, newest first."""
    known = before[:USUAL]
    found: list[Anomaly] = []
    if not known:
        return found
    size = median(each.raw_bytes for each in known)
    if abs(now.raw_bytes - size) >= SIZE_FEWEST:
        for kind, is_so in (
            (AnomalyKind.SMALLER, now.raw_bytes * SIZE_FACTOR <= size),
            (AnomalyKind.LARGER, now.raw_bytes >= size * SIZE_FACTOR),
        ):
            if is_so:
                found.append(Anomaly(kind=kind, subject="", before=size, now=now.raw_bytes))
    usual = median(each.seconds for each in known)
    if (
        len(known) >= SLOW_KNOWN
        and now.seconds >= usual + SLOW_FEWEST
        and now.seconds >= usual * SLOW_FACTOR
    ):
        slower = AnomalyKind.SLOWER
        found.append(Anomaly(kind=slower, subject="", before=usual, now=now.seconds))
    return found
