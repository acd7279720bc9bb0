from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustbackup.policy.retention import Candidate, victims

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def backup(
    hours_ago: float, *, good: bool = True, kept: bool = False, sort: str = "a"
) -> Candidate:
    return Candidate(
        id=f"{sort}-{hours_ago:g}",
        sort=sort,
        created=NOW - timedelta(hours=hours_ago),
        good=good,
        kept=kept,
    )


def test_the_newest_stay_and_the_oldest_go_first() -> None:
    found = victims([backup(3), backup(1), backup(4), backup(2)], keep=2, now=NOW)
    assert found == ["a-4", "a-3"]


def test_fault_45_the_last_verified_one_stays_when_the_newest_is_bad() -> None:
    found = victims(
        [backup(1, good=False), backup(2, good=False), backup(3), backup(4)], keep=1, now=NOW
    )
    assert found == ["a-4", "a-2"]


def test_nothing_goes_while_none_is_known_to_be_good() -> None:
    assert victims([backup(n, good=False) for n in range(1, 9)], keep=1, now=NOW) == []


def test_a_kept_one_stays() -> None:
    assert victims([backup(1), backup(2, kept=True), backup(3)], keep=1, now=NOW) == ["a-3"]


def test_fault_43_a_backup_from_the_future_neither_goes_nor_counts() -> None:
    found = victims([backup(-48), backup(1), backup(2)], keep=1, now=NOW)
    assert found == ["a-2"]


def test_fault_46_sorts_do_not_push_each_other_out() -> None:
    assert victims([backup(1, sort="default"), backup(2, sort="default2")], keep=1, now=NOW) == []


@pytest.mark.parametrize("keep", [0, -1])
def test_fault_47_keeping_none_is_refused(keep: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        victims([backup(1)], keep=keep, now=NOW)


@given(
    st.lists(
        st.builds(
            backup,
            st.integers(-5, 500),
            good=st.booleans(),
            kept=st.booleans(),
            sort=st.sampled_from("ab"),
        ),
        unique_by=lambda item: item.id,
    ),
    st.integers(1, 5),
)
def test_something_good_always_stays(found: list[Candidate], keep: int) -> None:
    going = set(victims(found, keep=keep, now=NOW))
    for sort in "ab":
        past = [item for item in found if item.sort == sort and item.created <= NOW]
        staying = [item for item in past if item.id not in going]
        assert len(staying) >= min(keep, len(past))
        if good := [item for item in past if item.good]:
            assert max(good, key=lambda item: item.created).id not in going
    assert not any(item.kept for item in found if item.id in going)
