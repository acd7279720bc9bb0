"""Rows that are loaded side by side: none is lost, none twice, and one bad row stops all."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.backups import assert_refused, make
from tests.support.content import content
from tests.support.damage import forge
from tests.support.restores import beside, drill, restore
from tests.support.sites import Site

MANY = 400_000


def fill(site: Site) -> None:
    """A table of several blocks, and one that takes part of a block."""
    site.query("CREATE TABLE many (id bigint, note text)")
    site.query(
        "INSERT INTO many SELECT n, repeat('x', n % 7) || E'\\t\\\\.\\n' || n"
        f" FROM generate_series(1, {MANY}) n"
    )
    site.query("CREATE TABLE few AS SELECT * FROM many LIMIT 10")
    site.query("ALTER TABLE many ADD PRIMARY KEY (id)")


@pytest.mark.parametrize("layout", ["custom", "directory"])
def test_every_row_of_a_large_table_comes_back_once(postgres_site: Site, layout: str) -> None:
    fill(postgres_site)
    then = content(postgres_site)
    made = make(postgres_site, "--format", layout, "--content")
    assert drill(postgres_site, made["id"], "--content")["ok"]
    restore(postgres_site, made["id"], "--swap")
    assert content(postgres_site) == then


@pytest.mark.parametrize("layout", ["custom", "directory"])
def test_one_row_that_the_server_refuses_stops_the_restore(
    postgres_site: Site, layout: str
) -> None:
    fill(postgres_site)
    made = make(postgres_site, "--format", layout)
    then = content(postgres_site)
    # Of the same length: in a custom archive it stands before each row.
    good = b"%d\t%s\\t" % (MANY // 2, b"x" * (MANY // 2 % 7))

    def spoil(raw: bytes) -> bytes:
        assert raw.count(good) == 1
        return raw.replace(good, b"no" + good[2:])

    forge(made, spoil)
    result = postgres_site.manage("restore_backup", made["id"], "--force", "--swap", check=False)
    assert_refused(result, "invalid input syntax for type bigint")
    assert content(postgres_site) == then
    assert beside(postgres_site) == []


def repacked(
    change: Callable[[list[tarfile.TarInfo]], list[tarfile.TarInfo]],
) -> Callable[[bytes], bytes]:
    """The same tar with other members, or in another order."""

    def again(raw: bytes) -> bytes:
        target = io.BytesIO()
        with (
            tarfile.open(fileobj=io.BytesIO(raw)) as old,
            tarfile.open(fileobj=target, mode="w") as new,
        ):
            for member in change(old.getmembers()):
                new.addfile(member, old.extractfile(member))
        return target.getvalue()

    return again


def test_an_archive_whose_contents_come_last_is_unpacked_first(postgres_site: Site) -> None:
    then = content(postgres_site)
    made = make(postgres_site, "--format", "directory")
    forge(made, repacked(lambda members: members[::-1]))
    restore(postgres_site, made["id"], "--swap")
    assert content(postgres_site) == then


def test_a_directory_archive_with_large_objects_is_unpacked_first(postgres_site: Site) -> None:
    postgres_site.query("SELECT lo_from_bytea(0, 'large'::bytea)")
    then = content(postgres_site)
    made = make(postgres_site, "--format", "directory")
    restore(postgres_site, made["id"], "--swap")
    assert content(postgres_site) == then


def test_an_archive_that_lacks_the_rows_of_a_table_is_refused(postgres_site: Site) -> None:
    fill(postgres_site)
    made = make(postgres_site, "--format", "directory")
    then = content(postgres_site)

    def without_the_largest(members: list[tarfile.TarInfo]) -> list[tarfile.TarInfo]:
        largest = max(members, key=lambda member: member.size)
        return [member for member in members if member is not largest]

    forge(made, repacked(without_the_largest))
    result = postgres_site.manage("restore_backup", made["id"], "--force", "--swap", check=False)
    assert_refused(result, "lacks", "the rows of a table")
    assert content(postgres_site) == then
    assert beside(postgres_site) == []


def test_the_contents_of_a_directory_archive_come_first(postgres_site: Site) -> None:
    made = make(postgres_site, "--format", "directory", "--no-compress")
    with tarfile.open(Path(made["files"][0]["path"])) as tar:
        names = tar.getnames()
    assert names[0] == "toc.dat"
    assert names[1:] == sorted(names[1:])
