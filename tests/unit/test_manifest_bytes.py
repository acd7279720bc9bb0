"""The quick way of reading a manifest says what the slow one says, to the byte."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.manifests import MANIFEST, PART
from trustbackup.exceptions import ManifestError
from trustbackup.store import manifest, quick_json
from trustbackup.store.manifest import Table, dump, file_bytes, read_document, read_signed
from trustbackup.store.signature import Signature, Signer

SIGNER = Signer(["a secret"])
DATA = dump(MANIFEST, SIGNER)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a hundred manifests."""
    monkeypatch.setattr(quick_json, "_loaded", [msgspec.json])


def slowly(data: bytes) -> tuple[dict[str, Any], Signature]:
    """What it is by definition."""
    document = read_document(data)
    signature = SIGNER.check(document)
    if signature is Signature.OURS and data != file_bytes(document):
        signature = Signature.ALTERED
    return document, signature


def test_our_own_manifest_is_read_the_quick_way() -> None:
    assert manifest._as_written(DATA) == json.loads(DATA)
    assert read_signed(DATA, SIGNER)[1] is Signature.OURS


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_any_signed_document_is_read_as_it_is(document: dict[str, Any]) -> None:
    document = {key: value for key, value in document.items() if key not in ("schema", "signature")}
    document["signature"] = SIGNER.sign(document)
    data = file_bytes(document)
    assert read_signed(data, SIGNER) == (document, Signature.OURS)
    assert manifest._as_written(data) in (document, None)


@given(st.integers(0, len(DATA) - 1), st.integers(0, 255))
def test_one_other_byte_is_an_alteration(place: int, byte: int) -> None:
    data = DATA[:place] + bytes([byte]) + DATA[place + 1 :]
    try:
        expected = slowly(data)
    except ManifestError:
        with pytest.raises(ManifestError):
            read_signed(data, SIGNER)
    else:
        assert read_signed(data, SIGNER) == expected
        assert (expected[1] is Signature.OURS) == (data == DATA)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b'\n "name"', b'\n  "name"'),
        lambda data: data.replace(b'\n "name"', b'\n\t"name"'),
        lambda data: data.replace(b'"name": ', b'"name":'),
        lambda data: data + b"\n",
        lambda data: data[:-1],
        lambda data: data.replace(b"backup", b"\\u0062ackup", 1),
    ],
)
def test_white_space_and_other_spellings_count(change: Any) -> None:
    data = change(DATA)
    assert data != DATA
    assert read_signed(data, SIGNER)[1] is Signature.ALTERED


def test_a_member_that_comes_twice_is_refused() -> None:
    data = DATA.replace(b'{\n "id"', b'{\n "id": "x",\n "id"', 1)
    with pytest.raises(ManifestError, match="twice"):
        read_signed(data, SIGNER)


@pytest.mark.parametrize("data", [b"[" * 200_000, b'{"a":' * 100_000, b"[" * 900 + b"]" * 900])
def test_case_s5_deep_nesting_is_refused(data: bytes) -> None:
    with pytest.raises(ManifestError):
        read_signed(data, SIGNER)


def test_case_s3_what_could_not_be_read_again_is_not_written() -> None:
    tables = tuple(
        Table(schema="public", name=f"table_{number:06}" + "x" * 50, rows=1, fingerprint="f" * 64)
        for number in range(40_000)
    )
    with pytest.raises(ManifestError, match=r"too large: over 8388608 bytes\. Back its databases"):
        dump(replace(MANIFEST, parts=(replace(PART, tables=tables),)), SIGNER)
    with pytest.raises(ManifestError, match="too large"):
        read_signed(DATA + b" " * (8 << 20), SIGNER)


def test_the_first_ones_are_read_without_loading_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick_json, "_loaded", [])
    monkeypatch.setattr(quick_json, "_asked", itertools.count(1))
    assert manifest._as_written(DATA) is None
    assert read_signed(DATA, SIGNER)[1] is Signature.OURS
    for _number in range(quick_json._MANY):
        quick_json.library()
    assert manifest._as_written(DATA) is not None
