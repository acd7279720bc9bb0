"""When a plan's newest backup is to be restored in a drill: a pure rule."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from trustbackup.policy.plan import DrillRule

_EARLY = timedelta(hours=1)
"""So that what runs at the same time each week is not a day later each time."""


def is_drill_due(rule: DrillRule, *, made: int, last: datetime | None, now: datetime) -> bool:
    """Whether one is due, of a plan that has made so many backups since its ``last`` drill.

    None for a plan that has none yet.
    """
    if rule.every is not None and made >= rule.every:
        return True
    if rule.days is None:
        return False
    return last is None or now - last >= timedelta(days=rule.days) - _EARLY


def is_within(rule: DrillRule, now: datetime, zone: tzinfo) -> bool:
    """Whether the rule's window is open at a moment; without one it always is."""
    if rule.window is None:
        return True
    begin, end = rule.window
    local = now.astimezone(zone).time()
    if begin < end:
        return begin <= local < end
    return local >= begin or local < end
