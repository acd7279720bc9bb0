"""What a person would call a cron line: daily, weekly, monthly, every few hours, or by itself.

Pure, and the way back of ``every_day`` and its like in ``schedule.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import time
from enum import StrEnum

from trustbackup.policy.schedule import (
    HOURS,
    LAST_DAY,
    every_day,
    every_hours,
    every_month,
    every_week,
)

LATEST_DAY = 28
"""The last day of the month that every month has."""


class Repeat(StrEnum):
    """How often; ``CRON`` is any other line, ``NEVER`` none."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    HOURLY = "hourly"
    CRON = "cron"
    NEVER = "never"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A schedule as a form asks for it; only what its ``repeat`` needs counts."""

    repeat: Repeat
    at: time = time(4, 30)
    weekday: int = 0
    """0 is Monday."""
    day: int = 1
    """Of the month; ``LAST_DAY`` for its last."""
    hours: int = 6
    minute: int = 0
    cron: str = ""

    def line(self) -> str:
        """The cron line; "" for ``NEVER``. Raises ValueError for what ``schedule.py`` refuses."""
        return _LINES[self.repeat](self)


_LINES: dict[Repeat, Callable[[Shape], str]] = {
    Repeat.DAILY: lambda shape: every_day(shape.at),
    Repeat.WEEKLY: lambda shape: every_week(shape.weekday, shape.at),
    Repeat.MONTHLY: lambda shape: every_month(shape.day, shape.at),
    Repeat.HOURLY: lambda shape: every_hours(shape.hours, shape.minute),
    Repeat.CRON: lambda shape: shape.cron,
    Repeat.NEVER: lambda _shape: "",
}
_AT = re.compile(
    r"(?P<minute>\d{1,2}) (?P<hour>\d{1,2}) (?P<day>\*|L|\d{1,2}) \* (?P<weekday>\*|[0-7])"
)
_HOURS = re.compile(r"(?P<minute>\d{1,2}) \*(?:/(?P<hours>\d{1,2}))? \* \* \*")


def shape_of(cron: str) -> Shape:
    """A line that ``parse_schedule`` took, as a person would say it."""
    if not cron:
        return Shape(repeat=Repeat.NEVER)
    if found := _HOURS.fullmatch(cron):
        hours = int(found["hours"] or 1)
        if hours in HOURS:
            minute = int(found["minute"])
            return Shape(repeat=Repeat.HOURLY, hours=hours, minute=minute, cron=cron)
    if found := _AT.fullmatch(cron):
        at, day, weekday = (
            time(int(found["hour"]), int(found["minute"])),
            found["day"],
            found["weekday"],
        )
        if day == "*" and weekday == "*":
            return Shape(repeat=Repeat.DAILY, at=at, cron=cron)
        if day == "*":
            return Shape(repeat=Repeat.WEEKLY, at=at, weekday=(int(weekday) - 1) % 7, cron=cron)
        number = LAST_DAY if day == "L" else int(day)
        if weekday == "*" and number <= LATEST_DAY:
            return Shape(repeat=Repeat.MONTHLY, at=at, day=number, cron=cron)
    return Shape(repeat=Repeat.CRON, cron=cron)
