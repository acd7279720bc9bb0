"""SQLite: a copy of one instant, of any table, never of a file that is none."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from dataclasses import replace

import pytest

from tests.support.backups import (
    assert_refused,
    leftovers,
    make,
    more_settings,
    rows_of,
    run_all,
    wait_for,
)
from tests.support.sites import Site

ODD_TABLES = ("Mixed Case", 'quo"te', "größe", "semi;colon", "per%cent", "select", "sqlitex", "a'b")


@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
def test_rows_are_those_of_the_copy_while_others_insert(sqlite_site: Site, journal: str) -> None:
    sqlite_site.query(f"PRAGMA journal_mode = {journal}")
    sqlite_site.query("CREATE TABLE busy (id integer PRIMARY KEY)")
    stop = threading.Event()

    def insert() -> None:
        with contextlib.closing(
            sqlite3.connect(sqlite_site.sqlite_file, timeout=30, isolation_level=None)
        ) as connection:
            # A writer without a pause would starve all readers of a rollback journal.
            while not stop.wait(0.002):
                connection.execute("INSERT INTO busy DEFAULT VALUES")

    writer = threading.Thread(target=insert)
    writer.start()
    try:
        wait_for(lambda: sqlite_site.query("SELECT count(*) FROM busy")[0][0] > 10)
        made = make(sqlite_site)
    finally:
        stop.set()
        writer.join()
    counted = rows_of(made)["busy"]
    assert 10 < counted < sqlite_site.query("SELECT count(*) FROM busy")[0][0]
    sqlite_site.manage("restore_backup", made["id"], "--force")
    assert sqlite_site.query("SELECT count(*) FROM busy") == [(counted,)]


def test_odd_tables_are_counted_and_virtual_ones_are_not(sqlite_site: Site) -> None:
    for number, table in enumerate(ODD_TABLES, 1):
        name = table.replace('"', '""')
        sqlite_site.query(f'CREATE TABLE "{name}" (id integer PRIMARY KEY)')
        for _ in range(number):
            sqlite_site.query(f'INSERT INTO "{name}" DEFAULT VALUES')
    sqlite_site.query("CREATE VIEW looked AS SELECT 1 AS id")
    sqlite_site.query("CREATE TABLE keyed (k text PRIMARY KEY) WITHOUT ROWID")
    sqlite_site.query("CREATE VIRTUAL TABLE searched USING fts5(words)")
    sqlite_site.query("INSERT INTO searched VALUES ('some words')")
    made = make(sqlite_site)
    found = rows_of(made)
    for number, table in enumerate(ODD_TABLES, 1):
        assert found[table] == number
    assert found["keyed"] == 0
    assert not {"looked", "searched", "sqlite_sequence"} & found.keys()
    sqlite_site.manage("restore_backup", made["id"], "--force")
    words = sqlite_site.query("SELECT words FROM searched WHERE searched MATCH 'words'")
    assert words == [("some words",)]


@pytest.mark.parametrize("name", ["in memory/mode=memory.sqlite3", "file:{folder}/:memory:/db"])
def test_a_file_with_memory_in_its_path_is_a_file(sqlite_site: Site, name: str) -> None:
    name = name.format(folder=sqlite_site.folder)
    moved = sqlite_site.folder / name.removeprefix("file:")
    moved.parent.mkdir()
    sqlite_site.sqlite_file.rename(moved)
    if not name.startswith("file:"):
        name = str(moved)
    more_settings(sqlite_site, f"DATABASES['default']['NAME'] = {name!r}")
    made = make(sqlite_site)
    assert rows_of(made)["shop_order"] == 50
    with contextlib.closing(sqlite3.connect(moved)) as connection, connection:
        connection.execute("DELETE FROM shop_orderitem")
    sqlite_site.manage("restore_backup", made["id"], "--force")
    with contextlib.closing(sqlite3.connect(moved)) as connection:
        (left,) = connection.execute("SELECT count(*) FROM shop_orderitem").fetchone()
    assert left == rows_of(made)["shop_orderitem"] > 0


@pytest.mark.parametrize("name", [":memory:", "file:shared?mode=memory&cache=shared", ""])
def test_a_database_in_memory_is_refused(sqlite_site: Site, name: str) -> None:
    more_settings(sqlite_site, f"DATABASES['default']['NAME'] = {name!r}")
    result = sqlite_site.manage("create_backup", check=False)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    if name:
        assert_refused(result, "'default' was not dumped", "memory")
    assert not leftovers(sqlite_site.backups)


def test_an_open_transaction_of_this_process_is_refused(sqlite_site: Site) -> None:
    script = (
        "from django.db import transaction\n"
        "from trustbackup.operations.backup.create import create_backup\n"
        "from trustbackup.exceptions import DumpError\n"
        "from webshop.shop.models import Order\n"
        "try:\n"
        "    with transaction.atomic():\n"
        "        Order.objects.all().delete()\n"
        "        create_backup()\n"
        "except DumpError as error:\n"
        "    print(error)\n"
    )
    result = sqlite_site.manage("shell", "--no-imports", "-c", script)
    assert "'default' was not dumped" in result.stdout
    assert "transaction" in result.stdout
    assert sqlite_site.query("SELECT count(*) FROM shop_order") == [(50,)]
    assert not leftovers(sqlite_site.backups)


def test_a_name_with_odd_characters_is_one_file(sqlite_site: Site) -> None:
    odd = sqlite_site.folder / "a b?cache=shared&x#%20'q\".sqlite3"
    sqlite_site.sqlite_file.rename(odd)
    more_settings(sqlite_site, f"DATABASES['default']['NAME'] = {str(odd)!r}")
    before = sorted(path.name for path in sqlite_site.folder.iterdir())
    result = sqlite_site.manage("create_backup", "--json", check=False)
    assert result.returncode == 0, str(result)
    after = sorted(path.name for path in sqlite_site.folder.iterdir())
    assert set(after) - set(before) <= {"backups", f"{odd.name}-wal", f"{odd.name}-shm"}


def test_a_list_with_nothing_new_does_not_wait_for_a_writer(sqlite_site: Site) -> None:
    site = replace(sqlite_site, database_url=f"{sqlite_site.database_url}?timeout=600")
    make(site)
    run_all(site, [["list_backups"]])
    with contextlib.closing(
        sqlite3.connect(sqlite_site.sqlite_file, isolation_level=None)
    ) as holder:
        holder.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        (listing,) = run_all(site, [["list_backups", "--json"]])
        assert time.monotonic() - began < 300, "it waited for the lock"
        assert listing.returncode == 0, str(listing)
        assert len(listing.json) == 1
