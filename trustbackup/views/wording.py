"""Times and durations in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from trustbackup.operations.readback import Difference
from trustbackup.policy.anomalies import Change


def ago(moment: datetime) -> str:
    """How long since: "just now", "3 hours ago"."""
    if datetime.now(UTC) - moment < timedelta(minutes=1):
        return _("just now")
    return _("%(time)s ago") % {"time": timesince(moment, depth=1)}


def changed(change: Change) -> str:
    """What became of a table's rows: "=", "new", "gone", or "+12 (+3 %)"."""
    if change.before is None:
        return _("new")
    if change.now is None:
        return _("gone")
    if change.now == change.before:
        return "="
    text = f"{change.now - change.before:+,}".replace("-", "\N{MINUS SIGN}")
    if change.percent is None:
        return text
    share = f"{change.percent:+d}".replace("-", "\N{MINUS SIGN}")
    return f"{text} ({share}\N{NO-BREAK SPACE}%)"


def difference(row: Difference) -> str:
    """What a restore would do to a table: "=", "comes back", "goes away", or "+1,234"."""
    if row.now is None:
        return _("comes back")
    if row.then is None:
        return _("goes away")
    if row.now == row.then:
        return "="
    return f"{row.then - row.now:+,}".replace("-", "\N{MINUS SIGN}")


def took(seconds: float) -> str:
    """A duration: 0.4 s, 12 s, 3 min 20 s, 1 h 5 min."""
    if seconds < 1:
        return _("%(count).2f s") % {"count": seconds}
    if seconds < 10:
        return _("%(count).1f s") % {"count": seconds}
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return _("%(count)d s") % {"count": rest}
    hours, minutes = divmod(minutes, 60)
    if hours:
        return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": minutes}
    return _("%(minutes)d min %(seconds)d s") % {"minutes": minutes, "seconds": rest}
