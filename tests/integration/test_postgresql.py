"""PostgreSQL: rows of the dump's own snapshot, whatever the tables are called or made of."""

from __future__ import annotations

import threading

import pytest
from psycopg import sql

from tests.support.backups import (
    assert_refused,
    make,
    more_settings,
    read_manifest,
    rows_of,
    wait_for,
)
from tests.support.dumpers import slow_pg_dump
from tests.support.sites import Site, finish

ODD_TABLES = ("Mixed Case", 'quo"te', "größe", "semi;colon", "per%cent", "x" * 63, "dot.ted", "-d")


def test_rows_are_those_of_the_snapshot_while_others_insert(postgres_site: Site) -> None:
    database = postgres_site.database
    assert database
    postgres_site.query("CREATE TABLE busy (id serial PRIMARY KEY)")
    stop = threading.Event()

    def insert() -> None:
        with database.connect() as connection:
            while not stop.is_set():
                connection.execute("INSERT INTO busy DEFAULT VALUES")

    writer = threading.Thread(target=insert)
    writer.start()
    try:
        wait_for(lambda: postgres_site.query("SELECT count(*) FROM busy")[0][0] > 10)
        made = make(postgres_site)
    finally:
        stop.set()
        writer.join()
    counted = rows_of(made)["busy"]
    assert 10 < counted < postgres_site.query("SELECT count(*) FROM busy")[0][0]
    postgres_site.manage("restore_backup", made["id"], "--force")
    assert postgres_site.query("SELECT count(*) FROM busy") == [(counted,)]


def test_the_dump_and_the_counts_are_of_the_moment_it_began(postgres_site: Site) -> None:
    dumper = slow_pg_dump(postgres_site)
    process = postgres_site.start("create_backup", "--json")
    wait_for(dumper.reached.exists)
    postgres_site.query("DELETE FROM shop_cartitem")
    dumper.release()
    made = finish(process).json
    assert rows_of(made)["shop_cartitem"] > 0
    postgres_site.variables.clear()
    postgres_site.manage("restore_backup", made["id"], "--force")
    found = postgres_site.query("SELECT count(*) FROM shop_cartitem")
    assert found == [(rows_of(made)["shop_cartitem"],)]


def test_odd_table_names_are_counted_and_restored(postgres_site: Site) -> None:
    database = postgres_site.database
    assert database
    database.execute('CREATE SCHEMA "odd schema"')
    for number, table in enumerate(ODD_TABLES, 1):
        for schema in ("public", "odd schema"):
            name = sql.Identifier(schema, table)
            database.execute(
                sql.SQL("CREATE TABLE {} AS SELECT generate_series(1, {}) AS id").format(
                    name, number
                )
            )
    made = make(postgres_site)
    (part,) = read_manifest(made)["parts"]
    counted = {(item["schema"], item["name"]): item["rows"] for item in part["tables"]}
    for number, table in enumerate(ODD_TABLES, 1):
        assert counted["public", table] == counted["odd schema", table] == number
    postgres_site.manage("restore_backup", made["id"], "--force")
    for number, table in enumerate(ODD_TABLES, 1):
        name = sql.Identifier("odd schema", table)
        found = database.execute(sql.SQL("SELECT count(*) FROM {}").format(name))
        assert found == [(number,)]


def test_partitions_and_children_are_counted_once(postgres_site: Site) -> None:
    for statement in (
        "CREATE TABLE parted (id integer) PARTITION BY RANGE (id)",
        "CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE parted_high PARTITION OF parted FOR VALUES FROM (10) TO (20)",
        "INSERT INTO parted SELECT generate_series(0, 14)",
        "CREATE TABLE parent (id integer)",
        "CREATE TABLE child () INHERITS (parent)",
        "INSERT INTO parent VALUES (1)",
        "INSERT INTO child VALUES (2), (3)",
        "CREATE UNLOGGED TABLE unlogged AS SELECT 1 AS id",
        "CREATE MATERIALIZED VIEW seen AS SELECT count(*) FROM parted",
        "CREATE VIEW looked AS SELECT 1 AS id",
        "CREATE TABLE nothing_at_all ()",
        "INSERT INTO nothing_at_all DEFAULT VALUES",
    ):
        postgres_site.query(statement)
    made = make(postgres_site)
    found = rows_of(made)
    expected = {
        "parted_low": 10,
        "parted_high": 5,
        "parent": 1,
        "child": 2,
        "unlogged": 1,
        "nothing_at_all": 1,
    }
    assert {name: found.get(name) for name in expected} == expected
    assert not {"parted", "seen", "looked"} & found.keys()
    postgres_site.manage("restore_backup", made["id"], "--force")
    assert postgres_site.query("SELECT count(*) FROM parted") == [(15,)]
    assert postgres_site.query("SELECT count(*) FROM parent") == [(3,)]


