"""Cases M: a site behind PgBouncer in transaction mode, with few connections to be had."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from tests.support import run
from tests.support.backups import assert_refused, make, more_settings
from tests.support.clusters import Cluster, new_database, postgresql_programs
from tests.support.content import digest
from tests.support.dumpers import python_program, use_dumper
from tests.support.pgbouncer import PgBouncer, running_pgbouncer
from tests.support.restores import beside, drill, go_on, plan, restore, undo, unfinished
from tests.support.sites import Site, new_postgres_site, postgres_template

pytestmark = pytest.mark.field

POOL = 3
OF_THE_CLIENT = (
    *("application_name", "client_encoding", "DateStyle", "TimeZone", "IntervalStyle"),
    *("standard_conforming_strings", "transaction_isolation", "transaction_read_only"),
)
"""What PgBouncer sets anew for whoever comes next, and what only a transaction has."""


@pytest.fixture
def pooled(postgres_cluster: Cluster, tmp_path: Path) -> Iterator[tuple[Site, PgBouncer]]:
    """A site whose every connection goes through a pool of three."""
    template = postgres_template(postgres_cluster)
    with (
        new_database(
            postgres_cluster, template=template["name"], template_owner=template["owner"]
        ) as database,
        running_pgbouncer(
            run.run_folder(), postgres_cluster, {database.user: database.password}, pool_size=POOL
        ) as pgbouncer,
    ):
        site = new_postgres_site(tmp_path / "site", database)
        url = pgbouncer.url(database.name, database.user, database.password)
        yield replace(site, database_url=url), pgbouncer


def pool_of(site: Site, pgbouncer: PgBouncer, dbname: str) -> list[dict[str, str]]:
    """What is set in each of the connections that PgBouncer has for the site there."""
    assert site.database
    found = []
    with contextlib.ExitStack() as stack:
        for _number in range(POOL):
            url = pgbouncer.url(dbname, site.database.user, site.database.password)
            client = stack.enter_context(psycopg.connect(url))
            rows = client.execute("SELECT name, setting FROM pg_settings").fetchall()
            found.append({name: value for name, value in rows if name not in OF_THE_CLIENT})
    return found


def assert_no_trace(site: Site, pgbouncer: PgBouncer, command: str) -> None:
    database = site.database
    assert database
    for name in (database.name, "postgres"):
        with database.cluster.connect(
            name, user=database.user, password=database.password
        ) as direct:
            rows = direct.execute("SELECT name, setting FROM pg_settings").fetchall()
        fresh = {key: value for key, value in rows if key not in OF_THE_CLIENT}
        for pooled in pool_of(site, pgbouncer, name):
            changed = {
                key: (fresh[key], pooled.get(key)) for key in fresh if fresh[key] != pooled[key]
            }
            assert not changed, (command, name, changed)
    locks = database.cluster.execute(
        "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
        " WHERE d.datname LIKE %s",
        parameters=[f"{database.name}%"],
    )
    assert locks == [(0,)], command
    assert not unfinished(site), command


def test_case_m1_no_command_leaves_a_trace_in_the_pool(pooled: tuple[Site, PgBouncer]) -> None:
    """Case M2, too: three connections are enough for everything."""
    site, pgbouncer = pooled
    assert_no_trace(site, pgbouncer, "migrate")
    made = make(site, "--content")
    assert_no_trace(site, pgbouncer, "create_backup")
    assert site.query("SELECT action, state FROM trustbackup_run") == [("create", "succeeded")]
    folder = make(site, "--format", "directory")
    assert_no_trace(site, pgbouncer, "create_backup --format directory")
    then = digest(site)
    for each in (made, folder):
        proof = drill(site, each["id"], "--content")
        assert proof["ok"]
        assert_no_trace(site, pgbouncer, "verify_backup --restore")
    assert beside(site) == []
    go_on(site)
    now = digest(site)
    warnings = plan(site, made["id"])["warnings"]
    assert "goes through a pooler" in str(warnings)
    assert_no_trace(site, pgbouncer, "restore_backup --dry-run")
    restore(site, folder["id"], "--swap")
    assert digest(site) == then
    assert_no_trace(site, pgbouncer, "restore_backup --swap")
    undo(site)
    assert digest(site) == now
    assert_no_trace(site, pgbouncer, "undo_restore")
    site.manage("release_restore", "--yes")
    assert_no_trace(site, pgbouncer, "release_restore")
    restore(site, made["id"], "--in-place")
    assert digest(site) == then
    assert_no_trace(site, pgbouncer, "restore_backup --in-place")
    for command in (["check", "--database", "default"], ["list_backups"], ["list_restores"]):
        site.manage(*command)
        assert_no_trace(site, pgbouncer, command[0])


def test_case_m1_a_dump_whose_statements_went_to_several_connections_is_no_backup(
    pooled: tuple[Site, PgBouncer],
) -> None:
    site, _pgbouncer = pooled
    text = f"""
import subprocess, sys
real = subprocess.run(["{postgresql_programs()}/pg_dump", *sys.argv[1:]], stdout=subprocess.PIPE)
head = b"'search_path', '', false"
sys.stdout.buffer.write(real.stdout.replace(head, b"'search_path','ab',false"))
sys.exit(real.returncode)
"""
    use_dumper(site, python_program(site.home / "pg_dump", text))
    refused = site.manage("create_backup", check=False)
    assert_refused(refused, "the pooler dealt pg_dump's statements out", "DBBACKUP_CONNECTORS")


def test_case_m1_with_its_console_no_client_is_refused(pooled: tuple[Site, PgBouncer]) -> None:
    site, pgbouncer = pooled
    assert site.database
    url = pgbouncer.url(site.database.name, site.database.user, site.database.password)
    console = {"default": pgbouncer.console}
    more_settings(site, f"TRUSTBACKUP['PGBOUNCER'] = {console!r}")
    made = make(site)
    assert "pooler" not in str(plan(site, made["id"])["warnings"])
    done = threading.Event()
    refused: list[str] = []

    def ask() -> None:
        try:
            with psycopg.connect(url, autocommit=True, prepare_threshold=None) as client:
                while not done.is_set():
                    client.execute("SELECT count(*) FROM shop_order")
        except psycopg.Error as error:
            refused.append(str(error))

    client = threading.Thread(target=ask)
    client.start()
    try:
        restore(site, made["id"], "--swap")
        undo(site)
    finally:
        done.set()
        client.join()
    assert not refused
    assert "login failed" not in pgbouncer.log.read_text()
    paused = {row["name"]: row["paused"] for row in pgbouncer.ask("SHOW DATABASES")}
    assert not any(paused.values())


def test_case_m2_whoever_waits_for_the_pool_says_for_what(pooled: tuple[Site, PgBouncer]) -> None:
    site, pgbouncer = pooled
    assert site.database
    url = pgbouncer.url(site.database.name, site.database.user, site.database.password)
    with contextlib.ExitStack() as stack:
        for _number in range(POOL):
            client = stack.enter_context(psycopg.connect(url))
            client.execute("SELECT 1")  # and keeps its connection, as a long request does
        pgbouncer.ask("SET query_wait_timeout = 15")
        refused = site.manage("create_backup", check=False)
    assert refused.returncode == 1, str(refused)
    waits, ended = refused.stderr.splitlines()
    assert "Database 'default' is waited for" in waits
    assert "its pooler had no connection free for it" in ended
    assert "default_pool_size" in ended
