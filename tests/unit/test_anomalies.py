"""What looks odd beside the backup before."""

from __future__ import annotations

import pytest

from trustbackup.policy.anomalies import Change, compare_rows
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
