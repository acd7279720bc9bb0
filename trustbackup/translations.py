"""Phrases, moments and durations in the reader's language: this thread's, as Django has it."""

from __future__ import annotations

from datetime import datetime

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from trustbackup.conf.zone import reader_zone
from trustbackup.phrases import Grouped, Phrase, Value


def translate(text: object) -> str:
    """An error or its sentence in the reader's language; what is no phrase stays as it is."""
    sentence = str(text)
    if not isinstance(sentence, Phrase):
        return sentence
    form = sentence.message
    if sentence.plural:
        form = ngettext(sentence.message, sentence.plural, sentence.number)
    elif form:
        form = _(form)
    values = {name: _value(value) for name, value in sentence.values.items()}
    return form % values if values else form


def _value(value: Value) -> Value:
    if isinstance(value, Grouped):
        return number_format(int(value), force_grouping=True)
    return translate(value) if isinstance(value, str) else value


def moment(value: datetime) -> str:
    """To the second, in the site's time zone: "Nov. 20, 2026, 02:15:33 UTC"."""
    there = value.astimezone(reader_zone())
    return _("%(date)s, %(time)s") % {
        "date": date_format(there, "DATE_FORMAT"),
        "time": date_format(there, "H:i:s e"),
    }


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
