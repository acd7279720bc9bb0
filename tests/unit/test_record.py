"""The record beside a manifest: kept is believed, a check only when it is signed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustbackup.store import record
from trustbackup.store.record import Check, Record
from trustbackup.store.signature import Signer

ID = "2026-11-20_02-15-33"
SIGNER = Signer(["a secret"])
CHECKED = Record(kept=True, checked=Check(at=datetime(2026, 1, 1, tzinfo=UTC), ok=True))


def test_it_comes_back(tmp_path: Path) -> None:
    assert record.read(tmp_path, ID, SIGNER) == Record()
    record.write(tmp_path, ID, CHECKED, SIGNER)
    assert record.read(tmp_path, ID, SIGNER) == CHECKED
    (path,) = tmp_path.glob("*.record.json")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_check_that_somebody_else_signed_is_none_but_kept_is_kept() -> None:
    data = record.render(ID, CHECKED, Signer(["theirs"]))
    found = record.load(data, ID, SIGNER)
    assert found == Record(kept=True)


def test_an_altered_check_is_none() -> None:
    bad = Record(checked=Check(at=datetime(2026, 1, 1, tzinfo=UTC), ok=False, problems=("x",)))
    document = json.loads(record.render(ID, bad, SIGNER))
    document["checked"]["ok"] = True
    assert record.load(json.dumps(document).encode(), ID, SIGNER).checked is None


def test_the_record_of_another_backup_counts_for_nothing() -> None:
    data = record.render("2026-11-20_02-15-34", CHECKED, SIGNER)
    assert record.load(data, ID, SIGNER) == Record()


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"schema": 1}'])
def test_what_is_no_record_is_an_empty_one(data: bytes) -> None:
    assert record.load(data, ID, SIGNER) == Record()


@given(st.binary(max_size=100))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    record.load(data, ID, SIGNER)
