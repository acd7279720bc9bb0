"""What looks odd beside the backup before."""

from __future__ import annotations

import pytest

from trustbackup.policy.anomalies import Change, Measures, compare_rows, odd_measures
from trustbackup.views.formats import changed


@pytest.mark.parametrize(
    ("before", "now", "odd"),
    [
        (100, 60, True),
        (100, 80, False),
        (100, 79, True),
        (100, None, True),
        (12, 3, False),
        (3, 0, False),
        (0, 0, False),
        (None, 5, False),
        (10, 1_000, False),
    ],
)
def test_a_table_that_lost_many_rows_is_marked(
    before: int | None, now: int | None, odd: bool
) -> None:
    assert Change(table="auth_user", before=before, now=now).is_odd is odd


def test_tables_of_both_are_compared_by_name() -> None:
    found = compare_rows({"a": 10, "b": 5, "c": 7}, {"b": 5, "c": 14, "d": 1})
    assert [(each.table, changed(each)) for each in found] == [
        ("a", "gone"),
        ("b", "="),
        ("c", "+7 (+100 %)"),
        ("d", "new"),
    ]
    (less,) = compare_rows({"auth_user": 50}, {"auth_user": 30})
    assert changed(less) == "\N{MINUS SIGN}20 (\N{MINUS SIGN}40 %)"


MIB = 1 << 20


@pytest.mark.parametrize(
    ("size", "kind"),
    [
        (40, ""),
        (21, ""),
        (20, "smaller"),
        (79, ""),
        (80, "larger"),
    ],
)
def test_half_or_twice_the_usual_size_is_odd(size: int, kind: str) -> None:
    # The last one is no more usual than those before it.
    sizes = [90, 40, 39, 41, 40, 40, 3, 900, 900, 900, 900, 900, 900, 900]
    before = [Measures(raw_bytes=each * MIB, seconds=9) for each in sizes]
    found = odd_measures(Measures(raw_bytes=size * MIB, seconds=9), before)
    assert [each.kind for each in found] == ([kind] if kind else [])
    assert all(each.before == 40 * MIB for each in found)


def test_what_is_small_may_double() -> None:
    before = [Measures(raw_bytes=MIB, seconds=0)] * 7
    for size, is_odd in ((2 * MIB - 1, False), (2 * MIB, True), (1, False)):
        assert bool(odd_measures(Measures(raw_bytes=size, seconds=0), before)) is is_odd


@pytest.mark.parametrize(
    ("known", "usual", "seconds", "is_odd"),
    [
        (3, 60, 180, True),
        (2, 60, 180, False),
        (3, 60, 179, False),
        (3, 10, 69, False),
        (3, 10, 70, True),
        (7, 100, 299, False),
        (7, 100, 300, True),
    ],
)
def test_a_backup_that_took_much_longer_is_odd_where_enough_is_known(
    known: int, usual: int, seconds: int, is_odd: bool
) -> None:
    before = [Measures(raw_bytes=0, seconds=usual)] * known
    found = odd_measures(Measures(raw_bytes=0, seconds=seconds), before)
    assert [each.kind for each in found] == (["slower"] if is_odd else [])
