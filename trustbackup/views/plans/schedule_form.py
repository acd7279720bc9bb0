"""When a plan runs, as a form asks for it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils.dates import WEEKDAYS
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from trustbackup.operations.plans.spec import default_schedule, default_zone
from trustbackup.policy.schedule import (
    HOURS,
    LAST_DAY,
    LONGEST,
    Schedule,
    ScheduleError,
    parse_schedule,
)
from trustbackup.policy.schedule_shape import LATEST_DAY, Repeat, Shape, shape_of
from trustbackup.views.labels import translate
from trustbackup.views.plans.spoken import exact

UPCOMING = 5
"""Due times that a page shows."""
_REPEATS = [
    (Repeat.DAILY, pgettext_lazy("a schedule", "every day")),
    (Repeat.WEEKLY, pgettext_lazy("a schedule", "every week")),
    (Repeat.MONTHLY, pgettext_lazy("a schedule", "every month")),
    (Repeat.HOURLY, pgettext_lazy("a schedule", "every few hours")),
    (Repeat.CRON, pgettext_lazy("a schedule", "by a cron line")),
    (Repeat.NEVER, pgettext_lazy("a schedule", "by hand alone")),
]
_PLAIN = "0 4 * * *"


class ScheduleForm(forms.Form):
    """After ``is_valid``, ``schedule`` is what it says; None for by hand alone.

    Only the fields that its ``repeat`` needs are looked at: the others may hold anything.
    """

    repeat = forms.ChoiceField(label=pgettext_lazy("a plan", "Runs"), choices=_REPEATS)
    at = forms.TimeField(
        label=_("At"), required=False, widget=forms.TimeInput({"type": "time"}, format="%H:%M")
    )
    weekday = forms.TypedChoiceField(
        label=_("Weekday"), coerce=int, required=False, choices=list(WEEKDAYS.items())
    )
    day = forms.TypedChoiceField(
        label=_("Day of the month"),
        coerce=int,
        required=False,
        choices=[
            *((day, day) for day in range(1, LATEST_DAY + 1)),
            (LAST_DAY, pgettext_lazy("a day", "the last one")),
        ],
    )
    hours = forms.TypedChoiceField(
        label=_("Hours between"),
        coerce=int,
        required=False,
        choices=[(hours, hours) for hours in HOURS],
    )
    minute = forms.IntegerField(
        label=_("At minute"), min_value=0, max_value=59, required=False, initial=0
    )
    cron = forms.CharField(
        label=_("Cron line"),
        max_length=LONGEST,
        required=False,
        help_text=_("Minute, hour, day of the month, month, weekday: 30 4 * * 1-5"),
    )
    zone = forms.CharField(
        label=_("Time zone"),
        max_length=64,
        required=False,
        widget=forms.TextInput({"list": "zones", "autocomplete": "off"}),
    )

    use_required_attribute = False

    def __init__(self, data: Any = None, *, schedule: Schedule | None, **more: Any) -> None:  # noqa: ANN401
        super().__init__(data, prefix="when", initial=_initial(schedule), **more)
        self.schedule = None if self.is_bound else schedule
        """What it says, once it is valid; at first what is saved."""

    def clean(self) -> dict[str, Any]:
        super().clean()
        data = self.cleaned_data
        repeat = Repeat(data["repeat"]) if data.get("repeat") else None
        if repeat is None or repeat is Repeat.NEVER:
            self._forget(*self.fields)
            return data
        needed = _NEEDED[repeat]
        self._forget(*(name for name in self.fields if name not in {*needed, "repeat", "zone"}))
        for name in needed:
            if name not in self.errors and data.get(name) in (None, ""):
                self.add_error(name, self.fields[name].error_messages["required"])
        zone = data.get("zone") or default_zone()
        if self.errors or not self._parsed("zone", _PLAIN, zone):
            return data
        line = Shape(repeat=repeat, **{name: data[name] for name in needed}).line()
        self.schedule = self._parsed("cron" if repeat is Repeat.CRON else "repeat", line, zone)
        return data

    def upcoming(self) -> list[str]:
        """The next due times of a valid form, spelled out."""
        if self.schedule is None:
            return []
        due = self.schedule.upcoming(datetime.now(UTC), UPCOMING)
        return [exact(moment, self.schedule.zone) for moment in due]

    def zones(self) -> list[str]:
        return sorted(available_timezones())

    def _forget(self, *names: str) -> None:
        for name in names:
            if name != "repeat":
                self.errors.pop(name, None)

    def _parsed(self, field: str, line: str, zone: str) -> Schedule | None:
        try:
            return parse_schedule(line, zone)
        except ScheduleError as error:
            self.add_error(field, capfirst(translate(error.args[0])))
            return None


_NEEDED: dict[Repeat, tuple[str, ...]] = {
    Repeat.DAILY: ("at",),
    Repeat.WEEKLY: ("weekday", "at"),
    Repeat.MONTHLY: ("day", "at"),
    Repeat.HOURLY: ("hours", "minute"),
    Repeat.CRON: ("cron",),
}


def _initial(schedule: Schedule | None) -> dict[str, Any]:
    usual = shape_of(default_schedule())
    shape = shape_of(schedule.cron) if schedule else Shape(repeat=Repeat.NEVER, at=usual.at)
    if shape.repeat in (Repeat.HOURLY, Repeat.CRON):
        shape = Shape(**{**vars(shape), "at": usual.at})
    return {**vars(shape), "zone": schedule.zone if schedule else default_zone()}
