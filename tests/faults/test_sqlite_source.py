"""Rows 16 to 18: the SQLite file is locked, missing, empty or corrupt."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.backups import (
    aftermath,
    assert_refused,
    leftovers,
    make,
    more_settings,
    unchanged,
    wait_for,
)
from tests.support.sites import Site, finish


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold a file with a rollback journal exclusively, as a large change does."""
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        assert connection.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("UPDATE shop_product SET stock = stock")
        yield


@pytest.mark.parametrize("locking", ["normal", "exclusive WAL"])
def test_fault_16_a_locked_database_is_waited_for_so_long_and_no_longer(
    sqlite_site: Site, locking: str
) -> None:
    more_settings(sqlite_site, "TRUSTBACKUP = {**TRUSTBACKUP, 'LOCK_TIMEOUT': 2}")
    began = time.monotonic()
    make(sqlite_site)
    usual = time.monotonic() - began
    with contextlib.ExitStack() as stack:
        if locking == "normal":
            stack.enter_context(locked(sqlite_site.sqlite_file))
        else:
            holder = stack.enter_context(
                contextlib.closing(sqlite3.connect(sqlite_site.sqlite_file))
            )
            holder.execute("PRAGMA locking_mode = EXCLUSIVE")
            holder.execute("PRAGMA journal_mode = WAL")
            holder.execute("UPDATE shop_product SET stock = stock")
            holder.commit()
        began = time.monotonic()
        with unchanged(sqlite_site.backups):
            result = sqlite_site.manage("create_backup", "--json", check=False)
        took = time.monotonic() - began
    assert_refused(result, "Database 'default' was not dumped", "locked", "try again")
    assert 2 <= took < 12 + 5 * usual
    aftermath(sqlite_site)


def test_fault_16_a_lock_that_ends_in_time_is_waited_for(sqlite_site: Site) -> None:
    with locked(sqlite_site.sqlite_file):
        process = sqlite_site.start("create_backup", "--json")
        drafts = sqlite_site.backups / ".drafts"
        wait_for(lambda: list(drafts.glob("*/copy.sqlite3")))
        assert process.poll() is None
    result = finish(process)
    assert result.returncode == 0, str(result)


def test_fault_17_a_missing_file_is_refused_and_not_created(sqlite_site: Site) -> None:
    make(sqlite_site)
    aside = sqlite_site.folder / "aside"
    sqlite_site.sqlite_file.rename(aside)
    with unchanged(sqlite_site.backups):
        result = sqlite_site.manage("create_backup", check=False)
    assert_refused(result, "'default' was not dumped", str(sqlite_site.sqlite_file), "No such file")
    assert not sqlite_site.sqlite_file.exists()
    aside.rename(sqlite_site.sqlite_file)
    aftermath(sqlite_site)


def test_fault_17_an_empty_file_is_never_an_empty_success(sqlite_site: Site) -> None:
    make(sqlite_site)
    content = sqlite_site.sqlite_file.read_bytes()
    sqlite_site.sqlite_file.write_bytes(b"")
    with unchanged(sqlite_site.backups):
        result = sqlite_site.manage("create_backup", check=False)
    assert_refused(result, "'default' was not dumped", "empty", "migrate")
    sqlite_site.sqlite_file.write_bytes(content)
    aftermath(sqlite_site)


@pytest.mark.parametrize("what", ["no table", "another format", "a folder"])
def test_fault_17_a_file_without_a_database_is_refused(sqlite_site: Site, what: str) -> None:
    sqlite_site.sqlite_file.unlink()
    if what == "no table":
        sqlite_site.query("PRAGMA user_version = 7")
    elif what == "another format":
        sqlite_site.sqlite_file.write_bytes(b"not a database, " * 1000)
    else:
        sqlite_site.sqlite_file.mkdir()
    result = sqlite_site.manage("create_backup", check=False)
    assert_refused(result, "Database 'default'")
    assert not list(sqlite_site.backups.glob("backup_*"))
    assert not leftovers(sqlite_site.backups)


@pytest.mark.parametrize("damage", ["a page of a table", "a page of an index", "half the file"])
def test_fault_18_a_corrupt_sqlite_file_fails_and_spares_the_earlier_backup(
    sqlite_site: Site, damage: str
) -> None:
    make(sqlite_site)
    good = sqlite_site.sqlite_file.read_bytes()
    spoiled = bytearray(good)
    size = int.from_bytes(good[16:18], "big")
    if damage == "half the file":
        del spoiled[len(spoiled) // 2 :]
    else:
        name = "shop_customer" if "table" in damage else "sqlite_autoindex_shop_customer_1"
        ((page,),) = sqlite_site.query(f"SELECT rootpage FROM sqlite_master WHERE name = '{name}'")
        start = (page - 1) * size
        spoiled[start : start + size] = b"\xff" * size
    sqlite_site.sqlite_file.write_bytes(spoiled)
    with unchanged(sqlite_site.backups):
        result = sqlite_site.manage("create_backup", "--json", check=False)
    assert_refused(result, "Database 'default'", "recover")
    sqlite_site.sqlite_file.write_bytes(good)
    aftermath(sqlite_site)
