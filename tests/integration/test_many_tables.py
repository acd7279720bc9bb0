"""Case F1: as many tables as pg_dump itself can lock on a server, and a sentence beyond that."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.backups import assert_refused, make
from tests.support.clusters import Cluster, Database, new_database
from tests.support.restores import drill, plan, restore
from tests.support.sites import Site

FEW = {
    "max_locks_per_transaction": "10",
    "max_connections": "20",
    "max_wal_senders": "2",
    "autovacuum": "off",  # its workers take locks of their own, when they like
}
STEP = 25
FEWER = 5


@pytest.fixture
def crowded(private_cluster: Cluster, tmp_path: Path) -> Iterator[Site]:
    """A site with nearly as many tables as its server has locks for pg_dump."""
    private_cluster.stop()
    private_cluster.start(FEW)
    with new_database(private_cluster) as database:
        site = Site(tmp_path / "site", database.url, database)
        site.manage("migrate", "--verbosity", "0")
        number = 0
        while pg_dump_works(database, tmp_path):
            number += 1
            add_tables(database, number)
        # Where within a step pg_dump's own limit lies changes with each table of the site's own.
        left = STEP
        while not pg_dump_works(database, tmp_path):
            left -= FEWER
            drop_tables(database, number, range(left, left + FEWER))
        drop_tables(database, number, range(left))
        drop_tables(database, number - 1, range(left, STEP))
        assert number > 3
        yield site


def add_tables(database: Database, number: int) -> None:
    """Each with a sequence, two indexes and a place for long values."""
    with database.connect() as connection:
        for each in range(STEP):
            name = f"many_{number}_{each}"
            connection.execute(f"CREATE TABLE {name} (id serial PRIMARY KEY, text text UNIQUE)")
            connection.execute(f"INSERT INTO {name} (text) VALUES ('one'), ('two')")


def drop_tables(database: Database, number: int, which: range) -> None:
    with database.connect() as connection:
        for each in which:
            connection.execute(f"DROP TABLE many_{number}_{each}")


def pg_dump_works(database: Database, folder: Path) -> bool:
    ended = subprocess.run(
        [f"{database.cluster.bin_dir}/pg_dump", "--dbname", database.url, "-Fc", "--no-sync"],
        env={"PATH": os.environ["PATH"]},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=folder,
        check=False,
    )
    assert not ended.returncode or b"max_locks_per_transaction" in ended.stderr, ended.stderr
    return not ended.returncode


def test_case_f1_as_many_tables_as_pg_dump_can_lock(crowded: Site) -> None:
    made = make(crowded)
    assert drill(crowded, made["id"])["ok"]
    assert restore(crowded, made["id"])["strategy"] == "swap"
    assert drill(crowded, make(crowded, "--content")["id"], "--content")["ok"]
    refusals = plan(crowded, made["id"], "--in-place")["refusals"]
    assert "max_locks_per_transaction is 10, and has to be" in str(refusals)


def test_case_f1_where_pg_dump_itself_has_too_few_locks_the_parameter_is_named(
    crowded: Site,
) -> None:
    assert crowded.database
    add_tables(crowded.database, 1000)
    add_tables(crowded.database, 1001)
    refused = crowded.manage("create_backup", check=False)
    assert_refused(refused, "max_locks_per_transaction")
