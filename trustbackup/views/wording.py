"""Times, durations and changes in the reader's words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.utils.formats import date_format, number_format
from django.utils.timesince import timesince
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy

from trustbackup.operations.readback import Difference
from trustbackup.policy.anomalies import Change

# Whole phrases: in many languages "3 days" and "3 days ago" decline the word differently.
_AGO = {
    "year": ngettext_lazy("%(num)d year ago", "%(num)d years ago", "num"),
    "month": ngettext_lazy("%(num)d month ago", "%(num)d months ago", "num"),
    "week": ngettext_lazy("%(num)d week ago", "%(num)d weeks ago", "num"),
    "day": ngettext_lazy("%(num)d day ago", "%(num)d days ago", "num"),
    "hour": ngettext_lazy("%(num)d hour ago", "%(num)d hours ago", "num"),
    "minute": ngettext_lazy("%(num)d minute ago", "%(num)d minutes ago", "num"),
}


def ago(moment: datetime) -> str:
    """How long since: "just now", "3 hours ago"."""
    if datetime.now(UTC) - moment < timedelta(minutes=1):
        return _("just now")
    return timesince(moment, time_strings=_AGO, depth=1)  # type: ignore[arg-type]  # lazy


def moment(value: datetime) -> str:
    """To the second, in the site's time zone: "Nov. 20, 2026, 02:15:33 UTC"."""
    there = localtime(value)
    return _("%(date)s, %(time)s") % {
        "date": date_format(there, "DATE_FORMAT"),
        "time": date_format(there, "H:i:s e"),
    }


def changed(change: Change) -> str:
    """What became of a table's rows: "=", "new", "gone", or "+12 (+3 %)"."""
    if change.before is None:
        return _("new")
    if change.now is None:
        return _("gone")
    if change.now == change.before:
        return "="
    rows = _signed(change.now - change.before)
    if change.percent is None:
        return rows
    return _("%(rows)s (%(percent)s %%)") % {"rows": rows, "percent": _signed(change.percent)}


def _signed(number: int) -> str:
    sign = "\N{MINUS SIGN}" if number < 0 else "+"
    return sign + number_format(abs(number), force_grouping=True)


def difference(row: Difference) -> str:
    """What a restore would do to a table: "=", "comes back", "goes away", or "+1,234"."""
    if row.now is None:
        return _("comes back")
    if row.then is None:
        return _("goes away")
    if row.now == row.then:
        return "="
    return _signed(row.then - row.now)


def took(seconds: float) -> str:
    """A duration: 0.4 s, 12 s, 3 min 20 s, 1 h 5 min."""
    if seconds < 10:
        decimals = 2 if seconds < 1 else 1
        count = number_format(round(max(seconds, 0.01), decimals), decimals)
        return _("%(count)s s") % {"count": count}
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return _("%(count)s s") % {"count": rest}
    hours, minutes = divmod(minutes, 60)
    if hours:
        return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}
    return _("%(minutes)d min %(seconds)d s") % {"minutes": minutes, "seconds": rest}
