"""Rows 38 and 39: readers, writers and a full disk while SQLite's file is swapped."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.backups import assert_refused, listed, make, more_settings, wait_for
from tests.support.content import content, digest
from tests.support.restores import beside, go_on, restore, unfinished
from tests.support.sites import Site

WRITER = """
import pathlib, sqlite3, sys
live, told = sys.argv[1:]
db = sqlite3.connect(live, timeout=60, isolation_level=None)
with open(told, "a", buffering=1) as log:
    for number in range(10**6):
        try:
            db.execute("INSERT INTO grown_after VALUES (?, 'written')", [number + 100])
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                break
            raise
        print(number + 100, file=log)
"""


def test_fault_38_a_reader_with_an_open_transaction_sees_one_state_to_its_end(
    sqlite_site: Site,
) -> None:
    then = content(sqlite_site)
    make(sqlite_site)
    go_on(sqlite_site)
    query = "SELECT count(*) FROM shop_category WHERE category_name = 'after'"
    with contextlib.closing(sqlite3.connect(sqlite_site.sqlite_file)) as reader:
        reader.execute("BEGIN")
        assert reader.execute(query).fetchone() == (1,)
        restore(sqlite_site, "latest")
        assert reader.execute(query).fetchone() == (1,)
        assert reader.execute("SELECT count(*) FROM grown_after").fetchone() == (1,)
        reader.execute("ROLLBACK")
        assert reader.execute(query).fetchone() == (0,)
    assert content(sqlite_site) == then


READING = """
import pathlib, sqlite3, threading, time
from django.core.management import call_command
from trustbackup.databases.sqlite import replacement
real = replacement.copy_database
def copy_database(new, live, *args, **options):
    (_, _, path), *_ = live.execute("PRAGMA database_list")
    reader = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM shop_order").fetchone()
    real(new, live, *args, **options)
    copied.append(time.monotonic())
    timer = threading.Timer(SECONDS, reader.close)
    timer.daemon = True
    timer.start()
finish = replacement.finish_old_copy
def emptied(*args):
    print("took", time.monotonic() - copied[0])
    print("left", pathlib.Path(WAL).stat().st_size)
    finish(*args)
