"""Schedules and due times in the reader's words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.formats import date_format, time_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from trustbackup.operations.plans.wording import describe_schedule
from trustbackup.policy.schedule import LAST_DAY, Schedule
from trustbackup.policy.schedule_shape import Repeat, Shape, shape_of


def spoken(schedule: Schedule | None) -> str:
    """When it runs, to stand by itself: "Every day at 04:17"."""
    if schedule is None:
        return pgettext("a schedule", "By hand alone")
    shape = shape_of(schedule.cron)
    say = _SPOKEN.get(shape.repeat)
    return say(shape) if say else describe_schedule(schedule)


def due_words(moment: datetime, zone: str) -> str:
    """A due time by the plan's clock: "tomorrow at 04:17", or its day and time."""
    there = ZoneInfo(zone)
    local = moment.astimezone(there)
    at = time_format(local, "H:i")
    days = (local.date() - timezone.now().astimezone(there).date()).days
    if days == 0:
        return _("today at %(time)s") % {"time": at}
    if days == 1:
        return _("tomorrow at %(time)s") % {"time": at}
    return exact(moment, zone)


def exact(moment: datetime, zone: str) -> str:
    """A due time with its weekday: "Tuesday, Dec. 8, 2026, 04:17"."""
    local = moment.astimezone(ZoneInfo(zone))
    return _("%(weekday)s, %(date)s, %(time)s") % {
        "weekday": WEEKDAYS[local.weekday()],
        "date": date_format(local, "DATE_FORMAT"),
        "time": time_format(local, "H:i"),
    }


def _daily(shape: Shape) -> str:
    return _("Every day at %(time)s") % {"time": _time(shape)}


def _weekly(shape: Shape) -> str:
    weekday = WEEKDAYS[shape.weekday]
    return _("Every week on %(weekday)s at %(time)s") % {"weekday": weekday, "time": _time(shape)}


def _monthly(shape: Shape) -> str:
    if shape.day == LAST_DAY:
        return _("On the last day of each month at %(time)s") % {"time": _time(shape)}
    values = {"day": shape.day, "time": _time(shape)}
    return _("On day %(day)d of each month at %(time)s") % values


def _hourly(shape: Shape) -> str:
    text = ngettext(
        "Every hour at minute %(minute)s", "Every %(hours)d hours at minute %(minute)s", shape.hours
    )
    return text % {"hours": shape.hours, "minute": f"{shape.minute:02}"}


def _time(shape: Shape) -> str:
    return time_format(shape.at, "H:i")


_SPOKEN: dict[Repeat, Callable[[Shape], str]] = {
    Repeat.DAILY: _daily,
    Repeat.WEEKLY: _weekly,
    Repeat.MONTHLY: _monthly,
    Repeat.HOURLY: _hourly,
}
