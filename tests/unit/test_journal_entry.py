"""The journal's entries: signed, strict, and of the restore whose name they bear."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest

from trustbackup.exceptions import ManifestError
from trustbackup.store.journal_entry import JournalEntry, State, Strategy, dump, load
from trustbackup.store.signature import Signer

SIGNER = Signer(["the tests' own key"])
ENTRY = JournalEntry(
    id="r1-default",
    restore="r1",
    alias="default",
    backup="2026-11-20_02-15-33",
    strategy=Strategy.SWAP,
    new="shop_new",
    previous="shop_önly",
    started="2026-11-20T03:00:00+00:00",
    state=State.SWAPPED,
    marker="17",
    previous_marker="16",
    rows=5,
)


def document(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = {**json.loads(dump(ENTRY, SIGNER)), **changes}
    return found


def signed(found: dict[str, Any], signer: Signer = SIGNER) -> bytes:
    found.pop("signature", None)
    return json.dumps({**found, "signature": signer.sign(found)}).encode()


def refused(data: bytes, why: str) -> None:
    with pytest.raises(ManifestError) as caught:
        load(data, ENTRY.id, SIGNER)
    error = caught.value
    assert str(error.what) == "The journal of restore r1-default is not followed"
    assert str(error.why) == why
    assert str(error.todo) == "Find out who wrote it, then remove that file."


def test_an_entry_comes_back_as_it_was() -> None:
    assert load(dump(ENTRY, SIGNER), ENTRY.id, SIGNER) == ENTRY
    short = JournalEntry(
        **{field.name: getattr(ENTRY, field.name) for field in list(fields(ENTRY))[:8]}
    )
    assert load(dump(short, SIGNER), ENTRY.id, SIGNER) == short
    assert (short.state, short.marker, short.previous_marker, short.rows) == (
        "building",
        "-",
        "",
        0,
    )


def test_an_entry_is_text_that_a_person_can_read() -> None:
    text = dump(ENTRY, SIGNER).decode()
    assert text.startswith('{\n "document": "restore journal 1",\n "id": "r1-default",\n')
    assert text.endswith("}\n")
    assert "shop_önly" in text


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize("state", State)
def test_only_a_finished_restore_that_kept_its_old_database_can_be_undone(
    strategy: Strategy, state: State
) -> None:
    entry = replace(ENTRY, strategy=strategy, state=state)
    assert load(dump(entry, SIGNER), ENTRY.id, SIGNER) == entry
    assert entry.undoable is (state is State.DONE)
    assert not replace(entry, previous="").undoable


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_can_not_be_read(data: bytes) -> None:
    refused(data, "it can't be read")


@pytest.mark.parametrize("data", [b"[]", b"1", b'"text"', b"null"])
def test_what_is_no_document_was_not_written_so(data: bytes) -> None:
    refused(data, "this site did not write it so")


def test_what_another_key_signed_is_not_obeyed() -> None:
    refused(signed(document(), Signer(["another's key"])), "it was signed by an unknown key")


@pytest.mark.parametrize("name", [field.name for field in fields(JournalEntry)])
def test_what_was_changed_after_it_was_signed_is_not_obeyed(name: str) -> None:
    refused(json.dumps(document(**{name: "other"})).encode(), "this site did not write it so")


@pytest.mark.parametrize("name", [field.name for field in list(fields(JournalEntry))[:8]])
def test_an_entry_that_lacks_something_can_not_be_read(name: str) -> None:
    found = document()
    del found[name]
    refused(signed(found), "it can't be read")


@pytest.mark.parametrize(
    "changes",
    [
        {"document": "manifest"},
        {"document": "restore journal 2"},
        {"strategy": "teleport"},
        {"state": "exploded"},
        {"state": None},
    ],
)
def test_a_document_of_another_kind_or_a_later_version_is_not_followed(
    changes: dict[str, Any],
) -> None:
    refused(signed(document(**changes)), "it can't be read")


def test_a_document_without_its_kind_is_not_followed() -> None:
    found = document()
    del found["document"]
    refused(signed(found), "it can't be read")


def test_what_a_later_version_adds_is_left_out() -> None:
    assert load(signed(document(added=1)), ENTRY.id, SIGNER) == ENTRY


def test_an_entry_under_anothers_name_is_not_followed() -> None:
    refused(signed(document(id="r2-default")), "it is that of r2-default")
