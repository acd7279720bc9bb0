"""Faults 10 to 18 on MariaDB: what a dump does when something is in its way."""

from __future__ import annotations

import contextlib
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import mariadb
from tests.support.mariadb import Database
from tests.support.mariadb_dumps import as_alias, dump_of
from trustbackup.databases.mysql import MySQL
from trustbackup.databases.mysql.dump import BOUNDARY
from trustbackup.databases.values import DumpRequest
from trustbackup.exceptions import DumpError

TABLES = """
CREATE TABLE a (id int AUTO_INCREMENT PRIMARY KEY, t varchar(200));
CREATE TABLE b (id int AUTO_INCREMENT PRIMARY KEY, t varchar(200));
INSERT INTO a (t) SELECT concat('(1),\n(2);\n-- ', seq) FROM seq_1_to_3000;
INSERT INTO b SELECT * FROM a;
CREATE TRIGGER noted AFTER UPDATE ON a FOR EACH ROW SET @n = 1;
CREATE FUNCTION f() RETURNS text RETURN '
-- Table structure for table `faked`
';
"""


@pytest.fixture
def shop(mariadb_database: Database, django_db_blocker: Any) -> Iterator[Database]:
    mariadb_database.load(TABLES)
    with django_db_blocker.unblock():
        yield mariadb_database


def user_with(database: Database, *grants: str) -> dict[str, str]:
    """USER and PASSWORD of a new user of the server who has these rights in the database."""
    server, name = database.server, f"u_{secrets.token_hex(4)}"
    password = "p@ss w'o\"rd%/:?# \\"
    server.execute(f"CREATE USER {name} IDENTIFIED BY %s", parameters=[password])
    for grant in grants:
        server.execute(f"GRANT {grant} ON `{database.name}`.* TO {name}")
    return {"USER": name, "PASSWORD": password}


ENOUGH = "SELECT, SHOW VIEW, TRIGGER, EVENT, EXECUTE"


def load_beside(database: Database, data: bytes) -> dict[str, int]:
    """The rows of ``a`` and ``b`` that a dump brings back by hand."""
    server, name = database.server, f"{database.name}_beside"
    server.execute(f"CREATE OR REPLACE DATABASE `{name}`")
    server.load(name, data)
    return {
        table: server.execute(f"SELECT count(*) FROM {table}", name)[0][0] for table in ("a", "b")
    }


@contextlib.contextmanager
def writers(database: Database, *statements: str) -> Iterator[Callable[[], int]]:
    """Somebody who writes pairs all along; gives how many there were."""
    stop, pairs = threading.Event(), [0]

    def write() -> None:
        with contextlib.closing(database.connect()) as connection:
            while not stop.is_set():
                connection.begin()
                for statement in statements:
                    mariadb.run_statement(connection, statement)
                connection.commit()
                pairs[0] += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        while not pairs[0] and thread.is_alive():
            time.sleep(0.01)
        yield lambda: pairs[0]
    finally:
        stop.set()
        thread.join()


def interrupted_dump(engine: MySQL, workdir: Path, happen: Callable[[], object]) -> None:
    """Dump, and let something happen once the dump is under way."""
    with engine.dump(DumpRequest(workdir=workdir)) as dump:
        block = memoryview(bytearray(1 << 16))
        assert dump.readinto(block)
        happen()
        while dump.readinto(block):
            pass


PAIR = ("INSERT INTO a (t) VALUES ('x')", "INSERT INTO b (t) VALUES ('x')")


def test_fault_14_rows_are_those_of_the_dump_while_others_write(
    shop: Database, tmp_path: Path
) -> None:
    with as_alias(shop) as engine, writers(shop, *PAIR) as written:
        for _round in range(5):
            before = written()
            made = dump_of(engine, tmp_path)
            assert load_beside(shop, made.data) == {name: made.rows[name] for name in ("a", "b")}
            assert made.rows["a"] == made.rows["b"], "of one instant"
        assert written() > before, "writers went on"


