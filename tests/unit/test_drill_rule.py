"""When a plan's backups are proven."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from trustbackup.policy.drills import is_drill_due, is_within
from trustbackup.policy.plan import DrillRule

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
NIGHT, DAY = (time(22), time(5)), (time(9), time(17))


@pytest.mark.parametrize(
    ("rule", "made", "days_ago", "due"),
    [
        (DrillRule(every=3), 2, None, False),
        (DrillRule(every=3), 3, None, True),
        (DrillRule(every=3), 3, 0.1, True),
        (DrillRule(days=7), 0, 7, True),
        (DrillRule(days=7), 9, 6, False),
        (DrillRule(days=7), 9, 6.97, True),
        (DrillRule(days=7), 1, None, True),
        (DrillRule(every=3, days=7), 1, 1, False),
        (DrillRule(every=3, days=7), 3, 1, True),
        (DrillRule(every=3, days=7), 1, 8, True),
        (DrillRule(), 99, None, False),
    ],
)
def test_a_drill_is_due_by_number_or_by_days(
    rule: DrillRule, made: int, days_ago: float | None, due: bool
) -> None:
    last = None if days_ago is None else NOW - timedelta(days=days_ago)
    assert is_drill_due(rule, made=made, last=last, now=NOW) is due


@pytest.mark.parametrize(
    ("window", "hour", "within"),
    [
        (None, 12, True),
        (NIGHT, 23, True),
        (NIGHT, 4, True),
        (NIGHT, 5, False),
        (NIGHT, 12, False),
        (NIGHT, 22, True),
        (DAY, 9, True),
        (DAY, 17, False),
        (DAY, 4, False),
    ],
)
def test_a_window_may_go_over_midnight(
    window: tuple[time, time] | None, hour: int, within: bool
) -> None:
    zone = ZoneInfo("Asia/Tokyo")
    moment = datetime(2026, 11, 30, hour, tzinfo=zone)
    assert is_within(DrillRule(window=window), moment, zone) is within
