"""The manifest: strict in what it reads, and signed over all that it says."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.manifests import (
    FILE,
    ID,
    MANIFEST,
    PART,
    SIGNER,
    document,
    verdict,
    without,
)
from trustbackup.exceptions import ManifestError
from trustbackup.store.full_facts import FullFacts
from trustbackup.store.manifest import (
    SCHEMA,
    Table,
    dump,
    load,
    read_document,
    read_signed,
)
from trustbackup.store.signature import Signature


def part_document(**changes: Any) -> dict[str, Any]:
    return document(parts=[{**json.loads(FILE)["parts"][0], **changes}])


def test_it_comes_back_as_it_was_written() -> None:
    found, signature = read_signed(FILE, SIGNER)
    assert signature is Signature.OURS
    assert replace(load(found, expected_id=ID), signature={}) == MANIFEST


texts = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=40)
counts = st.integers(0, 2**50)
MOMENTS = st.integers(0, 200 * 10**9).map(lambda n: datetime.fromtimestamp(n / 1000, UTC))


@settings(deadline=None)
@given(
    name=texts,
    host=texts,
    database=texts,
    rows=st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"])), counts)),
    size=counts,
    moment=MOMENTS,
)
def test_whatever_it_holds_comes_back_signed(
    name: str,
    host: str,
    database: str,
    rows: list[tuple[str, int]],
    size: int,
    moment: datetime,
) -> None:
    tables = tuple(Table(schema="s", name=table, rows=count) for table, count in rows)
    part = replace(PART, database=database, tables=tables, bytes=size)
    manifest = replace(MANIFEST, name=name, host=host, created=moment, parts=(part,))
    found, signature = read_signed(dump(manifest, SIGNER), SIGNER)
    assert signature is Signature.OURS
    assert replace(load(found, expected_id=ID), signature={}) == manifest


def plan_document(**changes: Any) -> dict[str, Any]:
    return document(plan={**json.loads(FILE)["plan"], **changes})


@pytest.mark.parametrize("schema", range(1, SCHEMA))
def test_a_manifest_of_an_earlier_schema_is_read_and_says_nothing_of_plans(schema: int) -> None:
    inventory = PART.inventory if schema > 1 else None
    part = replace(PART, definition="", excluded=(), inventory=inventory, files=None)
    old = replace(MANIFEST, schema=schema, plan=None, parts=(part,))
    found, signature = read_signed(dump(old, SIGNER), SIGNER)
    assert signature is Signature.OURS
    assert replace(load(found, expected_id=ID), signature={}) == old
    with pytest.raises(ManifestError, match="unknown member 'environment'"):
        load({**found, "environment": ""}, expected_id=ID)
    if schema > 5:
        return
    with pytest.raises(ManifestError, match="unknown member 'recipients'"):
        load({**found, "recipients": []}, expected_id=ID)
    if schema > 4:
        return
    with pytest.raises(ManifestError, match="unknown member 'full'"):
        load({**found, "full": None}, expected_id=ID)
    if schema > 3:
        return
    with pytest.raises(ManifestError, match="unknown member 'files'"):
        load({**found, "parts": [{**found["parts"][0], "files": None}]}, expected_id=ID)
    if schema > 2:
        return
    with pytest.raises(ManifestError, match="unknown member 'plan'"):
        load({**found, "plan": None}, expected_id=ID)
    with pytest.raises(ManifestError, match="unknown member 'excluded'"):
        load({**found, "parts": [{**found["parts"][0], "excluded": []}]}, expected_id=ID)


def test_what_a_full_backup_says_of_its_parts_is_read_strictly() -> None:
    facts = FullFacts(
        lacking={"media": "it is gone"}, named=3, missing=1, rows=("shop.Product 1",), unnamed=2
    )
    found, signature = read_signed(dump(replace(MANIFEST, full=facts), SIGNER), SIGNER)
    assert signature is Signature.OURS
    assert load(found, expected_id=ID).full == facts
    for spoiled in (
        {"lacking": {"media": 1}}, {"lacking": []}, {"missing": -1}, {"rows": [1]}, {"more": 1}
    ):  # fmt: skip
        with pytest.raises(ManifestError):
            load({**found, "full": {**found["full"], **spoiled}}, expected_id=ID)


def test_a_plan_that_never_deletes_has_no_rules() -> None:
    found = load(plan_document(retention=None), expected_id=ID)
    assert found.plan is not None
    assert found.plan.retention is None
    assert load(document(plan=None), expected_id=ID).plan is None


@pytest.mark.parametrize("name", sorted(json.loads(FILE)))
def test_each_member_must_be_there(name: str) -> None:
    with pytest.raises(ManifestError, match=rf"has no '{name}'"):
        load(without(document(), name), expected_id=ID)


@pytest.mark.parametrize("name", sorted(json.loads(FILE)["parts"][0]))
def test_each_member_of_a_part_must_be_there(name: str) -> None:
    part = without(json.loads(FILE)["parts"][0], name)
    with pytest.raises(ManifestError, match=rf"has no '{name}'"):
        load(document(parts=[part]), expected_id=ID)


@pytest.mark.parametrize(
    "spoiled",
    [
        document(surplus=1),
        document(schema=SCHEMA - 1),
        document(schema=True),
        document(schema="1"),
        document(id="2026-11-20_02-15-34"),
        document(id=7),
        document(kind="everything"),
        document(name=None),
        document(name="x" * 201),
        document(name="a\nb"),
        document(host="\x1b[2J"),
        document(created="yesterday"),
        document(created="2026-11-20T02:15:33"),
        document(created=7),
        document(created="0001-01-01T00:00:00+23:59"),
        document(finished="9999-12-31T23:59:59-23:59"),
        document(versions={"django": 5}),
        document(versions=[]),
        document(signature={"value": 1}),
        document(parts=[]),
        document(parts={}),
        document(parts=[7]),
        document(parts=json.loads(FILE)["parts"] * 2),
        part_document(surplus=1),
        part_document(part=7),
        part_document(part="a\x00b"),
        part_document(bytes=-1),
        part_document(bytes=1.0),
        part_document(bytes=True),
        part_document(bytes="1"),
        part_document(bytes=2**63),
        part_document(raw_bytes=10**30),
        part_document(sha256="0" * 63),
        part_document(sha256="0" * 64 + "\n"),
        part_document(sha256="A" * 64),
        part_document(file="../backup_2026-11-20_02-15-33.dump.gz"),
        part_document(file="/etc/passwd"),
        part_document(file="backup_2026-11-20_02-15-34.dump.gz"),
        part_document(file=f"backup_{ID}.manifest.json"),
        part_document(file=f"backup_{ID}.record.json"),
        part_document(file=""),
        part_document(tables=[{"schema": "", "name": "t"}]),
        part_document(tables=[{"schema": "", "name": "t", "rows": -1}]),
        part_document(tables=[{"schema": "", "name": "t", "rows": 2**63}]),
        part_document(tables={}),
        part_document(migrations=[["a"]]),
        part_document(migrations=[["a", 1]]),
        part_document(migrations=["ab"]),
        part_document(excluded="a"),
        part_document(excluded=[7]),
        plan_document(surplus=1),
        plan_document(name=None),
        plan_document(name="x" * 51),
        plan_document(name="a\nb"),
        plan_document(zone="x" * 65),
        plan_document(retention=[]),
        plan_document(retention={"daily": "7"}),
        plan_document(retention={"daily": -1}),
        plan_document(retention={"daily": None}),
        plan_document(destination_retention=None),
        plan_document(destination_retention={"nas": None}),
        document(plan="nightly"),
    ],
    ids=lambda spoiled: "",
)
def test_what_is_not_exactly_right_is_refused(spoiled: dict[str, Any]) -> None:
    with pytest.raises(ManifestError):
        load(spoiled, expected_id=ID)


def test_a_sound_document_is_not_refused() -> None:
    load(document(), expected_id=ID)
    load(part_document(), expected_id=ID)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"parts": [{"a": 1, "a": 2}]}', "twice"),
        (b'{"a": "\\ud800"}', "not JSON"),
        (b"[" * 50_000, "not JSON"),
        (b"9" * 10_000, "not JSON"),
        (b"7", "not a JSON object"),
        (b'{"schema": 8}', "schema 8"),
        (b'{"schema": 999999999999}', "Upgrade trustbackup"),
        (b" " * ((64 << 20) + 1), "too large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_document_of_this_schema_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(ManifestError, match=why):
        read_document(data)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_at_all_are_a_manifest_or_one_error(data: bytes) -> None:
    assert verdict(data) is None


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(name=st.sampled_from(sorted(json.loads(FILE))), value=values)
def test_any_value_of_any_member_is_read_or_one_error(name: str, value: object) -> None:
    data = json.dumps(document(**{name: value})).encode()
    assert verdict(data) is not Signature.OURS


@given(name=st.sampled_from(sorted(json.loads(FILE)["parts"][0])), value=values)
def test_any_value_of_any_member_of_a_part_is_read_or_one_error(name: str, value: object) -> None:
    data = json.dumps(part_document(**{name: value})).encode()
    assert verdict(data) is not Signature.OURS
