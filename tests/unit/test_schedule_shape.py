"""What a person would call a cron line, and the way back."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustbackup.policy.schedule import HOURS, parse_schedule
from trustbackup.policy.schedule_shape import LATEST_DAY, Repeat, Shape, shape_of

TIMES = st.times().map(lambda at: at.replace(second=0, microsecond=0))
SHAPES = st.one_of(
    st.builds(Shape, repeat=st.just(Repeat.DAILY), at=TIMES),
    st.builds(Shape, repeat=st.just(Repeat.WEEKLY), at=TIMES, weekday=st.integers(0, 6)),
    st.builds(Shape, repeat=st.just(Repeat.MONTHLY), at=TIMES, day=st.integers(0, LATEST_DAY)),
    st.builds(
        Shape,
        repeat=st.just(Repeat.HOURLY),
        hours=st.sampled_from(HOURS),
        minute=st.integers(0, 59),
    ),
)


@given(shape=SHAPES)
def test_a_shape_is_the_one_of_its_line(shape: Shape) -> None:
    line = shape.line()
    assert parse_schedule(line, "UTC").cron == line
    found = shape_of(line)
    assert found == Shape(**{**vars(shape), "cron": line})


@pytest.mark.parametrize(
    "line",
    [
        "30 4 * * 1-5",
        "30 4 29 * *",
        "30 4 1 * 1",
        "30 4 1 6 *",
        "30 4 LW * *",
        "*/15 * * * *",
        "0 */5 * * *",
        "0 0 * * 5L",
    ],
)
def test_any_other_line_is_itself(line: str) -> None:
    assert shape_of(line) == Shape(repeat=Repeat.CRON, cron=line)
    assert shape_of(line).line() == line


def test_sunday_has_two_numbers() -> None:
    for number in (0, 7):
        assert shape_of(f"30 4 * * {number}").weekday == 6
    sunday = parse_schedule(Shape(repeat=Repeat.WEEKLY, weekday=6, at=time(4)).line(), "UTC")
    due = sunday.next_after(datetime(2026, 11, 20, tzinfo=UTC))
    assert due == datetime(2026, 11, 22, 4, tzinfo=UTC)


def test_without_a_line_it_never_runs_by_itself() -> None:
    assert shape_of("") == Shape(repeat=Repeat.NEVER)
    assert Shape(repeat=Repeat.NEVER, cron="0 4 * * *").line() == ""