copied, replacement.copy_database, replacement.finish_old_copy = [], copy_database, emptied
call_command("restore_backup", "latest", "--force")
"""


@pytest.mark.parametrize("seconds", [0.5, 600.0])
def test_fault_38_a_reader_is_waited_for_briefly_before_the_wal_is_emptied(
    sqlite_site: Site, seconds: float
) -> None:
    then = content(sqlite_site)
    make(sqlite_site)
    go_on(sqlite_site)
    wal = sqlite_site.sqlite_file.with_name(f"{sqlite_site.sqlite_file.name}-wal")
    code = READING.replace("SECONDS", str(seconds)).replace("WAL", repr(str(wal)))
    said = sqlite_site.manage("shell", "--no-imports", "-c", code).stdout
    took, left = (float(said.partition(word)[2].split()[0]) for word in ("took", "left"))
    if seconds < 1:
        assert (left, took >= seconds) == (0, True), said
    else:
        assert (left > 0, took < 300) == (True, True), said
    assert content(sqlite_site) == then


def test_fault_38_a_stale_wal_does_not_bring_newer_rows_back(sqlite_site: Site) -> None:
    then = content(sqlite_site)
    make(sqlite_site)
    live = sqlite_site.sqlite_file
    aside = sqlite_site.folder / "aside"
    with contextlib.closing(sqlite3.connect(live)) as writer:
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        writer.execute("INSERT INTO shop_category (category_name) VALUES ('in the wal')")
        writer.commit()
        for end in ("", "-wal", "-shm"):
            shutil.copy(f"{live}{end}", f"{aside}{end}")
    # As a machine that lost its power leaves it: nobody has it open, the rows are in the -wal.
    for end in ("", "-wal", "-shm"):
        shutil.copy(f"{aside}{end}", f"{live}{end}")
    assert Path(f"{live}-wal").stat().st_size
    done = restore(sqlite_site, "latest")
    assert content(sqlite_site) == then
    with contextlib.closing(sqlite3.connect(done["previous"])) as old:
        rows = old.execute("SELECT count(*) FROM shop_category WHERE category_name = 'in the wal'")
        assert rows.fetchone() == (1,)


def test_fault_38_a_writer_loses_nothing_that_it_was_told_is_committed(
    sqlite_site: Site, tmp_path: Path
) -> None:
    then = content(sqlite_site)
    made = make(sqlite_site)
    go_on(sqlite_site)
    told = tmp_path / "told"
    told.touch()
    command = [sys.executable, "-c", WRITER, str(sqlite_site.sqlite_file), str(told)]
    writer = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        wait_for(lambda: told.stat().st_size)
        result = sqlite_site.manage("restore_backup", made["id"], "--force", "--json", check=False)
        if result.returncode:
            # Honest, too: the writer was quicker every time, and nothing happened to the file.
            assert "was locked for 30 seconds" in result.stderr, str(result)
        else:
            assert writer.wait(60) == 0, writer.stderr.read() if writer.stderr else ""
    finally:
        writer.kill()
        writer.communicate()
    committed = {int(line) for line in told.read_text().splitlines()}
    previous = result.json["databases"]["default"]["previous"] if not result.returncode else ""
    with contextlib.closing(sqlite3.connect(previous or sqlite_site.sqlite_file)) as database:
        there = {number for (number,) in database.execute("SELECT id FROM grown_after")}
    assert committed <= there
    if previous:
        assert content(sqlite_site) == then


def test_fault_38_a_locked_file_is_refused_after_a_bounded_wait(sqlite_site: Site) -> None:
    make(sqlite_site)
    go_on(sqlite_site)
    before = digest(sqlite_site)
    more_settings(sqlite_site, "TRUSTBACKUP = {**TRUSTBACKUP, 'LOCK_TIMEOUT': 1}")
    with contextlib.closing(sqlite3.connect(sqlite_site.sqlite_file)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO shop_category (category_name) VALUES ('never')")
        result = sqlite_site.manage("restore_backup", "latest", "--force", "--json", check=False)
        assert_refused(result, "locked")
        writer.rollback()
    assert digest(sqlite_site) == before
    assert beside(sqlite_site) == []
    assert not unfinished(sqlite_site)


@pytest.mark.parametrize("spare", [100, 350, 650])
def test_fault_39_a_disk_that_fills_during_a_restore_leaves_the_live_one_alone(
    sqlite_site: Site, small_tmpfs: Callable[[int], Path], spare: int
) -> None:
    folder = small_tmpfs(sqlite_site.sqlite_file.stat().st_size + (spare << 10))
    shutil.copy(sqlite_site.sqlite_file, folder / "db.sqlite3")
    site = Site(sqlite_site.folder, f"sqlite:///{folder / 'db.sqlite3'}")
    code = (
        "from trustbackup.databases.sqlite.database import SQLite\n"
        "SQLite.room_for = lambda self, size: ''\n"
        "from django.core.management import call_command\n"
        "call_command('restore_backup', 'latest', '--force', '--json')\n"
    )
    make(site)
    live = str(folder / "db.sqlite3")
    with contextlib.closing(sqlite3.connect(live)) as connection, connection:
        connection.execute("INSERT INTO shop_category (category_name) VALUES ('after')")
    before = content(site, live)
    planned = site.manage("restore_backup", "latest", "--force", check=False)
    assert_refused(planned, "no room", str(folder))
    # Now it is kept from looking, as if others filled the disk meanwhile.
    result = site.manage("shell", "--no-imports", "-c", code, check=False)
    assert result.returncode
    assert "full" in result.stderr or "No space left" in result.stderr, str(result)
    assert content(site, live) == before
    companions = {f"db.sqlite3{end}" for end in ("", "-wal", "-shm")}
    assert {path.name for path in folder.iterdir()} <= companions
    assert len(listed(site)) == 1


WITHOUT_LINKS = """
import errno, os
from django.core.management import call_command

def refuse(*_arguments, **_keywords):
    raise PermissionError(errno.EPERM, "Operation not permitted")

os.link = refuse
call_command("restore_backup", "latest", "--into", {name!r}, "--force")
"""


def test_another_database_is_made_where_files_have_one_name_only(sqlite_site: Site) -> None:
    """FAT, exFAT and some shares have no hard links."""
    then = digest(sqlite_site)
    make(sqlite_site)
    name = sqlite_site.folder / "side.db"
    sqlite_site.manage("shell", "--no-imports", "-c", WITHOUT_LINKS.format(name=str(name)))
    assert [*sqlite_site.folder.glob("side.db*")] == [name]
    with contextlib.closing(sqlite3.connect(name)) as side:
        ((rows,),) = side.execute("SELECT count(*) FROM shop_product")
    assert sqlite_site.query("SELECT count(*) FROM shop_product") == [(rows,)]
    assert digest(sqlite_site) == then
