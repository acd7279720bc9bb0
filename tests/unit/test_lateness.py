"""When a plan is late, and when that is said again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustbackup.policy.lateness import (
    MOST_COUNTED,
    Lateness,
    PlanFacts,
    deadline,
    is_old,
    is_told_again,
    lateness_of,
)

FIRST = datetime(2026, 11, 20, 4, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
MOMENTS = st.integers(-400 * 86400, 400 * 86400).map(lambda second: FIRST + second * SECOND)


@dataclass(frozen=True)
class Every:
    """Due at ``FIRST`` and again and again after each ``step``, before it, too."""

    step: timedelta

    def next_after(self, moment: datetime) -> datetime | None:
        return FIRST + ((moment - FIRST) // self.step + 1) * self.step


class Never:
    def next_after(self, moment: datetime) -> datetime | None:
        return None


def plan(
    succeeded: datetime | None = None,
    *,
    step: timedelta = DAY,
    since: datetime = FIRST - HOUR,
    grace: timedelta = 2 * HOUR,
) -> PlanFacts:
    return PlanFacts(calendar=Every(step), grace=grace, since=since, succeeded=succeeded)


def test_a_plan_is_late_after_its_due_time_and_its_grace() -> None:
    nightly = plan(FIRST + timedelta(seconds=3))
    assert deadline(nightly, FIRST + HOUR) == FIRST + DAY + 2 * HOUR
    assert lateness_of(nightly, FIRST + DAY + 2 * HOUR) is None
    late = lateness_of(nightly, FIRST + DAY + 2 * HOUR + timedelta(seconds=1))
    assert late == Lateness(first=FIRST + DAY, last=FIRST + DAY, missed=1)


def test_a_plan_that_never_ran_is_late_from_its_first_due_time_after_it_was_made() -> None:
    assert lateness_of(plan(), FIRST + HOUR) is None
    late = lateness_of(plan(), FIRST + 3 * HOUR)
    assert late is not None
    assert late.first == FIRST
    made_after = plan(since=FIRST + HOUR)
    assert lateness_of(made_after, FIRST + 3 * HOUR) is None


def test_fault_44_three_periods_that_were_missed_are_counted() -> None:
    late = lateness_of(plan(FIRST), FIRST + 3 * DAY + 3 * HOUR)
    assert late == Lateness(first=FIRST + DAY, last=FIRST + 3 * DAY, missed=3)


def test_a_plan_for_each_minute_is_counted_to_an_end() -> None:
    late = lateness_of(plan(FIRST, step=timedelta(minutes=1)), FIRST + 300 * DAY)
    assert late is not None
    assert late.missed == MOST_COUNTED


def test_a_plan_that_is_never_due_is_never_late() -> None:
    facts = PlanFacts(calendar=Never(), grace=HOUR, since=FIRST)
    assert deadline(facts, FIRST + 400 * DAY) is None
    assert lateness_of(facts, FIRST + 400 * DAY) is None


def test_fault_43_a_success_dated_in_the_future_hides_no_lateness() -> None:
    ahead = plan(FIRST + 365 * DAY)
    late = lateness_of(ahead, FIRST + DAY)
    assert late is not None
    assert late.first == FIRST
    made_ahead = plan(FIRST, since=FIRST + 365 * DAY)
    assert lateness_of(made_ahead, FIRST + 3 * HOUR) is None
    assert lateness_of(made_ahead, FIRST + DAY + 3 * HOUR) is not None
    assert lateness_of(plan(since=FIRST + 365 * DAY), FIRST + 3 * HOUR) is not None


@given(MOMENTS, MOMENTS, MOMENTS, st.sampled_from([HOUR, DAY, 7 * DAY]), st.integers(0, 50))
def test_late_is_what_has_passed_its_deadline(
    since: datetime, succeeded: datetime, now: datetime, step: timedelta, grace: int
) -> None:
    facts = plan(succeeded, step=step, since=since, grace=grace * HOUR)
    limit = deadline(facts, now)
    assert limit is not None
    late = lateness_of(facts, now)
    assert (late is not None) == (now > limit)
    if late is not None:
        assert late.first == limit - facts.grace
        assert all(late.first > moment for moment in (since, succeeded) if moment <= now)
        assert late.first <= late.last < now - facts.grace
        if late.missed < MOST_COUNTED:
            assert (late.last - late.first) // step == late.missed - 1
            assert late.last + step + facts.grace >= now


@pytest.mark.parametrize(
    ("told_of", "last", "told_at", "again"),
    [
        (FIRST, FIRST, FIRST + 3 * HOUR, False),
        (FIRST, FIRST + HOUR, FIRST + 3 * HOUR, False),
        (FIRST, FIRST + 22 * HOUR, FIRST + 3 * HOUR, False),
        (FIRST, FIRST + 23 * HOUR, FIRST + 3 * HOUR, True),  # clocks went forward
        (FIRST, FIRST + DAY, FIRST + 3 * HOUR, True),
        (FIRST, FIRST, FIRST + 3 * HOUR - 7 * DAY, True),
        # Told by a clock that was ahead: an hour, as another host's may be, or a year.
        (FIRST + HOUR, FIRST, FIRST + 4 * HOUR, False),
        (FIRST + 365 * DAY, FIRST, FIRST + 365 * DAY, True),
    ],
)
def test_it_is_said_again_each_period_at_most_each_day_at_least_each_week(
    told_of: datetime, last: datetime, told_at: datetime, again: bool
) -> None:
    now = FIRST + DAY + 3 * HOUR if last > FIRST else FIRST + 3 * HOUR
    assert is_told_again(told_at=told_at, told_of=told_of, last=last, now=now) is again


def test_what_should_happen_again_is_old_when_it_did_not() -> None:
    week = 7 * DAY
    facts = {"since": FIRST, "longest": week}
    assert not is_old(newest=None, now=FIRST + week, **facts)  # type: ignore[arg-type]
    assert is_old(newest=None, now=FIRST + week + HOUR, **facts)  # type: ignore[arg-type]
    assert not is_old(newest=FIRST + 2 * DAY, now=FIRST + 9 * DAY, **facts)  # type: ignore[arg-type]
    assert is_old(newest=FIRST + 99 * DAY, now=FIRST + 9 * DAY, **facts)  # type: ignore[arg-type]
