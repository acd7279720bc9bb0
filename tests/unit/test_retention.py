from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustbackup.policy.protection import BackupFacts
from trustbackup.policy.retention import expired

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def backup(
    hours_ago: float, *, good: bool = True, protected: bool = False, sort: str = "a"
) -> BackupFacts:
    return BackupFacts(
        id=f"{sort}-{hours_ago:g}",
        sort=sort,
        created=NOW - timedelta(hours=hours_ago),
        whole=True,
        checked=good or None,
        protected=protected,
    )


def test_the_newest_stay_and_the_oldest_go_first() -> None:
    found = expired([backup(3), backup(1), backup(4), backup(2)], keep=2, now=NOW)
    assert found == ["a-4", "a-3"]


def test_fault_45_the_last_verified_one_stays_when_the_newest_is_bad() -> None:
    found = expired(
        [backup(1, good=False), backup(2, good=False), backup(3), backup(4)], keep=1, now=NOW
    )
    assert found == ["a-4", "a-2"]


def test_the_last_proven_one_stays_beside_the_last_good_one() -> None:
    proven = replace(backup(3), drilled=True)
    found = expired([backup(1, good=False), backup(2), proven, backup(4)], keep=1, now=NOW)
    assert found == ["a-4"]


def test_nothing_goes_while_none_is_known_to_be_good() -> None:
    assert expired([backup(n, good=False) for n in range(1, 9)], keep=1, now=NOW) == []


def test_a_kept_one_stays() -> None:
    assert expired([backup(1), backup(2, protected=True), backup(3)], keep=1, now=NOW) == ["a-3"]


def test_fault_43_a_backup_from_the_future_neither_goes_nor_counts() -> None:
    found = expired([backup(-48), backup(1), backup(2)], keep=1, now=NOW)
    assert found == ["a-2"]


def test_fault_46_sorts_do_not_push_each_other_out() -> None:
    assert expired([backup(1, sort="default"), backup(2, sort="default2")], keep=1, now=NOW) == []


@pytest.mark.parametrize("keep", [0, -1])
def test_fault_47_keeping_none_is_refused(keep: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        expired([backup(1)], keep=keep, now=NOW)


@given(
    st.lists(
        st.builds(
            backup,
            st.integers(-5, 500),
            good=st.booleans(),
            protected=st.booleans(),
            sort=st.sampled_from("ab"),
        ),
        unique_by=lambda item: item.id,
    ),
    st.integers(1, 5),
)
def test_something_good_always_stays(found: list[BackupFacts], keep: int) -> None:
    going = set(expired(found, keep=keep, now=NOW))
    for sort in "ab":
        past = [item for item in found if item.sort == sort and item.created <= NOW]
        staying = [item for item in past if item.id not in going]
        assert len(staying) >= min(keep, len(past))
        if good := [item for item in past if item.good]:
            assert max(good, key=lambda item: item.created).id not in going
    assert not any(item.protected for item in found if item.id in going)


def test_a_backup_of_this_very_moment_counts() -> None:
    assert expired([backup(0), backup(1)], keep=1, now=NOW) == [backup(1).id]


def test_what_goes_of_one_sort_goes_besides_what_goes_of_another() -> None:
    found = [backup(hours, sort=sort) for sort in ("a", "b") for hours in (1, 2, 3)]
    assert len(expired(found, keep=1, now=NOW)) == 4


def test_the_refusal_names_the_smallest_number() -> None:
    with pytest.raises(ValueError, match=r"^keep must be at least 1$"):
        expired([], keep=0, now=NOW)
