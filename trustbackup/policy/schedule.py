"""When a plan is due: a cron line in a time zone, right across daylight saving.

Pure: a moment comes in and goes out, aware and in UTC. A line has the five fields of Debian's
cron, and means what it means there: a day of the month and a weekday that are both given are an
"or" unless one begins with a star; a time of day that spring skips comes at the skip's end, one
that autumn repeats comes once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from trustbackup.phrases import Phrase, joined
from trustbackup.phrases import gettext as _

LONGEST = 100
"""Characters of a cron line."""
LAST_DAY = 0
"""For ``every_month``: the last day, whatever its number."""
HOURS = (1, 2, 3, 4, 6, 8, 12)
"""What ``every_hours`` takes: others would not be even across midnight."""
NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_FIELDS = 5
_SPANS = tuple(timedelta(days=days) for days in (1 / 16, 2, 9, 40, 400, 5 * 366, 51 * 366))
"""How far to look back for a due time: few steps where there are many, few looks else."""
_SAMPLE = datetime(2024, 1, 1, tzinfo=UTC)
_NOT_READ = (CronSimError, AssertionError, TypeError, ValueError)
"""What cronsim raises for a line that it does not understand."""


class ScheduleError(ValueError):
    """A line or a zone that is no schedule: ``why`` is a clause, ``todo`` a sentence."""

    def __init__(self, why: Phrase, todo: Phrase) -> None:
        self.why = why
        self.todo = todo
        super().__init__(joined([why, todo], ". "))


@dataclass(frozen=True)
class Schedule:
    """A cron line of five fields and the name of the zone whose clock it is read by.

    ``parse_schedule`` makes one that is known to be right.
    """

    cron: str
    zone: str

    def next_after(self, moment: datetime) -> datetime | None:
        """The first due time after an aware moment; None where there is none for 50 years.

        Raises ValueError for a moment without a zone.
        """
        return next(self._after(moment), None)

    def upcoming(self, moment: datetime, count: int) -> list[datetime]:
        """The first ``count`` due times after a moment, which may be fewer."""
        return list(islice(self._after(moment), count))

    def previous_before(self, moment: datetime) -> datetime | None:
        """The last due time before an aware moment; None where there was none for 50 years."""
        for span in _SPANS:
            try:
                begin = moment - span
            except OverflowError:
                return None
            last = None
            for due in self._after(begin):
                if due >= moment:
                    break
                last = due
            if last is not None:
                return last
        return None

    def _after(self, moment: datetime) -> Iterator[datetime]:
        if moment.tzinfo is None:
            raise ValueError("a moment without a time zone")
        last = moment.astimezone(UTC)
        try:
            for due in CronSim(self.cron, moment.astimezone(ZoneInfo(self.zone))):
                # Of an hour that autumn repeats cronsim knows the first: it may lie behind us.
                if (now := due.astimezone(UTC)) > last:
                    yield now
                    last = now
        except OverflowError:  # the calendar ends with the year 9999
            return


def parse_schedule(text: str, zone: str) -> Schedule:
    """Raises ScheduleError for a line or a zone that is not understood, or never comes."""
    cron = " ".join(text.split())
    if cron.startswith("@"):
        cron = _named(cron)
    _check_zone(zone)
    if len(cron) > LONGEST:
        raise ScheduleError(
            _("a cron line of %(count)d characters is too long", count=len(cron)),
            _("Use at most %(count)d.", count=LONGEST),
        )
    fields = len(cron.split())
    if fields == _FIELDS + 1:
        raise ScheduleError(
            _("the cron line %(line)r has six fields, which no two programs read alike", line=cron),
            _("Leave the seconds out: give minute, hour, day, month and weekday."),
        )
    if fields != _FIELDS:
        raise ScheduleError(
            _("the cron line %(line)r has %(count)d fields", line=cron, count=fields),
            _("Give five: minute, hour, day, month and weekday, such as '30 4 * * *'."),
        )
    schedule = Schedule(cron, zone)
    _check_line(schedule)
    return schedule


def _named(word: str) -> str:
    try:
        return NAMED[word.lower()]
    except KeyError:
        raise ScheduleError(
            _("%(line)r is no schedule", line=word),
            _("Known are %(known)s.", known=", ".join(NAMED)),
        ) from None


def _check_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):  # OSError: a folder of zones, such as "Europe"
        raise ScheduleError(
            _("there is no time zone %(zone)r", zone=zone),
            _("Give one such as 'Europe/Berlin' or 'UTC'."),
        ) from None


def _check_line(schedule: Schedule) -> None:
    try:
        comes = schedule.next_after(_SAMPLE)
    except _NOT_READ as error:
        if isinstance(error, CronSimError) and "day-of-month" in str(error):
            why = _("the cron line %(line)r has a day that no such month has", line=schedule.cron)
        else:
            why = _("the cron line %(line)r is not understood", line=schedule.cron)
        todo = _("Give minute, hour, day, month and weekday, such as '30 4 * * 1-5'.")
        raise ScheduleError(why, todo) from None
    if comes is None:
        raise ScheduleError(
            _("the cron line %(line)r never comes", line=schedule.cron),
            _("Give days that its months have."),
        )


def every_day(at: time) -> str:
    """The cron line of each day at a time."""
    return f"{at.minute} {at.hour} * * *"


def every_week(weekday: int, at: time) -> str:
    """The cron line of one day a week: 0 is Monday, as Python counts."""
    return f"{at.minute} {at.hour} * * {(weekday + 1) % 7}"


def every_month(day: int, at: time) -> str:
    """The cron line of one day a month: 1 to 28, or ``LAST_DAY``. Raises ValueError."""
    if not 0 <= day <= 28:
        raise ValueError("a day that not every month has")
    return f"{at.minute} {at.hour} {day or 'L'} * *"


def every_hours(count: int, minute: int) -> str:
    """The cron line of every ``count`` hours, one of ``HOURS``, at a minute. Raises ValueError."""
    if count not in HOURS:
        raise ValueError("hours that are not even across midnight")
    return f"{minute} * * * *" if count == 1 else f"{minute} */{count} * * *"


def in_the_small_hours(seed: int) -> time:
    """A time from 04:00 to before 05:00, which the seed decides: sites that share a server or a
    destination must not all begin at once."""
    return time(4, seed % 60)
