"""File names: only ours are taken apart, and each of ours comes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustbackup.store import names

ID = "2026-11-20_02-15-33"


@pytest.mark.parametrize(
    "name",
    [
        "../backup_2026-11-20_02-15-33.dump.gz",
        "backup_../../etc/passwd.dump.gz",
        "backup_2026-11-20_02-15-33.dump.gz\n",
        "backup_2026-11-20_02-15-33\n.dump.gz",
        "backup_<script>alert(1)</script>.dump.gz",
        "-backup_2026-11-20_02-15-33.dump.gz",
        "backup_-rf.dump.gz",
        "backup_.dump.gz",
        "backup_..dump.gz",
        "backup_a b.dump.gz",
        "backup_2026-11-20_02-15-33.DUMP.GZ",
        "backup_2026-11-20_02-15-33.dump.gz.tmp",
        "backup_2026-11-20_02-15-33.dump.xz",
        "backup_\u0662\u0660\u0662\u0666-11-20_02-15-33.manifest.json",
        "backup_2026-11-20_02-15-33_0.manifest.json",
        "backup_2026-11-20_02-15-33_1234567.manifest.json",
        "backup_foreign.manifest.json",
        "Backup_2026-11-20_02-15-33.dump.gz",
        "backup_" + "x" * 200 + ".dump.gz",
        "",
    ],
)
def test_attack_18_a_hostile_name_is_none_of_ours(name: str) -> None:
    assert names.parse(name) is None


@given(st.text())
def test_attack_18_what_is_taken_apart_is_harmless(text: str) -> None:
    for name in (text, f"backup_{text}.dump.gz", f"backup_{ID}.{text}.dump.gz"):
        found = names.parse(name)
        if found:
            assert name == f"{names.PREFIX}{found.id}{found.rest}"
            assert not set(name) & set("/\\\0\n\r<>'\"& ")
            assert not name.startswith((".", "-"))
            assert name.isascii()


@given(
    moment=st.integers(0, 10**10).map(lambda n: datetime.fromtimestamp(n, UTC)),
    number=st.integers(1, 99_999),
    part=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    kind=st.sampled_from(["dump", "tar", "json"]),
    suffix=st.sampled_from(["", ".gz", ".zst", ".bz2"]),
)
def test_each_name_that_is_made_can_be_read(
    moment: datetime, number: int, part: str, kind: str, suffix: str
) -> None:
    identifier = names.backup_id(moment, number)
    assert names.is_backup_id(identifier)
    assert names.time_of(identifier) == moment.replace(microsecond=0)
    found = names.parse(names.part_name(identifier, part, kind, suffix))
    assert found is not None
    assert found.id == identifier
    assert found.is_data
    manifest = names.parse(names.manifest_name(identifier))
    assert manifest
    assert manifest.is_manifest
    record = names.parse(names.record_name(identifier))
    assert record
    assert record.is_record


def test_times_are_utc() -> None:
    moment = datetime(2026, 11, 20, 4, 15, 33, tzinfo=timezone(timedelta(hours=2)))
    assert names.backup_id(moment) == ID


def test_backups_of_one_second_are_ordered_by_their_number() -> None:
    later = "2026-11-20_02-15-34"
    shuffled = [f"{ID}_10", later, ID, f"{ID}_2"]
    assert sorted(shuffled, key=names.order) == [ID, f"{ID}_2", f"{ID}_10", later]


@pytest.mark.parametrize("text", ["2026-13-01_00-00-00", "2026-02-30_00-00-00", "name", ""])
def test_an_id_that_is_no_time_has_none(text: str) -> None:
    assert names.time_of(text) is None


def test_parts_that_look_alike_have_names_of_their_own() -> None:
    parts = ["default", "shop eu", "shop-eu", "shop/eu", "größe", "x" * 70, "x" * 71, "x" * 64]
    made = {names.part_name(ID, part, "dump", ".gz") for part in parts}
    assert len(made) == len(parts)
    assert names.part_name(ID, "analytics", "dump", ".gz") == f"backup_{ID}.analytics.dump.gz"


def test_the_first_of_a_second_comes_before_the_second() -> None:
    ids = [f"{ID}_10", f"{ID}_2", ID, f"{ID}_1", "foreign", f"{ID[:-1]}4"]
    assert sorted(ids, key=names.order)[:-1] == [
        ID,
        f"{ID}_1",
        f"{ID}_2",
        f"{ID}_10",
        f"{ID[:-1]}4",
    ]
    assert names.order(ID) == names.order(f"{ID}_1") < names.order(f"{ID}_2")


def test_the_default_database_needs_no_name() -> None:
    assert names.part_name(ID, "default", "dump", ".gz") == f"backup_{ID}.dump.gz"
    assert names.part_name(ID, "shop", "dump.tar", "") == f"backup_{ID}.shop.dump.tar"
    parsed = names.parse(f"backup_{ID}.dump.gz")
    assert parsed
    assert (parsed.id, parsed.part, parsed.rest) == (ID, "", ".dump.gz")


def test_an_id_is_in_utc_and_times_at_the_edge_are_none() -> None:
    assert names.time_of(ID) == datetime(2026, 11, 20, 2, 15, 33, tzinfo=UTC)
    assert names.time_of(f"{ID}_7") == names.time_of(ID)
    assert names.time_of("1970-01-01_00-00-00") == names.EARLIEST
    for outside in ("1969-12-31_23-59-59", "3000-01-01_00-00-00", "9999-12-31_23-59-59"):
        assert names.time_of(outside) is None
        assert names.told_by(outside) is not None
    there = timezone(timedelta(hours=14))
    assert names.backup_id(datetime(2026, 11, 20, 16, 15, 33, tzinfo=there)) == ID


@pytest.mark.parametrize("seconds", [-1, 1e18, 32503680000, float("nan")])
def test_a_files_time_that_cannot_be_is_the_earliest(seconds: float) -> None:
    assert names.moment(seconds) == names.EARLIEST
    assert names.moment(0) == names.EARLIEST
    assert names.moment(1795140933) == datetime(2026, 11, 20, 2, 15, 33, tzinfo=UTC)


def test_a_parts_name_keeps_what_it_can_and_tells_the_rest_apart() -> None:
    def name(part: str) -> str:
        return names.part_name(ID, part, "dump", "").split(".")[1]

    assert name("Shop_1-a") == "Shop_1-a"
    assert name("x" * 64) == "x" * 64
    assert name("x" * 65)[:56] == "x" * 55 + "-"
    for part in ("shop eu", "größe", "x" * 65, "a/b"):
        short, _dash, digest = name(part).rpartition("-")
        assert len(name(part)) <= 64
        assert len(digest) == 8, "hex digits of 4 bytes"
        assert name(part) == name(part) != name(f"{part}!")
        assert set(short) <= set(part) | {"-"}
