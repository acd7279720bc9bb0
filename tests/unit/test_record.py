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

from trustbackup.exceptions import BackupNotFound
from trustbackup.store import names, record
from trustbackup.store.folder import BackupFolder
from trustbackup.store.record import Check, Drill, Offloaded, Record
from trustbackup.store.signature import Signer

ID = "2026-11-20_02-15-33"
SIGNER = Signer(["a secret"])
CHECKED = Record(protected=True, checked=Check(at=datetime(2026, 1, 1, tzinfo=UTC), ok=True))


def test_it_comes_back(tmp_path: Path) -> None:
    folder = BackupFolder(tmp_path, SIGNER)
    (tmp_path / names.manifest_name(ID)).touch()
    assert folder.record(ID) == Record()
    folder.change(ID, lambda _noted: CHECKED)
    assert folder.record(ID) == CHECKED
    (path,) = tmp_path.glob("*.record.json")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_check_that_somebody_else_signed_is_none_but_kept_is_kept() -> None:
    data = record.render(ID, CHECKED, Signer(["theirs"]))
    found = record.load(data, ID, SIGNER)
    assert found == Record(protected=True)


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
    assert replace(record.merge(theirs, mine), offloaded=mine.offloaded) == merged
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
    ("mine", "theirs", "protected"),
    [
        (Record(protected=True), Record(), True),
        (Record(protected=True), Record(protected=False, protection_changed=THEN), False),
        (
            Record(protected=True, protection_changed=LATER),
            Record(protected=False, protection_changed=THEN),
            True,
        ),
        (
            Record(protected=False, protection_changed=LATER),
            Record(protected=True, protection_changed=THEN),
            False,
        ),
        (
            Record(protected=False, protection_changed=THEN),
            Record(protected=True, protection_changed=THEN),
            True,
        ),
    ],
)
def test_the_last_word_on_protection_wins(mine: Record, theirs: Record, protected: bool) -> None:
    assert both(mine, theirs).protected is protected


def test_where_the_data_is_is_each_sides_own() -> None:
    offloaded = Offloaded(at=THEN, destination="nas", address="file:///nas")
    assert record.merge(Record(offloaded=offloaded), Record()).offloaded == offloaded
    assert record.merge(Record(), Record(offloaded=offloaded)).offloaded is None
    data = record.render(ID, Record(offloaded=offloaded), SIGNER)
    assert record.load(data, ID, SIGNER).offloaded == offloaded
    assert record.load(data, ID, Signer(["theirs"])).offloaded is None


def test_a_record_of_the_first_version_is_read() -> None:
    document = {"schema": 1, "id": ID, "kept": True, "checked": None, "drills": []}
    signed = {**document, "signature": SIGNER.sign(document)}
    assert record.load(json.dumps(signed).encode(), ID, SIGNER) == Record(protected=True)


def test_two_who_change_it_at_once_lose_nothing(tmp_path: Path) -> None:
    folder = BackupFolder(tmp_path, SIGNER)
    (tmp_path / names.manifest_name(ID)).touch()

    def mark(number: int) -> None:
        drill = Drill(at=THEN + timedelta(seconds=number), ok=True, seconds=1)
        folder.change(ID, lambda noted: replace(noted, drills=(*noted.drills, drill)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(mark, range(24)))
    assert len(folder.record(ID).drills) == 24


def test_case_u1_a_backup_that_was_deleted_gets_no_record(tmp_path: Path) -> None:
    folder = BackupFolder(tmp_path, SIGNER)
    with pytest.raises(BackupNotFound, match="was deleted a moment ago"):
        folder.change(ID, lambda _noted: CHECKED)
    assert not list(tmp_path.glob("backup_*"))


FULL = Record(
    protected=True,
    protection_changed=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    checked=Check(at=datetime(2026, 1, 3, tzinfo=UTC), ok=False, problems=("größer", "kürzer")),
    drills=(
        Drill(
            at=datetime(2026, 1, 4, tzinfo=UTC),
            ok=True,
            seconds=1.5,
            content=True,
            notes=("eine Bemerkung", "noch eine"),
        ),
        Drill(
            at=datetime(2026, 1, 5, tzinfo=UTC),
            ok=False,
            seconds=2.0,
            content=False,
            problems=("fehlt", "zu viel"),
        ),
    ),
    offloaded=Offloaded(at=datetime(2026, 1, 6, tzinfo=UTC), destination="nas", address="sftp://x"),
)


def test_every_member_comes_back_as_it_was() -> None:
    data = record.render(ID, FULL, SIGNER)
    assert record.load(data, ID, SIGNER) == FULL
    assert FULL.drilled == FULL.drills[-1]


def test_a_record_is_text_that_a_person_can_read() -> None:
    text = record.render(ID, FULL, SIGNER).decode()
    assert text.startswith('{\n "schema": ')
    assert text.endswith("}\n")
    assert "größer" in text
