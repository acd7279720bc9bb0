"""The record beside a manifest: kept is believed, a check only when it is signed."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustbackup.store import record
from trustbackup.store.record import Away, Check, Drill, Record
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


THEN = datetime(2026, 1, 1, tzinfo=UTC)
LATER = THEN + timedelta(hours=1)


def both(mine: Record, theirs: Record) -> Record:
    """What either side comes to; but for where the data is, it must be the same."""
    merged = record.merge(mine, theirs)
    assert replace(record.merge(theirs, mine), away=mine.away) == merged
    assert record.merge(merged, theirs) == merged
    return merged


def test_of_two_records_the_newest_check_and_all_drills_count() -> None:
    bad = Check(at=LATER, ok=False, problems=("x",))
    first, second = Drill(at=THEN, ok=True, seconds=1), Drill(at=LATER, ok=False, seconds=2)
    mine = Record(checked=Check(at=THEN, ok=True), drills=(second,))
    assert both(mine, Record(checked=bad, drills=(first,))) == Record(
        checked=bad, drills=(first, second)
    )
    assert both(mine, Record()) == mine


@pytest.mark.parametrize(
    ("mine", "theirs", "kept"),
    [
        (Record(kept=True), Record(), True),
        (Record(kept=True), Record(kept=False, marked=THEN), False),
        (Record(kept=True, marked=LATER), Record(kept=False, marked=THEN), True),
        (Record(kept=False, marked=LATER), Record(kept=True, marked=THEN), False),
        (Record(kept=False, marked=THEN), Record(kept=True, marked=THEN), True),
    ],
)
def test_the_last_word_on_kept_wins(mine: Record, theirs: Record, kept: bool) -> None:
    assert both(mine, theirs).kept is kept


def test_where_the_data_is_is_each_sides_own() -> None:
    away = Away(at=THEN, destination="nas", address="file:///nas")
    assert record.merge(Record(away=away), Record()).away == away
    assert record.merge(Record(), Record(away=away)).away is None
    data = record.render(ID, Record(away=away), SIGNER)
    assert record.load(data, ID, SIGNER).away == away
    assert record.load(data, ID, Signer(["theirs"])).away is None


def test_a_record_of_the_first_version_is_read() -> None:
    document = {"schema": 1, "id": ID, "kept": True, "checked": None, "drills": []}
    signed = {**document, "signature": SIGNER.sign(document)}
    assert record.load(json.dumps(signed).encode(), ID, SIGNER) == Record(kept=True)


def test_two_who_change_it_at_once_lose_nothing(tmp_path: Path) -> None:
    def mark(number: int) -> None:
        drill = Drill(at=THEN + timedelta(seconds=number), ok=True, seconds=1)
        record.change(
            tmp_path, ID, SIGNER, lambda marks: replace(marks, drills=(*marks.drills, drill))
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(mark, range(24)))
    assert len(record.read(tmp_path, ID, SIGNER).drills) == 24
