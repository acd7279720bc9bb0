"""Which backup of a sort is the last resort: proven before good before complete."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from trustbackup.policy.protection import BackupFacts, LastResort, last_good, last_resorts

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def backup(
    hours_ago: float,
    *,
    sort: str = "a",
    whole: bool = True,
    ours: bool = True,
    checked: bool | None = None,
    drilled: bool | None = None,
) -> BackupFacts:
    return BackupFacts(
        id=f"{sort}-{hours_ago:g}",
        sort=sort,
        created=NOW - timedelta(hours=hours_ago),
        whole=whole,
        ours=ours,
        checked=checked,
        drilled=drilled,
    )


@pytest.mark.parametrize(
    ("checked", "drilled", "good", "proven"),
    [
        (None, None, False, False),
        (True, None, True, False),
        (False, None, False, False),
        (None, True, True, True),
        (True, True, True, True),
        (False, True, False, False),
        (True, False, False, False),
    ],
)
def test_good_is_what_passed_every_look_and_proven_what_was_restored(
    checked: bool | None, drilled: bool | None, good: bool, proven: bool
) -> None:
    found = backup(1, checked=checked, drilled=drilled)
    assert (found.good, found.proven) == (good, proven)
    broken = backup(1, whole=False, checked=checked, drilled=drilled)
    assert (broken.good, broken.proven) == (False, False)


def test_the_last_proven_one_comes_before_newer_ones_that_are_less() -> None:
    found = [backup(1), backup(2, checked=True), backup(3, drilled=True), backup(4, drilled=True)]
    assert last_resorts(found, now=NOW) == {"a-3": LastResort.PROVEN}
    assert last_resorts(found[:2], now=NOW) == {"a-2": LastResort.GOOD}
    assert last_resorts(found[:1], now=NOW) == {"a-1": LastResort.OURS}
    assert last_good(found) == {"a-2", "a-3"}
    assert last_good(found[:1]) == set()


def test_one_that_failed_is_no_last_resort_while_another_is_complete() -> None:
    found = [backup(1, whole=False), backup(2, drilled=True, checked=False), backup(3)]
    assert last_resorts(found, now=NOW) == {"a-2": LastResort.OURS}
    assert last_resorts(found[:1], now=NOW) == {}


def test_case_s1_a_strangers_newer_backup_does_not_take_the_place_of_ours() -> None:
    theirs, mine = backup(1, ours=False), backup(2)
    assert last_resorts([theirs, mine], now=NOW) == {"a-2": LastResort.OURS}
    assert last_resorts([theirs], now=NOW) == {"a-1": LastResort.WHOLE}


def test_each_sort_has_its_own_last_resort() -> None:
    found = [backup(1, sort="a"), backup(2, sort="b"), backup(3, sort="b", checked=True)]
    assert last_resorts(found, now=NOW) == {"a-1": LastResort.OURS, "b-3": LastResort.GOOD}
    assert last_good(found) == {"b-3"}


def test_fault_43_one_from_the_future_is_the_last_resort_only_when_alone() -> None:
    future = backup(-48, drilled=True)
    assert last_resorts([future, backup(1)], now=NOW) == {"a-1": LastResort.OURS}
    assert last_resorts([future], now=NOW) == {"a--48": LastResort.PROVEN}


def test_a_backup_of_this_very_moment_is_none_of_the_future() -> None:
    found = [backup(0, drilled=True), backup(1, drilled=True), backup(-1, drilled=True)]
    assert last_resorts(found, now=NOW) == {"a-0": LastResort.PROVEN}