@pytest.mark.parametrize(
    ("options", "gone", "there"),
    [
        ({"EXCLUDE": ["shop_orderitem"]}, {"shop_orderitem"}, {"shop_order"}),
        ({"EXCLUDE": ["shop_cart*"]}, {"shop_cart", "shop_cartitem"}, {"shop_order"}),
        ({"SCHEMAS": ["extra"]}, {"shop_order", "django_migrations"}, {"here"}),
        ({"SCHEMAS": ["public"]}, {"here"}, {"shop_order"}),
    ],
)
def test_what_is_left_out_is_not_counted(
    postgres_site: Site, options: dict[str, list[str]], gone: set[str], there: set[str]
) -> None:
    postgres_site.query("CREATE SCHEMA extra")
    postgres_site.query("CREATE TABLE extra.here AS SELECT 1 AS id")
    more_settings(postgres_site, f"DBBACKUP_CONNECTORS = {{'default': {options!r}}}")
    found = rows_of(make(postgres_site)).keys()
    assert not gone & found
    assert there <= found


def test_a_database_without_tables_is_refused(postgres_site: Site) -> None:
    database = postgres_site.database
    assert database
    database.execute(f"CREATE DATABASE {database.name}_empty")
    url = database.cluster.url(f"{database.name}_empty", database.user, database.password)
    result = postgres_site.manage("create_backup", env={"DATABASE_URL": url}, check=False)
    assert_refused(result, "'default' was not dumped", "no table", "migrate")
    assert not list(postgres_site.backups.glob("backup_*"))


def test_a_table_that_the_role_may_not_read_is_named(postgres_site: Site) -> None:
    database = postgres_site.database
    assert database
    with database.cluster.connect(database.name) as connection:
        connection.execute("CREATE TABLE secret_table AS SELECT 1 AS id")
    result = postgres_site.manage("create_backup", check=False)
    assert_refused(result, "'default' was not dumped", "permission denied", "secret_table")
    assert not list(postgres_site.backups.glob("backup_*"))


def test_a_table_that_is_locked_is_waited_for_so_long_and_no_longer(postgres_site: Site) -> None:
    database = postgres_site.database
    assert database
    more_settings(postgres_site, "TRUSTBACKUP = {**TRUSTBACKUP, 'LOCK_TIMEOUT': 2}")
    with database.connect() as connection, connection.transaction():
        connection.execute("LOCK TABLE shop_order IN ACCESS EXCLUSIVE MODE")
        result = postgres_site.manage("create_backup", check=False)
    assert_refused(result, "'default' was not dumped", "lock timeout", "try again")


def test_a_short_statement_timeout_of_the_role_stops_no_backup(postgres_site: Site) -> None:
    database = postgres_site.database
    assert database
    role = sql.Identifier(database.user)
    for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
        database.cluster.execute(
            sql.SQL("ALTER ROLE {} SET {} = 300").format(role, sql.SQL(setting))
        )
    dumper = slow_pg_dump(postgres_site)
    process = postgres_site.start("create_backup", "--json")
    wait_for(dumper.reached.exists)
    threading.Event().wait(0.6)  # as long as these limits would have allowed, twice
    dumper.release()
    result = finish(process)
    assert result.returncode == 0, str(result)


def test_a_backup_role_of_its_own_is_used(postgres_site: Site) -> None:
    database = postgres_site.database
    assert database
    cluster = database.cluster
    more_settings(
        postgres_site,
        f"DBBACKUP_CONNECTORS = {{'default': {{'USER': {cluster.superuser!r},"
        f" 'PASSWORD': {cluster.password!r}}}}}",
    )
    with cluster.connect(database.name) as connection:
        connection.execute("CREATE TABLE secret_table AS SELECT 1 AS id")
    assert rows_of(make(postgres_site))["secret_table"] == 1
