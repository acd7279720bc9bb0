"""What was loaded is what was dumped: each table, no row more and none less, the same content."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trustbackup.databases.values import Facts, TableRows
from trustbackup.operations.restore.comparison import RowDifference, compare, differences
from trustbackup.store.manifest import Part, Table

PART = Part(
    part="default",
    file="backup_2026-11-20_02-15-33.dump.gz",
    bytes=1,
    raw_bytes=1,
    sha256="0" * 64,
    compression="gzip",
    format="custom",
    engine="postgresql",
    connector="",
    server_version="",
    tool_version="",
    database="shop",
    encoding="UTF8",
    tables=(
        Table(schema="public", name="shop_order", rows=1000, fingerprint="f1"),
        Table(schema="old", name="shop_order", rows=2),
        Table(schema="", name="django_migrations", rows=3),
    ),
)


def facts(**rows: int) -> Facts:
    """As the manifest says, but for these tables."""
    tables = tuple(
        TableRows(
            schema=table.schema,
            name=table.name,
            rows=rows.get(f"{table.schema}_{table.name}", table.rows),
            fingerprint=table.fingerprint,
        )
        for table in PART.tables
    )
    return Facts(database="shop", encoding="UTF8", server_version="", tables=tables, migrations=())


def test_the_same_is_no_problem() -> None:
    assert compare(facts(), PART) == []


@pytest.mark.parametrize(("rows", "said"), [(999, "999"), (1001, "1,001"), (0, "0")])
def test_rows_too_few_and_too_many_are_a_problem(rows: int, said: str) -> None:
    assert compare(facts(public_shop_order=rows), PART) == [
        f"table public.shop_order has {said} rows and the manifest says 1,000"
    ]


def test_each_missing_table_is_a_problem_and_one_of_another_schema_is_none_of_it() -> None:
    some = replace(facts(), tables=facts().tables[1:])
    assert compare(some, PART) == ["table public.shop_order is missing"]
    assert compare(replace(some, tables=()), PART) == [
        "table public.shop_order is missing",
        "table old.shop_order is missing",
        "table django_migrations is missing",
    ]


def test_other_content_in_as_many_rows_is_a_problem() -> None:
    first, *others = facts().tables
    changed = (replace(first, fingerprint="f2"), *others)
    assert compare(replace(facts(), tables=changed), PART) == [
        "table public.shop_order has the right number of rows with other content"
    ]


def test_a_fingerprint_that_one_side_did_not_take_tells_nothing() -> None:
    first, second, *others = facts().tables
    untaken = (replace(first, fingerprint=""), replace(second, fingerprint="f9"), *others)
    assert compare(replace(facts(), tables=untaken), PART) == []
    assert compare(replace(facts(), fingerprint="x"), PART) == []
    assert compare(facts(), replace(PART, fingerprint="x")) == []


def test_the_fingerprint_of_all_content_counts_where_both_took_it() -> None:
    part = replace(PART, fingerprint="x")
    assert compare(replace(facts(), fingerprint="x"), part) == []
    assert compare(replace(facts(), fingerprint="y"), part) == [
        "the content is not that of the backup"
    ]


def test_what_is_left_out_is_not_compared_nor_are_the_migrations_then() -> None:
    wrong = facts(public_shop_order=1, old_shop_order=1, _django_migrations=1)
    assert len(compare(wrong, PART)) == 3
    assert len(compare(wrong, PART, set())) == 3
    assert compare(wrong, PART, {"shop_order"}) == []
    assert compare(wrong, PART, {"another"}) == [
        "table public.shop_order has 1 rows and the manifest says 1,000",
        "table old.shop_order has 1 rows and the manifest says 2",
    ]


def test_differences_are_by_table_on_either_side_in_order() -> None:
    here, *_gone = facts(public_shop_order=5).tables
    live = replace(facts(), tables=(here, TableRows(schema="public", name="new", rows=7)))
    assert differences(live, PART) == (
        RowDifference(table="django_migrations", now=None, then=3),
        RowDifference(table="old.shop_order", now=None, then=2),
        RowDifference(table="new", now=7, then=None),
        RowDifference(table="shop_order", now=5, then=1000),
    )
    assert differences(None, None) == ()
    assert [row.now for row in differences(live, None)] == [7, 5]
    assert [row.then for row in differences(None, PART)] == [3, 2, 1000]


def test_a_table_that_is_left_out_hides_no_other() -> None:
    few = facts(public_shop_order=1, old_shop_order=1, _django_migrations=1)
    wrong = "table public.shop_order has 1 rows and the manifest says 1,000"
    older = "table old.shop_order has 1 rows and the manifest says 2"
    migrations = "table django_migrations has 1 rows and the manifest says 3"
    assert compare(few, PART, leave_out=set()) == [wrong, older, migrations]
    ours_first = replace(PART, tables=PART.tables[::-1])
    assert compare(few, ours_first, leave_out={"trustbackup_run"}) == [older, wrong]
    left_out = replace(few, left_out=frozenset({("public", "shop_order")}))
    assert compare(left_out, PART) == [older, migrations]
