"""SQLite files as sites have them: other pages, links, read-only mounts, tables left out."""

from __future__ import annotations

import contextlib
import gzip
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.backups import assert_refused, leftovers, make, more_settings, rows_of
from tests.support.content import digest
from tests.support.restores import drill, plan, restore, undo
from tests.support.sites import Site


def repage(file: Path, size: int) -> None:
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute(f"PRAGMA page_size = {size}")
        connection.execute("VACUUM")


def setting(file: Path, name: str) -> object:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]


@pytest.mark.parametrize("sizes", [(4096, 1024), (1024, 8192)], ids=["smaller", "larger"])
def test_case_q2_a_wal_database_with_other_pages_gets_its_backup_and_its_undo(
    sqlite_site: Site, sizes: tuple[int, int]
) -> None:
    then, now = sizes
    repage(sqlite_site.sqlite_file, then)
    # Rows that are known by their number only must keep it.
    sqlite_site.query("CREATE TABLE unkeyed (v text)")
    sqlite_site.query("INSERT INTO unkeyed (rowid, v) VALUES (7, 'a'), (70, 'b')")
    made = make(sqlite_site)
    before = digest(sqlite_site)
    repage(sqlite_site.sqlite_file, now)
    sqlite_site.query("PRAGMA journal_mode = WAL")
    sqlite_site.query("DELETE FROM unkeyed")
    later = digest(sqlite_site)
    assert drill(sqlite_site, made["id"])["ok"]
    assert not plan(sqlite_site, made["id"])["refusals"]
    # Somebody reads meanwhile, so the mode can't be changed.
    with contextlib.closing(sqlite3.connect(sqlite_site.sqlite_file)) as reader:
        reader.execute("SELECT count(*) FROM unkeyed").fetchone()
        restore(sqlite_site, made["id"])
    assert digest(sqlite_site) == before
    assert sqlite_site.query("SELECT rowid FROM unkeyed") == [(7,), (70,)]
    assert setting(sqlite_site.sqlite_file, "page_size") == now
    assert setting(sqlite_site.sqlite_file, "journal_mode") == "wal"
    assert setting(sqlite_site.sqlite_file, "integrity_check") == "ok"
    undo(sqlite_site)
    assert digest(sqlite_site) == later
    assert not list(sqlite_site.folder.glob("*-fitting"))


def test_case_q2_wal_that_is_switched_on_later_does_not_shut_the_way_to_undo(
    sqlite_site: Site,
) -> None:
    repage(sqlite_site.sqlite_file, 1024)
    made = make(sqlite_site)
    repage(sqlite_site.sqlite_file, 4096)
    sqlite_site.query("DELETE FROM shop_orderitem")
    before = digest(sqlite_site)
    restore(sqlite_site, made["id"])
    sqlite_site.query("PRAGMA journal_mode = WAL")
    undo(sqlite_site)
    assert digest(sqlite_site) == before


def test_case_g5_the_old_database_is_kept_where_the_real_file_lies(
    sqlite_site: Site, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    release = tmp_path / "release"
    shared.mkdir()
    release.mkdir()
    real = shared / "real.sqlite3"
    sqlite_site.sqlite_file.rename(real)
    for link, target in ((release / "hop", real), (release / "db.sqlite3", release / "hop")):
        link.symlink_to(target)
    sqlite_site.sqlite_file.symlink_to(release / "db.sqlite3")
    made = make(sqlite_site)
    sqlite_site.query("DELETE FROM shop_orderitem")
    restore(sqlite_site, made["id"])
    assert sorted(path.name for path in release.iterdir()) == ["db.sqlite3", "hop"]
    assert not list(sqlite_site.folder.glob("*_before_*"))
    (kept,) = shared.glob("real_before_*.sqlite3")
    assert kept.is_file()
    # The next deployment brings another link and removes the old folder.
    for link in (release / "db.sqlite3", release / "hop", sqlite_site.sqlite_file):
        link.unlink()
    release.rmdir()
    sqlite_site.sqlite_file.symlink_to(real)
    undo(sqlite_site)
    assert sqlite_site.query("SELECT count(*) FROM shop_orderitem") == [(0,)]


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Callable[[Path], None]]:
    """Mounts a folder on itself so that nobody may write there; skips where that is forbidden."""
    mounted: list[Path] = []

    def mount(folder: Path) -> None:
        bind = ["mount", "--bind", str(folder), str(folder)]
        again = ["mount", "-o", "remount,ro,bind", str(folder)]
        if os.geteuid() != 0 or subprocess.run(bind, check=False, capture_output=True).returncode:
            pytest.skip("this system does not let the tests mount")
        mounted.append(folder)
        subprocess.run(again, check=True)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def second_database(site: Site, tmp_path: Path, *, wal: bool) -> Path:
    folder = tmp_path / "archive"
    folder.mkdir()
    file = folder / "old.sqlite3"
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA journal_mode = {'WAL' if wal else 'DELETE'}")
        connection.execute("CREATE TABLE aged (id integer PRIMARY KEY)")
        connection.execute("INSERT INTO aged VALUES (1), (2), (3)")
    more_settings(
        site,
        f"DATABASES['archive'] = {{'ENGINE': 'django.db.backends.sqlite3', 'NAME': {str(file)!r}}}",
    )
    return file


@pytest.mark.parametrize("wal", [True, False], ids=["WAL", "rollback journal"])
def test_case_g4_a_database_on_a_read_only_mount_is_backed_up_and_drilled(
    sqlite_site: Site, tmp_path: Path, read_only: Callable[[Path], None], *, wal: bool
) -> None:
    file = second_database(sqlite_site, tmp_path, wal=wal)
    read_only(file.parent)
    made = make(sqlite_site)
    assert rows_of(made, "archive") == {"aged": 3}
    assert drill(sqlite_site, made["id"])["ok"]
    found = plan(sqlite_site, made["id"])
    assert any(str(file.parent) in refusal for refusal in found["refusals"])
    assert not leftovers(sqlite_site.backups)


