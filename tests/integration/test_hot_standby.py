"""Backups are made at a server that follows the site's own, so that it has no work with them."""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import run
from tests.support.backups import make, more_settings, rows_of, wait_for
from tests.support.clusters import Cluster, Database
from tests.support.content import content
from tests.support.ports import free_port
from tests.support.postgresql_programs import run as as_postgres
from tests.support.restores import drill, go_on, restore
from tests.support.sites import Site


@pytest.fixture
def standby(private_cluster: Cluster) -> Iterator[Cluster]:
    """A server that follows the test's own, and only reads."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=run.memory_folder()))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    source = f"host={private_cluster.host} port={private_cluster.port} user=postgres"
    program = f"{private_cluster.bin_dir}/pg_basebackup"
    options = ["--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
    as_postgres(
        [program, f"--pgdata={folder / 'data'}", f"--dbname={source}", *options],
        PGPASSWORD=private_cluster.password,
    )
    cluster = dataclasses.replace(private_cluster, folder=str(folder), port=free_port())
    cluster.start()
    yield cluster
    cluster.stop("immediate")
    shutil.rmtree(folder, ignore_errors=True)


def tables(site: Site) -> dict[str, object]:
    """All but where sequences stand: who follows by the log sees up to 32 values ahead."""
    return {name: rows for name, rows in content(site).items() if name != "sequences"}


def test_a_server_that_only_reads_is_dumped_and_the_sites_own_restored(
    private_cluster: Cluster, standby: Cluster, tmp_path: Path
) -> None:
    private_cluster.execute("CREATE ROLE shop LOGIN CREATEDB PASSWORD 'secret'")
    private_cluster.execute("CREATE DATABASE shop OWNER shop")
    database = Database(cluster=private_cluster, name="shop", user="shop", password="secret")
    site = Site(tmp_path / "site", database.url, database)
    site.manage("migrate", "--verbosity", "0")
    database.execute("INSERT INTO shop_category (category_name) VALUES ('Tea')")
    # What is not logged does not come to who follows by the log.
    database.execute("CREATE UNLOGGED TABLE fleeting AS SELECT 1 AS a; CREATE SEQUENCE numbers")
    connector = {"HOST": standby.host, "PORT": standby.port}
    more_settings(site, f"DBBACKUP_CONNECTORS = {{'default': {connector}}}")
    ((written,),) = private_cluster.execute("SELECT pg_current_wal_lsn()::text")
    replayed = f"SELECT pg_last_wal_replay_lsn() >= '{written}'"
    wait_for(lambda: standby.execute(replayed) == [(True,)])
    for how in ("custom", "directory"):
        made = make(site, "--format", how)
        assert "fleeting" not in rows_of(made)
        assert drill(site, made["id"])["ok"]
    database.execute("DELETE FROM fleeting")
    then = tables(site)
    go_on(site)
    restore(site, made["id"])
    assert tables(site) == then
