"""A manifest's signature: no byte can be changed, and no other key passes for ours."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.manifests import (
    FILE,
    MANIFEST,
    SIGNER,
    document,
    verdict,
    without,
)
from trustbackup.store.manifest import (
    dump,
    read_signed,
)
from trustbackup.store.signature import Signature, Signer


@settings(max_examples=2000, deadline=None)
@given(position=st.integers(0, len(FILE) - 1), byte=st.integers(0, 255))
def test_no_altered_byte_is_ever_signed_by_this_site(position: int, byte: int) -> None:
    data = bytearray(FILE)
    data[position] = byte
    if bytes(data) != FILE:
        assert verdict(bytes(data)) is not Signature.OURS


def test_no_byte_can_be_left_out_or_put_twice() -> None:
    for position in range(len(FILE)):
        shorter = FILE[:position] + FILE[position + 1 :]
        longer = FILE[: position + 1] + FILE[position:]
        assert verdict(shorter) is not Signature.OURS, position
        assert verdict(longer) is not Signature.OURS, position


def test_the_same_facts_in_another_shape_are_an_alteration() -> None:
    same = json.loads(FILE)
    for data in (
        json.dumps(same).encode(),
        json.dumps(same, indent=1).encode(),
        FILE + b"\n",
        FILE.rstrip(),
        b"\xef\xbb\xbf" + FILE,
        FILE.decode().encode("utf-16"),
    ):
        assert verdict(data) is not Signature.OURS, data[:60]


def test_earlier_keys_still_check_and_the_first_one_signs() -> None:
    old, new = Signer(["old"]), Signer(["new", "old"])
    assert read_signed(dump(MANIFEST, old), new)[1] is Signature.OURS
    assert read_signed(dump(MANIFEST, new), new)[1] is Signature.OURS
    assert read_signed(dump(MANIFEST, new), old)[1] is Signature.UNKNOWN
    assert read_signed(dump(MANIFEST, new), Signer(["new"]))[1] is Signature.OURS


def test_a_signature_of_another_key_under_our_key_id_is_an_alteration() -> None:
    theirs = document()
    theirs["signature"]["value"] = Signer(["theirs"]).sign(theirs)["value"]
    assert SIGNER.check(theirs) is Signature.ALTERED


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        [],
        {},
        {"algorithm": "none", "key": "", "value": ""},
        {"algorithm": "HMAC-SHA256"},
        {"algorithm": "HMAC-SHA256", "key": None, "value": None},
        {"algorithm": "HMAC-SHA256", "key": "ü", "value": "ü"},
    ],
)
def test_no_signature_is_no_signature_of_ours(signature: object) -> None:
    assert SIGNER.check(document(signature=signature)) is not Signature.OURS
    assert SIGNER.check(without(document(), "signature")) is Signature.ALTERED


def test_the_secret_is_not_in_the_file() -> None:
    assert b"a secret" not in FILE
    assert "a secret" not in repr(SIGNER)


def test_a_key_that_comes_or_goes_changes_what_the_index_knows_the_keys_by() -> None:
    known = [Signer(keys).keys for keys in (["a"], ["b"], ["a", "b"], ["b", "a"])]
    assert len(set(known)) == 4
    assert known[2].split(" ") == [known[0], known[1]]
    assert not {"a", "b"} & set(" ".join(known).split(" ")), "no key is told"