def test_case_g4_what_is_still_in_its_log_is_never_left_out(
    sqlite_site: Site, tmp_path: Path, read_only: Callable[[Path], None]
) -> None:
    file = second_database(sqlite_site, tmp_path, wal=True)
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.execute("INSERT INTO aged VALUES (4)")
        log = Path(f"{file}-wal").read_bytes()
    # As after a crash: rows in the log, and nobody there to play it back.
    Path(f"{file}-wal").write_bytes(log)
    read_only(file.parent)
    result = sqlite_site.manage("create_backup", "--database", "archive", check=False)
    assert_refused(result, "'archive' was not dumped", "its folder", "WAL")


def test_case_i3_rows_of_excluded_tables_are_left_out_on_sqlite(sqlite_site: Site) -> None:
    secret = "found-by-anybody-who-reads-the-backup"
    sqlite_site.query("CREATE TABLE noise (id integer PRIMARY KEY, v text)")
    sqlite_site.query(f"INSERT INTO noise (v) VALUES ('{secret}'), ('{secret}')")
    sqlite_site.query(
        "CREATE TRIGGER counted AFTER DELETE ON noise BEGIN"
        " INSERT INTO shop_category (category_name) VALUES ('trigger'); END"
    )
    more_settings(
        sqlite_site, "DBBACKUP_CONNECTORS = {'default': {'EXCLUDE': ['noise', 'not_there']}}"
    )
    made = make(sqlite_site)
    rows = rows_of(made)
    assert rows["noise"] == 0
    assert rows["shop_order"] == 50
    raw = gzip.decompress(Path(made["files"][0]["path"]).read_bytes())
    assert secret.encode() not in raw
    assert drill(sqlite_site, made["id"])["ok"]
    restore(sqlite_site, made["id"])
    assert sqlite_site.query("SELECT count(*) FROM noise") == [(0,)]
    assert sqlite_site.query(
        "SELECT count(*) FROM shop_category WHERE category_name = 'trigger'"
    ) == [(0,)]
    assert sqlite_site.query("SELECT name FROM sqlite_master WHERE type = 'trigger'") == [
        ("counted",)
    ]


def test_case_q_rows_that_break_a_check_are_no_damage(sqlite_site: Site) -> None:
    with contextlib.closing(sqlite3.connect(sqlite_site.sqlite_file)) as connection:
        connection.executescript("""
            CREATE TABLE rule (pieces int CHECK (pieces < 5), name text);
            PRAGMA ignore_check_constraints = ON;
            INSERT INTO rule VALUES (9, NULL);
            PRAGMA writable_schema = ON;
            UPDATE sqlite_master SET sql = 'CREATE TABLE rule (pieces int CHECK (pieces < 5),
                name text NOT NULL)' WHERE name = 'rule';
        """)
    made = make(sqlite_site)
    assert drill(sqlite_site, made["id"])["ok"]
    restore(sqlite_site, made["id"])
    sqlite_site.query("DELETE FROM shop_order")
    undo(sqlite_site)
    assert sqlite_site.query("SELECT pieces, name FROM rule") == [(9, None)]
    assert sqlite_site.query("SELECT count(*) FROM shop_order") == [(50,)]


def test_case_k1_one_file_under_two_names_is_backed_up_once(sqlite_site: Site) -> None:
    link = sqlite_site.home / "hard.sqlite3"
    link.hardlink_to(sqlite_site.sqlite_file)
    replica = f"{{**DATABASES['default'], 'NAME': {str(link)!r}}}"
    more_settings(sqlite_site, f"DATABASES = {{'replica': {replica}, **DATABASES}}")
    made = make(sqlite_site)
    assert [file["part"] for file in made["files"]] == ["default"], "whatever comes first"
    before = digest(sqlite_site)
    sqlite_site.query("DELETE FROM shop_order")
    restore(sqlite_site, made["id"])
    assert digest(sqlite_site) == before
    undo(sqlite_site)
    assert sqlite_site.query("SELECT count(*) FROM shop_order") == [(0,)]


def test_case_c6_a_trigger_on_our_tables_that_needs_what_the_backup_lacks_is_left_out(
    sqlite_site: Site,
) -> None:
    """SQLite makes it whatever it names; each run would then fail to be recorded."""
    made = make(sqlite_site)
    for event in ("INSERT", "UPDATE OF state", "DELETE"):
        sqlite_site.query(
            f"CREATE TRIGGER watched_{event[:6]} AFTER {event} ON trustbackup_run"
            " BEGIN INSERT INTO watchlog VALUES (1); END"
        )
    sqlite_site.query("CREATE TABLE watchlog (t)")
    sqlite_site.query("CREATE TRIGGER harmless AFTER INSERT ON trustbackup_run BEGIN SELECT 1; END")
    sqlite_site.query("CREATE INDEX by_action ON trustbackup_run (action)")
    notes = " ".join(restore(sqlite_site, made["id"])["notes"])
    assert notes.count("was left out: no such table: main.watchlog") == 3
    hung = "SELECT name FROM sqlite_master WHERE name IN ('harmless', 'by_action') OR name LIKE"
    assert len(sqlite_site.query(f"{hung} 'watched%'")) == 2
    make(sqlite_site)
    runs = sqlite_site.query("SELECT action, state FROM trustbackup_run")
    assert runs.count(("create", "succeeded")) == 2
    assert ("restore", "succeeded") in runs
    undo(sqlite_site)
    assert len(sqlite_site.query(f"{hung} 'watched%'")) == 5
