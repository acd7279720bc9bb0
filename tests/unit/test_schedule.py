"""Schedules: cron lines in a zone, right across daylight saving, and refused with a sentence."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trustbackup.policy import schedule
from trustbackup.policy.schedule import Schedule, ScheduleError, parse_schedule

BERLIN = "Europe/Berlin"
ZONES = ("UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Tehran")
"""Half an hour of summer time, a midnight that is skipped, and half an hour from UTC among them."""
moments = st.datetimes(
    datetime(2020, 1, 1),  # noqa: DTZ001 - hypothesis wants it so
    datetime(2030, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def texts(found: list[datetime], zone: str = BERLIN) -> list[str]:
    return [f"{one.astimezone(ZoneInfo(zone)):%m-%d %H:%M %Z}" for one in found]


def test_fault_43_in_spring_a_time_that_is_skipped_comes_once_and_at_its_end() -> None:
    nightly = parse_schedule("30 2 * * *", BERLIN)
    assert texts(nightly.upcoming(at("2026-03-28 00:00"), 3)) == [
        "03-28 02:30 CET",
        "03-29 03:00 CEST",
        "03-30 02:30 CEST",
    ]


def test_fault_43_in_autumn_a_time_that_comes_twice_is_due_once() -> None:
    nightly = parse_schedule("30 2 * * *", BERLIN)
    assert texts(nightly.upcoming(at("2026-10-24 12:00"), 2)) == [
        "10-25 02:30 CEST",
        "10-26 02:30 CET",
    ]
    # From between the two: the second 02:30 is none.
    between = at("2026-10-25 01:10")
    assert texts(nightly.upcoming(between, 1)) == ["10-26 02:30 CET"]
    assert texts([nightly.previous_before(between) or between]) == ["10-25 02:30 CEST"]


def test_every_hour_comes_in_each_hour_that_there_is() -> None:
    hourly = parse_schedule("@hourly", BERLIN)
    for day in ("2026-03-29", "2026-10-25"):
        found = hourly.upcoming(at(f"{day} 00:00") - timedelta(hours=3), 8)
        assert {b - a for a, b in pairwise(found)} == {timedelta(hours=1)}


lines = st.one_of(
    st.builds(schedule.every_day, st.times()),
    st.builds(schedule.every_week, st.integers(0, 6), st.times()),
    st.builds(schedule.every_month, st.integers(0, 28), st.times()),
    st.builds(schedule.every_hours, st.sampled_from(schedule.HOURS), st.integers(0, 59)),
    st.sampled_from(
        ["*/7 1-3 * * *", "0 4 29 2 *", "15 */2 1,15 * MON", "0 0 * * 5L", "5 0 LW * *"]
    ),
)


@given(lines, st.sampled_from(ZONES), moments)
def test_due_times_only_go_forward_and_back_is_the_same_way(
    line: str, zone: str, moment: datetime
) -> None:
    plan = parse_schedule(line, zone)
    found = plan.upcoming(moment, 4)
    assert len(found) == 4
    assert found == sorted(set(found))
    assert found[0] > moment
    assert all(due.tzinfo is UTC for due in found)
    # From any moment the same due times are seen, before it as after it.
    assert plan.next_after(found[1] - timedelta(microseconds=1)) == found[1]
    assert plan.previous_before(found[1]) == found[0]
    before = plan.previous_before(found[0])
    assert before is not None
    assert before <= moment
    assert plan.next_after(before) == found[0]


@settings(max_examples=20)  # each looks at 364 days
@given(st.times(), st.sampled_from(ZONES), st.integers(2020, 2030))
def test_a_daily_plan_is_due_once_on_each_day_of_its_zone(when: time, zone: str, year: int) -> None:
    plan = parse_schedule(schedule.every_day(when), zone)
    begin = datetime(year, 1, 1, tzinfo=ZoneInfo(zone)) - timedelta(microseconds=1)
    found = plan.upcoming(begin, 364)
    days = Counter(due.astimezone(ZoneInfo(zone)).date() for due in found)
    assert set(days.values()) == {1}
    first = min(days)
    assert set(days) == {first + timedelta(days=n) for n in range(364)}


@pytest.mark.parametrize(
    ("line", "zone", "why"),
    [
        ("0 30 4 * * *", "UTC", "six fields"),
        ("30 4 * * * 2030", "UTC", "six fields"),
        ("30 4 * *", "UTC", "has 4 fields"),
        ("", "UTC", "has 0 fields"),
        ("0 0 30 2 *", "UTC", "a day that no such month has"),
        ("0 0 31 4,6,9,11 *", "UTC", "a day that no such month has"),
        ("0 0 */31 * 1#5", "UTC", "never comes"),
        ("60 4 * * *", "UTC", "not understood"),
        ("0 4 * * MON#2/2", "UTC", "not understood"),
        ("0 4 * * 1,MON#2/2", "UTC", "not understood"),
        ("0 4 * * \N{SUPERSCRIPT TWO}L", "UTC", "not understood"),
        (f"{'9' * 90} 4 * * *", "UTC", "not understood"),
        (f"{'1,' * 50}1 4 * * *", "UTC", "too long"),
        ("H 4 * * *", "UTC", "not understood"),
        ("@reboot", "UTC", "no schedule"),
        ("@every 5m", "UTC", "no schedule"),
        ("30 4 * * *", "Europe/Berlim", "no time zone 'Europe/Berlim'"),
        ("30 4 * * *", "Europe", "no time zone 'Europe'"),
        ("30 4 * * *", "../../etc/passwd", "no time zone"),
        ("30 4 * * *", "", "no time zone ''"),
        ("30 4 * * *", "a\0b", "no time zone"),
    ],
)
def test_what_is_no_schedule_is_refused_with_a_reason(line: str, zone: str, why: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        parse_schedule(line, zone)
    assert why in refused.value.why
    assert refused.value.todo.endswith(".")
    assert "%" not in refused.value.why


@pytest.mark.parametrize("word", sorted(schedule.NAMED))
def test_a_word_is_stored_as_the_line_that_it_means(word: str) -> None:
    found = parse_schedule(f"  {word.upper()} ", "UTC")
    assert found.cron == schedule.NAMED[word]
    assert found.next_after(at("2026-11-30 00:00")) is not None


def test_a_line_is_stored_with_single_spaces() -> None:
    assert parse_schedule(" 30\t4  * * 1-5\n", BERLIN) == Schedule("30 4 * * 1-5", BERLIN)


def test_29_february_comes_after_years() -> None:
    leap = parse_schedule("0 4 29 2 *", "UTC")
    assert leap.next_after(at("2026-11-30 00:00")) == at("2028-02-29 04:00")
    assert leap.previous_before(at("2026-11-30 00:00")) == at("2024-02-29 04:00")


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a time zone"):
        parse_schedule("@daily", "UTC").next_after(datetime(2026, 11, 30))  # noqa: DTZ001


def test_fault_43_the_ends_of_the_calendar_are_no_error() -> None:
    plan = parse_schedule("@daily", "Asia/Tokyo")
    assert plan.next_after(at("9999-12-31 20:00")) is None
    assert plan.previous_before(at("0001-01-01 00:00")) is None


@pytest.mark.parametrize(
    "build",
    [
        lambda: schedule.every_month(29, time(4)),
        lambda: schedule.every_month(-1, time(4)),
        lambda: schedule.every_hours(5, 0),
        lambda: schedule.every_hours(0, 0),
    ],
)
def test_a_rhythm_that_is_not_even_is_refused(build: object) -> None:
    assert callable(build)
    with pytest.raises(ValueError, match=r"even|month"):
        build()


@given(st.integers(0, 2**32))
def test_each_site_has_its_own_minute_in_the_small_hours(seed: int) -> None:
    assert time(4) <= schedule.in_the_small_hours(seed) < time(5)
