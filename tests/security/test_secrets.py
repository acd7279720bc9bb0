"""Attacks 4, 5 and 19: secrets on command lines and in what is written; odd literal names."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
from psycopg import sql

from tests.support import clusters, sites
from tests.support.backups import (
    assert_refused,
    listed,
    make,
    more_settings,
    read_manifest,
    rows_of,
    verify,
    wait_for,
)
from tests.support.dumpers import python_program, slow_pg_dump, use_dumper
from tests.support.processes import all_command_lines
from tests.support.sites import Site, finish

ODD = "p@ss w'o\"rd%/:?#=&\\ -"
CANARY = "canary-3fe61c"


@pytest.fixture
def odd_site(tmp_path: Path, postgres_cluster: clusters.Cluster) -> Iterator[Site]:
    """A shop whose database, role and password need quoting everywhere."""
    template = sites.postgres_template(postgres_cluster)
    database = clusters.Database(
        cluster=postgres_cluster,
        name=f"a{ODD}{secrets.token_hex(3)} --help",
        user=f"u{ODD}{secrets.token_hex(3)}",
        password=f"{CANARY}{ODD}",
    )
    cluster = postgres_cluster
    clusters.make_database(database, template=template["name"], template_owner=template["owner"])
    try:
        yield sites.new_postgres_site(tmp_path / "site", database)
    finally:
        clusters.drop_role(cluster, database.user)


class CommandLines:
    """Reads the command line of everything that runs, again and again, until the block ends."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.work)

    def work(self) -> None:
        while not self.stop.is_set():
            self.seen.update(all_command_lines().splitlines())

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()


def test_attack_04_no_command_line_ever_has_the_password(odd_site: Site) -> None:
    dumper = slow_pg_dump(odd_site)
    with CommandLines() as lines:
        process = odd_site.start("create_backup", "--json", fresh=True)
        wait_for(dumper.reached.exists)
        wait_for(lambda: any("--snapshot" in line for line in lines.seen))
        dumper.release()
        finish(process)
        odd_site.variables.clear()
        odd_site.manage("restore_backup", "latest", "--force", fresh=True)
    assert any("pg_restore" in line for line in lines.seen), "it was never seen: nothing is proven"
    assert not [line for line in lines.seen if CANARY in line]


def test_attack_05_no_output_manifest_or_row_has_a_secret(odd_site: Site) -> None:
    said = []
    for command in (
        ["create_backup", "--keep"],
        ["create_backup", "--json"],
        ["list_backups"],
        ["list_backups", "--json"],
        ["show_backup", "latest"],
        ["show_backup", "latest", "--json"],
        ["verify_backup", "all"],
        ["restore_backup", "latest", "--force"],
        ["rescan_backups", "--json"],
    ):
        result = odd_site.manage(*command)
        said += [result.stdout, result.stderr]
    for path in odd_site.backups.glob("*.json"):
        said.append(path.read_text())
    said.append(str(odd_site.query("SELECT * FROM trustbackup_backup")))
    assert odd_site.database
    for secret in (CANARY, odd_site.database.password, sites.SECRET_KEY):
        assert not [text for text in said if secret in text]


def test_attack_05_a_refused_password_is_not_said(odd_site: Site) -> None:
    assert odd_site.database
    wrong = odd_site.database.cluster.url(
        odd_site.database.name, odd_site.database.user, f"{CANARY}-wrong{ODD}"
    )
    for command in (
        ["create_backup"],
        ["create_backup", "--json", "--verbosity", "3"],
        ["check", "--tag", "trustbackup"],
    ):
        result = odd_site.manage(*command, env={"DATABASE_URL": wrong}, check=False)
        assert CANARY not in result.stdout + result.stderr
    assert_refused(
        odd_site.manage("create_backup", env={"DATABASE_URL": wrong}, check=False),
        "password authentication failed",
    )


def test_attack_05_a_dumper_that_says_the_password_is_blacked_out(odd_site: Site) -> None:
    script = (
        "import os, sys\n"
        "if '--version' in sys.argv: print('pg_dump (PostgreSQL) 15.1'); sys.exit()\n"
        "print('pg_dump: error: I know', os.environ['PGPASSWORD'], file=sys.stderr)\n"
        "sys.exit(1)\n"
    )
    use_dumper(odd_site, python_program(odd_site.folder / "pg_dump", script))
    result = odd_site.manage("create_backup", check=False)
    assert_refused(result, "I know ***")
    assert CANARY not in result.stdout + result.stderr


def test_attack_19_odd_names_come_through_create_verify_and_restore(odd_site: Site) -> None:
    made = make(odd_site)
    (part,) = read_manifest(made)["parts"]
    assert odd_site.database
    assert part["database"] == odd_site.database.name
    assert verify(odd_site, made["id"])["ok"]
    orders = odd_site.query("SELECT count(*), sum(total_amount) FROM shop_order")
    odd_site.query("DELETE FROM shop_orderitem")
    odd_site.query("DELETE FROM shop_order")
    odd_site.manage("restore_backup", made["id"], "--force")
    assert odd_site.query("SELECT count(*), sum(total_amount) FROM shop_order") == orders


@pytest.mark.parametrize("host", ["a b", "x' --version", "-h", "%2Ftmp", "h=evil", '"; ls'])
def test_attack_19_an_odd_host_is_one_literal_argument(postgres_site: Site, host: str) -> None:
    more_settings(postgres_site, f"DATABASES['default']['HOST'] = {host!r}")
    result = postgres_site.manage("create_backup", check=False)
    assert_refused(result, "Database 'default' was not dumped")


@pytest.mark.parametrize("table", ["order items", 'quo"te', "Größe", "semi;colon", "-dash", "a.b"])
def test_attack_19_odd_tables_are_dumped_and_left_out_literally(
    postgres_site: Site, table: str
) -> None:
    assert postgres_site.database
    name = sql.Identifier(table)
    postgres_site.database.execute(sql.SQL("CREATE TABLE {} AS SELECT 1 AS id").format(name))
    assert rows_of(make(postgres_site))[table] == 1
    pattern = '"' + table.replace('"', '""') + '"'
    more_settings(
        postgres_site, f"DBBACKUP_CONNECTORS = {{'default': {{'EXCLUDE': [{pattern!r}]}}}}"
    )
    assert table not in rows_of(make(postgres_site))
    assert len(listed(postgres_site)) == 2
