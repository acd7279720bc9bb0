"""What a site says in DBBACKUP_CONNECTORS is done, or refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.backups import assert_refused, make, more_settings, rows_of
from tests.support.content import digest
from tests.support.postgresql_programs import postgresql_programs
from tests.support.restores import drill, restore
from tests.support.sites import Site


def connector(site: Site, **settings: object) -> None:
    more_settings(site, f"DBBACKUP_CONNECTORS = {{'default': {settings!r}}}")


@pytest.mark.parametrize("how", ["name", "path", "path with a space"])
def test_case_i1_options_in_dump_cmd_and_restore_cmd_are_followed(
    postgres_site: Site, how: str
) -> None:
    folder = Path(postgresql_programs())
    words = {"pg_dump": "pg_dump", "pg_restore": "pg_restore"}
    if how == "path":
        words = {name: str(folder / name) for name in words}
    elif how == "path with a space":
        (postgres_site.folder / "my programs").mkdir()
        for name in words:
            path = postgres_site.folder / "my programs" / name
            path.write_text(f'#!/bin/sh\nexec {folder / name} "$@"\n')
            path.chmod(0o755)
            words[name] = f"'{path}'"
    connector(
        postgres_site,
        DUMP_CMD=f"{words['pg_dump']} --no-owner --no-privileges --exclude-table-data='shop_cart*'",
        RESTORE_CMD=f"{words['pg_restore']} --no-owner -x --jobs=4",
    )
    assert postgres_site.database
    postgres_site.query("GRANT SELECT ON shop_order TO PUBLIC")
    made = make(postgres_site)
    assert not {"shop_cart", "shop_cartitem"} & rows_of(made).keys()
    assert drill(postgres_site, made["id"])["ok"]
    restore(postgres_site, made["id"])
    acl = "SELECT relacl IS NULL FROM pg_class WHERE relname = 'shop_order'"
    assert postgres_site.query(acl) == [(True,)]


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("nowhere_to_be_found --no-owner", "nowhere_to_be_found was not found"),
        ("pg_dump --exclude-table='unfinished", "quot"),
        ("docker exec db pg_dump --no-owner", "through docker"),
        ("pg_dump -f /dev/null", "-f"),
    ],
)
def test_case_i1_a_command_that_can_t_be_followed_is_named(
    postgres_site: Site, command: str, named: str
) -> None:
    connector(postgres_site, DUMP_CMD=command)
    assert_refused(postgres_site.manage("create_backup", check=False), named)
    check = postgres_site.manage("check", "--tag", "trustbackup", check=False)
    assert check.returncode == 1
    assert named in check.stderr
    assert "Traceback" not in check.stderr


def test_case_i2_extensions_that_chosen_schemas_need_come_along(postgres_site: Site) -> None:
    assert postgres_site.database
    name = postgres_site.database.name
    cluster = postgres_site.database.cluster
    with cluster.connect(name) as connection:
        for statement in (
            'CREATE SCHEMA "Ext"',
            'CREATE EXTENSION citext SCHEMA "Ext"',
            "CREATE EXTENSION pg_trgm",
            'CREATE EXTENSION "uuid-ossp"',
            'GRANT USAGE ON SCHEMA "Ext" TO PUBLIC',
        ):
            connection.execute(statement.encode())
    for statement in (
        'CREATE TABLE known (id uuid DEFAULT uuid_generate_v4(), mail "Ext".citext)',
        'ALTER TABLE known ADD more "Ext".citext[]',
        "CREATE INDEX known_by ON known USING gin ((mail::text) gin_trgm_ops)",
        "INSERT INTO known (mail) VALUES ('A@b'), ('c@D')",
        "CREATE SCHEMA other",
        "CREATE TABLE other.unwanted AS SELECT 1 AS id",
    ):
        postgres_site.query(statement)
    connector(postgres_site, SCHEMAS=["public"])
    made = make(postgres_site)
    assert rows_of(made)["known"] == 2
    assert "unwanted" not in rows_of(made)
    assert drill(postgres_site, made["id"])["ok"]
    restore(postgres_site, made["id"], "--swap")
    same = """SELECT count(*) FROM known WHERE mail OPERATOR("Ext".=) 'a@B'"""
    assert postgres_site.query(same) == [(1,)]


@pytest.mark.parametrize("way", ["--swap", "--in-place"])
def test_case_i4_a_role_that_only_reads_dumps_and_the_site_s_own_restores(
    postgres_site: Site, way: str
) -> None:
    database = postgres_site.database
    assert database
    role = f"{database.name}_reader"
    database.cluster.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'reads' IN ROLE pg_read_all_data")
    try:
        connector(postgres_site, USER=role, PASSWORD="reads")
        made = make(postgres_site)
        before = digest(postgres_site)
        postgres_site.query("DELETE FROM shop_orderitem")
        assert drill(postgres_site, made["id"])["ok"]
        restore(postgres_site, made["id"], way)
        assert digest(postgres_site) == before
        owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        assert postgres_site.query(owners) == [(database.user,)]
    finally:
        database.cluster.execute(f"DROP ROLE {role}")
