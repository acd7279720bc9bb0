"""Which backups the rules keep: grandfather, father, son, by the plan's own clock.

A bucket is an hour, a day, a week from Monday on, a month or a year in the plan's zone, and a
backup belongs to the one in which it began. Of each the newest good one stays. A rule counts the
buckets that have one, from the newest on, so that a time without backups costs no history.

What was never checked may be good. Where a bucket has nothing better, its newest unchecked one
stays, too, and takes no place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, tzinfo

from trustbackup.policy.protection import BackupFacts
from trustbackup.policy.retention.reasons import Reason
from trustbackup.policy.retention.rules import RetentionPolicy

_Key = Callable[[datetime], object]
_KEYS: dict[str, _Key] = {
    # An hour that the clock shows twice is two; fold tells them apart.
    "hourly": lambda local: (local.toordinal() * 24 + local.hour) * 2 + local.fold,
    "daily": datetime.toordinal,
    "weekly": lambda local: (local.toordinal() - 1) // 7,
    "monthly": lambda local: local.year * 12 + local.month,
    "yearly": lambda local: local.year,
}
_FINE = ("last", "hourly")
_DAYS = (Reason.DAYS,)


@dataclass
class _Rule:
    """One count while the backups pass by, newest first."""

    reason: Reason
    left: int
    key: _Key | None
    is_fine: bool
    """Whether one day may have several of its buckets."""
    filled: set[object] = field(default_factory=set)
    waiting: dict[object, str] = field(default_factory=dict)
    """Buckets that have no good one yet → the newest unchecked one there."""

    def takes(self, backup: BackupFacts, local: datetime, *, good: bool) -> bool:
        """Whether it keeps this good backup; one that is not known to be is remembered."""
        key = self.key(local) if self.key else backup.id
        if key in self.filled:
            return False
        if not good:
            self.waiting.setdefault(key, backup.id)
            return False
        self.filled.add(key)
        self.waiting.pop(key, None)
        self.left -= 1
        return True


def staying_by_rules(
    members: Sequence[BackupFacts], policy: RetentionPolicy, zone: tzinfo
) -> dict[str, tuple[Reason, ...]]:
    """Id → why it stays, of backups of one sort and one set of rules, newest first.

    Protected ones take no place.
    """
    staying: dict[str, tuple[Reason, ...]] = {}
    rules = [
        _Rule(Reason(name), number, _KEYS.get(name), is_fine=name in _FINE)
        for name, number in policy.counts.items()
    ]
    _walk(members, rules, zone, staying)
    for rule in rules:
        for identifier in rule.waiting.values():
            staying.setdefault(identifier, (Reason.UNCHECKED,))
    if policy.days:
        _keep_days(members, policy.days, zone, staying)
    return staying


def _walk(
    members: Sequence[BackupFacts],
    rules: list[_Rule],
    zone: tzinfo,
    staying: dict[str, tuple[Reason, ...]],
) -> None:
    """Ask the rules about each backup, newest first, until none of them has a bucket left."""
    running, fine = list(rules), [rule for rule in rules if rule.is_fine]
    known: dict[tuple[Reason, ...], tuple[Reason, ...]] = {}
    seen: set[int] = set()
    for backup in members:
        if not running:
            return
        if backup.protected or backup.is_bad:
            continue
        good = backup.good
        local = backup.created.astimezone(zone)
        day = local.toordinal()
        reasons: tuple[Reason, ...] = ()
        ended = False
        # Where a day has its good one, so have its week, its month and its year.
        for rule in fine if day in seen else running:
            if rule.takes(backup, local, good=good):
                reasons += (rule.reason,)
                ended = ended or not rule.left
        if good:
            seen.add(day)
        if reasons:
            staying[backup.id] = known.setdefault(reasons, reasons)
            if ended:
                running = [rule for rule in running if rule.left]
                fine = [rule for rule in running if rule.is_fine]


def _keep_days(
    members: Sequence[BackupFacts],
    days: int,
    zone: tzinfo,
    staying: dict[str, tuple[Reason, ...]],
) -> None:
    """Counted from the newest good one on: neither an outage nor a clock that jumps eats any."""
    newest = next((backup for backup in members if backup.good), None)
    if newest is None:
        return
    first = newest.created.astimezone(zone).date() - timedelta(days=days - 1)
    begin = datetime.combine(first, time.min, tzinfo=zone).astimezone(UTC)
    for backup in members:
        if backup.created < begin:
            return
        also = staying.get(backup.id)
        staying[backup.id] = (*also, Reason.DAYS) if also else _DAYS