def test_fault_14_without_the_right_to_lock_the_stream_is_counted(
    shop: Database, tmp_path: Path
) -> None:
    user = user_with(shop, ENOUGH)
    shop.server.execute(f"GRANT SELECT ON mysql.proc TO {user['USER']}")
    with as_alias(shop, **user) as engine, writers(shop, *PAIR):
        made = dump_of(engine, tmp_path)
    assert load_beside(shop, made.data) == {name: made.rows[name] for name in ("a", "b")}
    assert made.rows["a"] == made.rows["b"] >= 3000


def test_fault_14_a_long_transaction_holds_the_dump_up_only_shortly(
    shop: Database, tmp_path: Path
) -> None:
    with contextlib.closing(shop.connect()) as other, as_alias(shop) as engine:
        other.begin()
        mariadb.run_statement(other, PAIR[0])
        made = dump_of(engine, tmp_path)
        other.rollback()
    assert load_beside(shop, made.data) == {"a": 3000, "b": 3000}
    assert made.rows == {"a": 3000, "b": 3000}


def test_fault_14_tables_without_snapshots_are_locked_until_the_end(
    shop: Database, tmp_path: Path
) -> None:
    shop.load("ALTER TABLE a ENGINE=Aria; ALTER TABLE b ENGINE=MyISAM;")
    with as_alias(shop) as engine, writers(shop, *PAIR):
        made = dump_of(engine, tmp_path)
    assert load_beside(shop, made.data) == {name: made.rows[name] for name in ("a", "b")}


def test_a_table_that_can_neither_be_locked_nor_seen_at_one_instant_is_refused(
    shop: Database, tmp_path: Path
) -> None:
    shop.load("ALTER TABLE a ENGINE=Aria")
    with as_alias(shop, **user_with(shop, ENOUGH)) as engine, pytest.raises(DumpError) as refused:
        dump_of(engine, tmp_path)
    assert "table a (Aria) has no snapshot" in str(refused.value)
    assert f"GRANT LOCK TABLES ON `{shop.name}`.* TO USER" in refused.value.todo


@pytest.mark.parametrize("missing", ["TRIGGER", "EVENT", "EXECUTE"])
def test_a_user_who_cannot_see_everything_is_refused(
    shop: Database, tmp_path: Path, missing: str
) -> None:
    rights = ", ".join(right for right in ENOUGH.split(", ") if right != missing)
    user = user_with(shop, rights, "LOCK TABLES")
    with as_alias(shop, **user) as engine, pytest.raises(DumpError) as refused:
        dump_of(engine, tmp_path)
    assert f"GRANT {missing} ON `{shop.name}`.* TO USER" in refused.value.todo
    assert user["PASSWORD"] not in str(refused.value)


def test_a_routine_whose_body_is_somebody_elses_secret_is_refused(
    shop: Database, tmp_path: Path
) -> None:
    user = user_with(shop, ENOUGH, "LOCK TABLES")
    with as_alias(shop, **user) as engine, pytest.raises(DumpError) as refused:
        dump_of(engine, tmp_path)
    assert "SHOW CREATE FUNCTION" in str(refused.value)
    assert "mysql.proc" in refused.value.todo


def test_fault_11_the_server_goes_in_the_middle(
    private_mariadb: mariadb.Server, tmp_path: Path, django_db_blocker: Any
) -> None:
    with mariadb.new_database(private_mariadb) as database, django_db_blocker.unblock():
        database.load("CREATE TABLE a AS SELECT seq, repeat('x', 2000) t FROM seq_1_to_20000")
        with as_alias(database) as engine, pytest.raises(DumpError) as failed:
            interrupted_dump(engine, tmp_path, private_mariadb.stop)
        assert "was not dumped" in str(failed.value)
        assert failed.value.todo
        private_mariadb.start()
        with as_alias(database) as engine:
            assert dump_of(engine, tmp_path).rows == {"a": 20000}


