"""A schedule in words, in the language of whoever reads it."""

from __future__ import annotations

import functools
import re

from django.utils.dates import MONTHS, WEEKDAYS
from django.utils.translation import get_language, override

from trustbackup.policy.schedule import Schedule

_ENGLISH = {
    **{
        name: WEEKDAYS[number]
        for number, name in enumerate(
            ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
        )
    },
    **{
        name: MONTHS[number]
        for number, name in enumerate(
            (
                *("January", "February", "March", "April", "May", "June", "July", "August"),
                *("September", "October", "November", "December"),
            ),
            start=1,
        )
    },
}
_DAY = re.compile(rf"\b({'|'.join(_ENGLISH)})\b")
_LOCALES = {"de": "de_DE", "en": "en_US", "tr": "tr_TR"}


def describe_schedule(schedule: Schedule) -> str:
    """Such as "At 04:30, only on Monday": without its zone, and the line itself where words fail.

    In the language that is active where we speak it, else in English.
    """
    language = (get_language() or "").partition("-")[0]
    return _describe(schedule.cron, language if language in _LOCALES else "en")


@functools.lru_cache(maxsize=256)
def _describe(cron: str, language: str) -> str:
    from cron_descriptor import FormatError, Options, get_description

    fields = cron.split()
    both = fields[2] != "*" and fields[4] != "*"
    if both and (fields[2].startswith("*") or fields[4].startswith("*")):
        return cron  # it would say "or" where cron means "and"
    if "L" in fields[2].upper() and fields[2].upper() not in ("L", "LW"):
        return cron  # it would say "day L"
    options = Options(locale_code=_LOCALES[language], use_24hour_time_format=True)
    try:
        words = get_description(cron, options)
    except FormatError:
        return cron
    # The library has the sentences, and leaves the names of days and months to the system.
    with override(language):
        return _DAY.sub(lambda found: str(_ENGLISH[found[0]]), words)
