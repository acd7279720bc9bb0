"""Schedules in words, in the reader's language."""

from __future__ import annotations

import pytest
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from trustbackup.operations.plans.wording import describe_schedule
from trustbackup.policy.schedule import Schedule, ScheduleError, parse_schedule


def words(cron: str, language: str | None) -> str:
    with override(language):
        return describe_schedule(Schedule(cron, "UTC"))


@pytest.mark.parametrize(
    ("cron", "language", "said"),
    [
        ("30 4 * * *", "en", "At 04:30"),
        ("30 16 * * 1", "en-us", "At 16:30, only on Monday"),
        ("30 4 * * 1", "de", "Um 04:30, nur am Montag"),
        ("30 4 1 JAN *", "de", "Um 04:30, am 1 Tag des Monats, nur im Januar"),
        ("30 4 * * MON", "tr", "Saat 04:30, sadece Pazartesi günü"),
        ("0 */6 * * *", "tr", "Her 6 saatte"),
        ("30 4 * * 1", "fr", "At 04:30, only on Monday"),
        ("30 4 * * 1", None, "At 04:30, only on Monday"),
        ("0 4 * * 7", "en", "At 04:00, only on Sunday"),
        # What the library would say of these is not what cron does.
        ("0 4 */2 * MON", "en", "0 4 */2 * MON"),
        ("0 4 15,L * *", "en", "0 4 15,L * *"),
    ],
)
def test_a_schedule_is_said_in_the_readers_language(
    cron: str, language: str | None, said: str
) -> None:
    assert words(cron, language) == said


field = st.text("*/-,0123456789LW#", min_size=1, max_size=5)


@given(st.tuples(field, field, field, field, field).map(" ".join))
def test_whatever_is_a_schedule_has_words(line: str) -> None:
    try:
        schedule = parse_schedule(line, "UTC")
    except ScheduleError:
        return
    assert words(schedule.cron, "de").strip()