def test_fault_12_a_dumper_that_is_not_there(
    shop: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with as_alias(shop) as engine, pytest.raises(DumpError) as failed:
        dump_of(engine, tmp_path)
    assert "mariadb-client" in failed.value.todo


def test_a_table_that_is_rebuilt_before_it_was_read(shop: Database, tmp_path: Path) -> None:
    shop.load("CREATE TABLE aa AS SELECT seq, repeat('x', 2000) t FROM seq_1_to_20000")
    with as_alias(shop) as engine, pytest.raises(DumpError) as failed:
        interrupted_dump(engine, tmp_path, lambda: shop.execute("ALTER TABLE b WAIT 20 FORCE"))
    assert "1412" in str(failed.value)


def test_attack_04_a_password_is_in_no_argument_and_no_file(
    shop: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, odd = shop.server, f"{shop.name}_o'd \"d#-`%"
    quoted = f"`{odd.replace('`', '``')}`"
    server.execute(f"CREATE DATABASE {quoted}")
    server.load(odd, "CREATE TABLE `t#'\"` AS SELECT 1 AS one")
    user = user_with(shop)
    server.execute(f"GRANT ALL ON {quoted}.* TO {user['USER']}")
    monkeypatch.setenv("MYSQL_PWD", "another")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with (
        as_alias(shop, NAME=odd, **user) as engine,
        engine.dump(DumpRequest(workdir=tmp_path)) as dump,
    ):
        running: Any = dump
        process = Path(f"/proc/{running._program.pid}")
        told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        block = memoryview(bytearray(1 << 16))
        while dump.readinto(block):
            pass
        assert dump.facts(no_raw).tables[0].name == "t#'\""
    seen = told.decode(errors="replace")
    assert odd in seen
    assert user["PASSWORD"] not in seen
    assert "another" not in seen
    assert list(tmp_path.iterdir()) == []


def no_raw() -> Any:
    raise AssertionError("nothing is read again")


def test_sql_modes_zero_dates_and_floats_change_nothing(
    mariadb_database: Database, tmp_path: Path, django_db_blocker: Any
) -> None:
    mariadb_database.load(
        "SET sql_mode=''; CREATE TABLE a (d date, f float, s text); CREATE TABLE b (d date);"
        "INSERT INTO a VALUES ('0000-00-00', 0.1234567891, 'a\\\\b\"''\\0');"
        "INSERT INTO b VALUES (0)"
    )
    modes = "SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,NO_ZERO_DATE'"
    with (
        django_db_blocker.unblock(),
        as_alias(mariadb_database, OPTIONS={"init_command": modes}) as engine,
    ):
        made = dump_of(engine, tmp_path, content=True, compare=True)
    sums = {table.name: table.fingerprint for table in made.facts.tables}
    assert sums["a"] == "", "a FLOAT comes back with other digits"
    assert sums["b"]
    assert load_beside(mariadb_database, made.data) == {"a": 1, "b": 1}
    again = mariadb_database.server.execute("CHECKSUM TABLE b", f"{mariadb_database.name}_beside")
    assert f"{again[0][1]:x}" == sums["b"]
    assert re.fullmatch("[0-9a-f]{64}", made.facts.definition)


def test_triggers_and_events_come_after_everything_else(shop: Database, tmp_path: Path) -> None:
    shop.load("CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM a")
    with as_alias(shop) as engine:
        made = dump_of(engine, tmp_path)
    first, _boundary, second = made.data.partition(BOUNDARY)
    assert b"TRIGGER noted" not in first
    assert b"EVENT `nightly`" not in first
    assert b"TRIGGER noted" in second
    assert b"EVENT `nightly`" in second
    assert b"CREATE TABLE" not in second
    held = made.facts.inventory.objects if made.facts.inventory else {}
    assert held["trigger"] == "a.noted"


def test_rows_that_are_left_out(shop: Database, tmp_path: Path) -> None:
    with as_alias(shop) as engine:
        made = dump_of(engine, tmp_path, excluded=("b", "nowhere"))
    assert made.rows == {"a": 3000, "b": 0}
    assert made.facts.excluded == ("b",)
    assert load_beside(shop, made.data) == {"a": 3000, "b": 0}
