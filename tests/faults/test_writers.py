"""Rows 14 and 15: others write all the time, and a dump is still of one instant."""

from __future__ import annotations

import contextlib
import gzip
import random
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import clusters
from tests.support.backups import make, rows_of, verify, wait_for
from tests.support.dumpers import slow_pg_dump
from tests.support.sites import Site, finish

ACCOUNTS = 200
TOTAL = ACCOUNTS * 1000
RESTORE = 'set -o pipefail; gunzip -c "$1" | pg_restore --no-owner -d "$2"'


@contextlib.contextmanager
def writers(
    connect: Callable[[], Any], write: Callable[[Any, random.Random], None], count: int = 3
) -> Iterator[None]:
    """Threads that write through a connection of their own until the block ends."""
    stop = threading.Event()
    written = [0] * count
    errors: list[BaseException] = []

    def work(number: int) -> None:
        chance = random.Random(number)
        try:
            with contextlib.closing(connect()) as connection:
                # Without a pause they would starve all readers of a rollback journal.
                while not stop.wait(0.002):
                    write(connection, chance)
                    written[number] += 1
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not errors, errors
    assert all(written), written


def fill(site: Site) -> None:
    site.query("CREATE TABLE account (id integer PRIMARY KEY, balance integer NOT NULL)")
    site.query("CREATE TABLE transfer (id integer PRIMARY KEY, amount integer NOT NULL)")
    for number in range(ACCOUNTS):
        site.query(f"INSERT INTO account VALUES ({number}, 1000)")
    # Something between the accounts and the transfers, so that a dump takes its time.
    site.query("CREATE TABLE between_them (id integer PRIMARY KEY, data text)")


def transfer(chance: random.Random) -> list[str]:
    """One transaction that must be seen as a whole."""
    one, other = chance.sample(range(ACCOUNTS), 2)
    amount = chance.randrange(1, 50)
    return [
        f"UPDATE account SET balance = balance - {amount} WHERE id = {one}",
        f"UPDATE account SET balance = balance + {amount} WHERE id = {other}",
        f"INSERT INTO transfer SELECT coalesce(max(id), 0) + 1, {amount} FROM transfer",
    ]


def test_fault_14_the_restored_sum_is_true_while_postgresql_is_written_to(
    postgres_site: Site,
) -> None:
    database = postgres_site.database
    assert database
    fill(postgres_site)
    postgres_site.query(
        "INSERT INTO between_them SELECT n, repeat(md5(n::text), 20)"
        " FROM generate_series(1, 30000) n"
    )

    def write(connection: Any, chance: random.Random) -> None:
        with connection.transaction():
            connection.execute("LOCK TABLE transfer IN EXCLUSIVE MODE")
            for statement in transfer(chance):
                connection.execute(statement)

    with writers(database.connect, write):
        made = [make(postgres_site) for _ in range(2)]
    counts = []
    for number, backup in enumerate(made):
        other = f"{database.name}_copy{number}"
        database.execute(f"CREATE DATABASE {other}")
        subprocess.run(
            ["bash", "-c", RESTORE, "-", backup["files"][0]["path"], database.cluster.url(other)],
            check=True,
        )
        with database.cluster.connect(other) as connection:
            totals = connection.execute("SELECT sum(balance), count(*) FROM account").fetchone()
            transfers = connection.execute("SELECT count(*) FROM transfer").fetchone()
        assert totals == (TOTAL, ACCOUNTS)
        assert transfers
        assert rows_of(backup)["transfer"] == transfers[0]
        counts.append(transfers[0])
    assert 0 < counts[0] < counts[1], "nobody wrote meanwhile: the test proves nothing"


@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
def test_fault_15_the_restored_sum_is_true_while_sqlite_is_written_to(
    sqlite_site: Site, tmp_path: Path, journal: str
) -> None:
    sqlite_site.query(f"PRAGMA journal_mode = {journal}")
    fill(sqlite_site)
    sqlite_site.query(
        "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 8000)"
        " INSERT INTO between_them SELECT i, hex(randomblob(600)) FROM n"
    )

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(sqlite_site.sqlite_file, timeout=30, isolation_level=None)

    def write(connection: sqlite3.Connection, chance: random.Random) -> None:
        connection.execute("BEGIN IMMEDIATE")
        for statement in transfer(chance):
            connection.execute(statement)
        connection.execute("COMMIT")

    with writers(connect, write):
        made = [make(sqlite_site) for _ in range(2)]
    counts = []
    for number, backup in enumerate(made):
        copy = tmp_path / f"copy{number}.sqlite3"
        with gzip.open(backup["files"][0]["path"]) as packed:
            copy.write_bytes(packed.read())
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            total = connection.execute("SELECT sum(balance), count(*) FROM account").fetchone()
            (transfers,) = connection.execute("SELECT count(*) FROM transfer").fetchone()
        assert total == (TOTAL, ACCOUNTS)
        assert rows_of(backup)["transfer"] == transfers
        counts.append(transfers)
    assert 0 < counts[0] < counts[1], "nobody wrote meanwhile: the test proves nothing"
    assert verify(sqlite_site, "all")["ok"]


def test_fault_14_a_table_truncated_during_the_dump_is_not_half_there(
    postgres_site: Site, postgres_cluster: clusters.Cluster
) -> None:
    """TRUNCATE is not safe for snapshots: it must wait for the dump."""
    dumper = slow_pg_dump(postgres_site)
    process = postgres_site.start("create_backup", "--json")
    wait_for(dumper.reached.exists)
    database = postgres_site.database
    assert database
    truncate = threading.Thread(
        target=database.execute, args=("TRUNCATE shop_order, shop_orderitem",)
    )
    truncate.start()
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        f" AND datname = '{database.name}'"
    )
    wait_for(lambda: not truncate.is_alive() or postgres_cluster.execute(waiting) == [(1,)])
    dumper.release()
    made = finish(process).json
    truncate.join()
    assert rows_of(made)["shop_order"] == 50
    assert postgres_site.query("SELECT count(*) FROM shop_order") == [(0,)]
    postgres_site.manage("restore_backup", made["id"], "--force")
    assert postgres_site.query("SELECT count(*) FROM shop_order") == [(50,)]
