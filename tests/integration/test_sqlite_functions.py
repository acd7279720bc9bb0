"""SQLite tables that can't be read without what the site registers on its connections."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.backups import assert_refused, leftovers, make, more_settings, rows_of
from tests.support.restores import drill
from tests.support.sites import Site

# Django's own functions come first; the receiver adds the site's, and does what sites do.
RECEIVER = """
from django.apps import AppConfig
from django.db.backends.signals import connection_created

def backwards(a, b):
    return (a < b) - (a > b)

def prepare(sender, connection, **_):
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            {first}
        connection.connection.create_collation("backwards", backwards)
        connection.connection.create_function("shout", 1, str.upper, deterministic=True)

connection_created.connect(prepare, weak=False)
"""
SCHEMA = """
CREATE TABLE hashed (id integer PRIMARY KEY, v text NOT NULL,
    m text GENERATED ALWAYS AS (MD5(v)) VIRTUAL, CHECK (SHA1(v) <> ''));
CREATE INDEX hashed_m ON hashed (m);
CREATE TABLE sorted (id integer PRIMARY KEY, v text COLLATE backwards);
CREATE INDEX sorted_v ON sorted (v);
CREATE INDEX sorted_loud ON sorted (shout(v)) WHERE shout(v) <> 'X';
INSERT INTO hashed (v) VALUES ('one'), ('two');
INSERT INTO sorted (v) VALUES ('a'), ('b'), ('c');
"""


@contextlib.contextmanager
def as_the_site(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection that knows the functions, for the test itself."""
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        for name in ("MD5", "SHA1"):
            make_hash = getattr(hashlib, name.lower())
            connection.create_function(
                name, 1, lambda v, h=make_hash: h(v.encode()).hexdigest(), deterministic=True
            )
        connection.create_function("shout", 1, str.upper, deterministic=True)
        connection.create_collation("backwards", lambda a, b: (a < b) - (a > b))
        yield connection


def site_with_functions(site: Site, first: str = "pass") -> None:
    (site.home / "registers.py").write_text(RECEIVER.format(first=first))
    more_settings(site, "import registers")
    with as_the_site(site.sqlite_file) as connection:
        connection.executescript(SCHEMA)


# What receivers of real sites do first: nothing, a journal mode, something that needs to write.
@pytest.mark.parametrize(
    "first",
    ["pass", 'cursor.execute("PRAGMA journal_mode = WAL").fetchone()[0]'],
    ids=["plain", "WAL"],
)
def test_case_q1_tables_that_call_functions_of_the_site_are_backed_up_and_come_back(
    sqlite_site: Site, first: str
) -> None:
    site_with_functions(sqlite_site, first)
    made = make(sqlite_site)
    assert rows_of(made)["hashed"] == 2
    assert rows_of(made)["sorted"] == 3
    assert drill(sqlite_site, made["id"])["ok"]
    with as_the_site(sqlite_site.sqlite_file) as connection:
        connection.execute("DELETE FROM hashed")
        connection.execute("INSERT INTO sorted (v) VALUES ('later')")
    sqlite_site.manage("restore_backup", made["id"], "--dry-run")
    sqlite_site.manage("restore_backup", made["id"], "--force")
    with as_the_site(sqlite_site.sqlite_file) as connection:
        found = connection.execute("SELECT m FROM hashed WHERE m = MD5('two')").fetchall()
        assert found == [(hashlib.md5(b"two").hexdigest(),)]
        assert connection.execute("SELECT v FROM sorted ORDER BY v").fetchall() == [
            ("c",),
            ("b",),
            ("a",),
        ]
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    sqlite_site.manage("undo_restore")
    with as_the_site(sqlite_site.sqlite_file) as connection:
        assert connection.execute("SELECT count(*) FROM sorted").fetchone() == (4,)
    assert not leftovers(sqlite_site.backups)
    left = {path.name for path in sqlite_site.folder.glob("*_restore_*")}
    assert not left


def test_case_q1_one_table_is_restored_beside_the_live_ones(sqlite_site: Site) -> None:
    site_with_functions(sqlite_site)
    made = make(sqlite_site)
    beside = sqlite_site.folder / "beside.sqlite3"
    sqlite_site.manage("restore_backup", made["id"], "--into", str(beside), "--table", "sorted")
    with as_the_site(beside) as connection:
        assert connection.execute("SELECT count(*) FROM sorted").fetchone() == (3,)


def test_case_q1_a_receiver_that_fails_on_the_copy_is_passed_over(sqlite_site: Site) -> None:
    more_settings(sqlite_site, "import registers")
    (sqlite_site.home / "registers.py").write_text(
        RECEIVER.format(first='cursor.execute("INSERT INTO shop_category VALUES (1, 2, 3)")')
    )
    made = make(sqlite_site)
    assert drill(sqlite_site, made["id"])["ok"]


def test_case_q1_what_nobody_registers_is_named(sqlite_site: Site) -> None:
    with contextlib.closing(sqlite3.connect(sqlite_site.sqlite_file)) as connection, connection:
        connection.create_function("nowhere", 1, str.upper, deterministic=True)
        connection.execute("CREATE TABLE odd (v text, w text AS (nowhere(v)))")
        connection.execute("CREATE INDEX odd_w ON odd (w)")
        connection.execute("INSERT INTO odd VALUES ('x')")
    result = sqlite_site.manage("create_backup", check=False)
    assert_refused(result, "'default'", "nowhere()", "connection_created")
