"""An inventory is short, comes back as it was, and what is lost of it is named."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.support.manifests import FILE, ID, MANIFEST, PART, SIGNER, document
from trustbackup.databases.values import Excused, Facts, TableRows
from trustbackup.exceptions import ManifestError
from trustbackup.operations.restore.inventory import lost_objects
from trustbackup.store.inventory import (
    Inventory,
    by_kind,
    count,
    names_in,
)
from trustbackup.store.manifest import Part, dump, load, read_signed
from trustbackup.store.signature import Signature


def inventory_document(**changes: Any) -> dict[str, Any]:
    part = json.loads(FILE)["parts"][0]
    return document(parts=[{**part, "inventory": {**part["inventory"], **changes}}])


def test_a_manifest_of_the_first_schema_is_read_and_says_nothing_of_objects() -> None:
    part = replace(PART, inventory=None, definition="", excluded=())
    old = replace(MANIFEST, schema=1, plan=None, parts=(part,))
    data = dump(old, SIGNER)
    assert b"inventory" not in data
    found, signature = read_signed(data, SIGNER)
    assert signature is Signature.OURS
    assert replace(load(found, expected_id=ID), signature={}) == old


@pytest.mark.parametrize(
    "changes",
    [
        {"objects": []},
        {"objects": {"index": 7}},
        {"owners": None},
        {"grants": {"x": ["y"]}},
        {"large_objects": -1},
        {"large_object_bytes": -1},
        {"large_object_bytes": "7"},
        {"more": 1},
    ],
)
def test_an_inventory_that_is_none_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ManifestError):
        load(inventory_document(**changes), expected_id=ID)


def test_a_first_manifest_has_no_inventory_and_a_second_one_must_have_the_member() -> None:
    with pytest.raises(ManifestError, match="unknown member 'inventory'"):
        load(document(schema=1), expected_id=ID)
    part = json.loads(FILE)["parts"][0]
    del part["inventory"]
    with pytest.raises(ManifestError, match="no 'inventory'"):
        load(document(parts=[part]), expected_id=ID)


def test_what_is_too_long_is_only_counted_the_longest_first() -> None:
    many = by_kind(("index", f"index_{number}") for number in range(1000))
    inventory = Inventory(objects={**many, "view": "v\nw"}, owners={"web": "table: a"})
    assert inventory.bounded(20_000).objects == inventory.objects
    short = inventory.bounded(100)
    assert count(short.objects["index"]) == 1000
    assert names_in(short.objects["index"]) == []
    assert names_in(short.objects["view"]) == ["v", "w"]
    assert short.owners == {"web": "*"}


def test_a_line_break_in_a_name_makes_no_other_name_of_it() -> None:
    assert by_kind([("index", "a\nb"), ("index", "a")]) == {"index": "a\na b"}


# ------------------------------------------------------------------- comparing

THEN = Inventory(
    objects={"index": "a\nb\nc", "view": "v", "filled materialized view": "m"},
    owners={"web": "table: b\nview: v", "small": "sequence: s"},
    grants={"reader=r": "view: v"},
    large_objects=2,
    large_object_bytes=100,
)
ORIGINAL = replace(THEN, objects={**THEN.objects, "sequence": "s", "materialized view": "m"})


def compared(excused: Excused | None = None, **changes: Any) -> list[str]:
    """What is said of a database that has these instead of what the backup had."""
    part: Part = replace(PART, inventory=ORIGINAL.bounded())
    facts = Facts(
        database="shop",
        encoding="UTF8",
        server_version="",
        tables=tuple(TableRows(schema=t.schema, name=t.name, rows=t.rows) for t in part.tables),
        migrations=(),
        inventory=replace(ORIGINAL, **changes),
        excused=excused or Excused(),
    )
    return [str(problem) for problem in lost_objects(facts, part)]


def with_objects(**objects: str) -> dict[str, str]:
    return {**ORIGINAL.objects, **objects}


def test_the_same_and_more_of_it_is_no_loss() -> None:
    assert compared() == []
    assert compared(objects=with_objects(index="a\nb\nc\nd", rule="r"), large_objects=3) == []


def test_what_is_lost_is_named() -> None:
    assert compared(objects=with_objects(index="b")) == ["index a, index c is missing"]
    empty = {key: text for key, text in ORIGINAL.objects.items() if not key.startswith("filled")}
    assert compared(objects=empty) == ["materialized view m came back empty"]
    assert compared(large_objects=1) == ["1 of 2 large objects are there"]
    assert compared(large_object_bytes=99) == [
        "the large objects have 99 bytes and the manifest says 100"
    ]
    assert compared(large_object_bytes=None) == []


def test_many_that_are_lost_are_counted_after_the_first() -> None:
    part = replace(PART, inventory=Inventory(objects=by_kind(("view", f"v{n}") for n in range(9))))
    facts = Facts(
        database="",
        encoding="",
        server_version="",
        tables=(),
        migrations=(),
        inventory=Inventory(),
    )
    (said,) = lost_objects(facts, part)
    assert said == "view v0, view v1, view v2, view v3, view v4 and 4 more is missing"


def test_another_owner_is_a_problem_unless_the_load_has_told_so() -> None:
    owners = {"web": "table: b\nsequence: s", "postgres": "view: v"}
    assert compared(owners=owners) == [
        "view: v belongs to role 'postgres' and belonged to 'web'",
        "sequence: s belongs to role 'web' and belonged to 'small'",
    ]
    told = Excused(owners=frozenset({"web", "small"}))
    assert compared(told, owners=owners) == []
    assert compared(Excused(owners=None, grants=None), owners=owners, grants={}) == []


def test_rights_that_are_others_are_a_problem_be_they_more_or_less() -> None:
    assert compared(grants={}) == ["the rights on view: v are () and were (reader=r)"]
    more = {"reader=r": "view: v", "PUBLIC=r": "table: b"}
    assert compared(grants=more) == ["the rights on table: b are (PUBLIC=r) and were ()"]
    assert compared(Excused(grants=frozenset({"v"})), grants={}) == []


def test_what_is_of_tables_that_stay_is_not_compared() -> None:
    part = replace(PART, inventory=Inventory(objects={"index": "own_idx\nb_idx"}))
    facts = Facts(
        database="",
        encoding="",
        server_version="",
        tables=(),
        migrations=(),
        inventory=Inventory(objects={"index": "b_idx"}),
    )
    assert lost_objects(facts, part, {"own"}) == []
    assert lost_objects(facts, part, {"b"}) == ["index own_idx is missing"]
