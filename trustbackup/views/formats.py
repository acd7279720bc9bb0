"""Times, durations and changes in the reader's words."""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils.formats import number_format
from django.utils.html import avoid_wrapping
from django.utils.translation import gettext as _

from trustbackup import phrases, translations
from trustbackup.operations.restore.comparison import RowDifference
from trustbackup.policy.anomalies import Change
from trustbackup.translations import translate

moment, took = translations.moment, translations.took


def ago(moment: datetime) -> str:
    """How long since, which stays in one line: "just now", "3 hours ago"."""
    return avoid_wrapping(translate(phrases.ago(datetime.now(UTC) - moment)))


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


def difference(row: RowDifference) -> str:
    """What a restore would do to a table: "=", "comes back", "goes away", or "+1,234"."""
    if row.now is None:
        return _("comes back")
    if row.then is None:
        return _("goes away")
    if row.now == row.then:
        return "="
    return _signed(row.then - row.now)
