"""Which copies are read again today."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustbackup.policy.scrub import ScrubCandidate, due_for_scrub

NOW = datetime(2026, 11, 20, 4, tzinfo=UTC)
DAY = timedelta(days=1)


def copy(days: float, size: int = 10, name: str = "") -> ScrubCandidate:
    return ScrubCandidate(id=name or f"{days}", place="nas", bytes=size, checked=NOW - days * DAY)


def chosen(
    copies: list[ScrubCandidate], budget: int = 100, read: list[tuple[datetime, int]] | None = None
) -> list[str]:
    found = due_for_scrub(copies, read or [], every=30 * DAY, budget=budget, now=NOW)
    return [each.id for each in found]


def test_the_oldest_check_comes_first_and_what_was_read_lately_not_at_all() -> None:
    assert chosen([copy(31), copy(90), copy(29), copy(30)]) == ["90", "31", "30"]


def test_fault_43_a_check_in_the_future_tells_nothing() -> None:
    assert chosen([copy(-365), copy(-0.5), copy(31)]) == ["31", "-365"]


def test_a_day_has_its_budget_and_what_was_read_today_is_taken_from_it() -> None:
    old = [copy(90 - n) for n in range(20)]
    assert len(chosen(old, 100)) == 10
    assert len(chosen(old, 100, [(NOW - DAY / 2, 65)])) == 3
    assert len(chosen(old, 100, [(NOW - DAY, 65)])) == 10
    assert len(chosen(old, 100, [(NOW + DAY, 65)])) == 10


def test_what_is_larger_than_a_day_is_read_when_enough_was_saved_for_it() -> None:
    large = [copy(90, 250, "large"), copy(80, 10, "small")]
    assert chosen(large, 100, [(NOW - 1.2 * DAY, 10)]) == []
    assert chosen(large, 100, [(NOW - 2.6 * DAY, 10)]) == ["large"]
    assert chosen([copy(80, 10, "small")], 100, [(NOW - DAY, 250)]) == ["small"]


def test_nothing_is_no_budget() -> None:
    with pytest.raises(ValueError, match="budget"):
        chosen([], 0)


@given(
    st.lists(st.tuples(st.floats(0, 200), st.integers(0, 500)), max_size=30),
    st.integers(1, 300),
)
def test_every_copy_is_read_in_the_end(sizes: list[tuple[float, int]], budget: int) -> None:
    """Day after day, until all were: no copy is passed over for ever, no day is overdrawn."""
    left = {
        str(number): ScrubCandidate(
            id=str(number), place="", bytes=size, checked=NOW - (30 + days) * DAY
        )
        for number, (days, size) in enumerate(sizes)
    }
    read: list[tuple[datetime, int]] = []
    total, day = sum(size for _days, size in sizes), 0
    while left:
        assert day <= 2 * (total // budget + len(sizes)) + 1
        now = NOW + day * DAY
        for each in due_for_scrub(left.values(), read, every=30 * DAY, budget=budget, now=now):
            read += [(now, left.pop(each.id).bytes)]
        assert sum(size for _moment, size in read) <= budget * (day + 1) + max(
            size for _days, size in sizes
        )
        day += 1
