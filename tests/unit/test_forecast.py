"""When a disk will be full."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustbackup.policy.forecast import FEWEST, FURTHEST, full_in

NOW = datetime(2026, 11, 20, 4, tzinfo=UTC)
DAY = timedelta(days=1)


def days(*free: int) -> list[tuple[datetime, int]]:
    """What was free in gigabytes on the last days, today included."""
    begin = NOW - DAY * (len(free) - 1)
    return [(begin + DAY * number, size * 10**9) for number, size in enumerate(free)]


def test_what_shrinks_by_a_gigabyte_a_day_is_full_when_it_is_used_up() -> None:
    assert full_in(days(16, 15, 14, 13, 12), NOW) == 12 * DAY
    assert full_in(days(16, 15, 14, 13, 12), NOW + 2 * DAY) == 10 * DAY
    assert full_in(days(16, 15, 14, 13, 12), NOW + 20 * DAY) == timedelta(0)


@pytest.mark.parametrize(
    "free",
    [(), (9, 8, 7), (10, 10, 10, 10, 10), (10, 11, 12, 13), (99_000, 98_999, 98_998, 98_997)],
)
def test_without_a_trend_there_is_no_forecast(free: tuple[int, ...]) -> None:
    assert full_in(days(*free), NOW) is None


def test_one_clean_up_or_one_large_file_makes_no_trend() -> None:
    assert full_in(days(20, 19, 18, 17, 26, 25, 24, 23, 22, 21), NOW) is None
    steady = full_in(days(30, 29, 28, 27, 26, 8, 24, 23, 22), NOW)
    assert steady == 22 * DAY


def test_many_figures_of_one_hour_tell_nothing() -> None:
    hour = [(NOW - timedelta(minutes=60 - n), 10**9 - n * 10**6) for n in range(60)]
    assert full_in(hour, NOW) is None


@given(
    st.lists(
        st.tuples(
            st.integers(0, 365 * 86400).map(lambda second: NOW - timedelta(seconds=second)),
            st.integers(0, 2**50),
        ),
        max_size=30,
    )
)
def test_a_forecast_is_between_now_and_a_year(free: list[tuple[datetime, int]]) -> None:
    found = full_in(sorted(free), NOW)
    assert found is None or timedelta(0) <= found <= FURTHEST
    if len(free) < FEWEST:
        assert found is None
