"""Case L1: what comes back belongs to whom it belonged, and the site works."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.backups import make, more_settings
from tests.support.clusters import Database
from tests.support.restores import drill, plan, restore
from tests.support.sites import Site

OWNERS = """
    SELECT c.relname, pg_get_userbyid(c.relowner), c.relacl::text
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('public', 'extra') AND c.relkind IN ('r', 'S', 'v')
    UNION ALL
    SELECT p.oid::regprocedure::text, pg_get_userbyid(p.proowner) || p.prosecdef::text,
        p.proacl::text
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'extra'
    UNION ALL
    SELECT nspname, pg_get_userbyid(nspowner), nspacl::text FROM pg_namespace
    WHERE nspname IN ('public', 'extra')
    ORDER BY 1
"""


def rights(database: Database) -> list[tuple[Any, ...]]:
    return database.cluster.execute(OWNERS, database.name)


@pytest.fixture
def small(postgres_site: Site) -> Iterator[str]:
    """A role of little rights that owns a function which others run with its rights."""
    database = postgres_site.database
    assert database
    cluster, name = database.cluster, database.name
    role = f"{name}_small"
    cluster.execute(f'CREATE ROLE "{role}"')
    for statement in (
        f'CREATE SCHEMA extra AUTHORIZATION "{database.user}"',
        f'GRANT USAGE, CREATE ON SCHEMA extra TO "{role}"',
        (
            "CREATE FUNCTION extra.whoami() RETURNS name LANGUAGE sql SECURITY DEFINER"
            " RETURN current_user"
        ),
        f'ALTER FUNCTION extra.whoami() OWNER TO "{role}"',
        "REVOKE ALL ON FUNCTION extra.whoami() FROM PUBLIC",
        f'GRANT EXECUTE ON FUNCTION extra.whoami() TO "{database.user}"',
        f'CREATE TABLE extra.ledger AS SELECT 1 AS id; ALTER TABLE extra.ledger OWNER TO "{role}"',
        f'GRANT SELECT ON extra.ledger TO "{database.user}" WITH GRANT OPTION',
        f'GRANT SELECT (category_name) ON shop_category TO "{role}"',
    ):
        cluster.execute(statement, name)
    yield role
    for database_name in [row[0] for row in cluster.execute("SELECT datname FROM pg_database")]:
        if database_name.startswith(name):
            cluster.execute(f'DROP OWNED BY "{role}" CASCADE', database_name)
    cluster.execute(f'DROP ROLE "{role}"')


def as_superuser(site: Site, *, everywhere: bool) -> None:
    """The backups, or the whole site, connect as the superuser."""
    database = site.database
    assert database
    login = {"USER": database.cluster.superuser, "PASSWORD": database.cluster.password}
    more_settings(
        site,
        f"DATABASES['default'].update({login!r})"
        if everywhere
        else f"DBBACKUP_CONNECTORS = {{'default': {login!r}}}",
    )


@pytest.mark.parametrize("strategy", ["--swap", "--in-place"])
def test_case_l1_a_superusers_restore_gives_everything_back(
    postgres_site: Site, small: str, strategy: str
) -> None:
    database = postgres_site.database
    assert database
    as_superuser(postgres_site, everywhere=True)
    before = rights(database)
    assert {small, f"{small}true", database.user} <= {row[1] for row in before}
    made = make(postgres_site)
    assert drill(postgres_site, made["id"])["ok"]
    done = restore(postgres_site, made["id"], strategy)
    assert done["notes"] == []
    assert rights(database) == before
    assert database.execute("SELECT extra.whoami()") == [(small,)]
    assert database.execute("SELECT count(*) FROM django_migrations") != [(0,)]


@pytest.mark.parametrize("strategy", ["--swap", "--in-place"])
def test_case_l1_a_superusers_restore_runs_no_function_of_others_with_its_rights(
    postgres_site: Site, small: str, strategy: str
) -> None:
    """Building an index and filling a view call functions, with the rights of their owners."""
    database = postgres_site.database
    assert database
    database.cluster.execute(
        "CREATE FUNCTION extra.seen(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN"
        f" IF current_user <> '{small}' THEN RAISE 'runs as %', current_user; END IF;"
        f' RETURN n; END $$; GRANT SELECT ON shop_category TO "{small}";'
        f' SET ROLE "{small}"; CREATE INDEX ledger_seen ON extra.ledger (extra.seen(id));'
        " CREATE MATERIALIZED VIEW extra.look AS SELECT extra.seen(1), count(*)"
        " FROM public.shop_category",
        database.name,
    )
    as_superuser(postgres_site, everywhere=True)
    before = rights(database)
    made = make(postgres_site)
    assert drill(postgres_site, made["id"])["drill"]["notes"] == []
    assert restore(postgres_site, made["id"], strategy)["notes"] == []
    assert rights(database) == before
    assert database.cluster.execute("SELECT * FROM extra.look", database.name)[0][0] == 1


def test_case_l1_a_backup_role_owns_nothing_after_a_restore(
    postgres_site: Site, small: str
) -> None:
    database = postgres_site.database
    assert database
    as_superuser(postgres_site, everywhere=False)
    database.cluster.execute(f'GRANT "{small}" TO "{database.user}"')
    before = rights(database)
    made = make(postgres_site)
    assert drill(postgres_site, made["id"])["ok"]
    done = restore(postgres_site, made["id"])
    assert done["strategy"] == "swap"
    assert rights(database) == before
    database.execute("SELECT count(*) FROM django_migrations")


@pytest.mark.parametrize("strategy", ["--swap", "--in-place"])
def test_case_l1_what_the_role_may_not_give_back_comes_to_no_more_rights(
    postgres_site: Site, small: str, strategy: str
) -> None:
    database = postgres_site.database
    assert database
    as_superuser(postgres_site, everywhere=False)
    made = make(postgres_site)
    if strategy == "--in-place":  # what is another's can't be dropped by the site's role
        for kind, name in (("FUNCTION", "whoami()"), ("TABLE", "ledger")):
            database.cluster.execute(
                f'ALTER {kind} extra.{name} OWNER TO "{database.user}"', database.name
            )
    proof = drill(postgres_site, made["id"])
    assert proof["ok"]
    done = restore(postgres_site, made["id"], strategy)
    (note,) = [note for note in done["notes"] if "belong" in note]
    assert small in note
    owner = f"{database.user}false"
    assert ("extra.whoami()", owner) in {row[:2] for row in rights(database)}
    assert database.execute("SELECT count(*) FROM extra.ledger") == [(1,)]


def test_case_l1_the_plan_says_before_what_cant_be_given_back(
    postgres_site: Site, small: str
) -> None:
    database = postgres_site.database
    assert database
    as_superuser(postgres_site, everywhere=False)
    reader = f"{database.name}_reader"
    database.cluster.execute(f'CREATE ROLE "{reader}"')
    database.execute(f'GRANT SELECT ON shop_order TO "{reader}"')
    made = make(postgres_site)
    found = plan(postgres_site, made["id"])
    assert f"role '{database.user}' may not act as '{small}'" in " ".join(found["warnings"])
    assert found["refusals"] == []
    database.execute(f'REVOKE ALL ON shop_order FROM "{reader}"')
    database.cluster.execute(f'DROP ROLE "{reader}"')
    database.cluster.execute(f'GRANT "{small}" TO "{database.user}"')
    found = plan(postgres_site, made["id"])
    assert "belong" not in " ".join(found["warnings"])
    (refusal,) = found["refusals"]
    assert f"Role '{reader}' has rights" in refusal
    assert plan(postgres_site, made["id"], "--no-privileges")["refusals"] == []


def test_case_l1_a_public_schema_that_the_sites_role_owns_is_no_difference(
    postgres_site: Site,
) -> None:
    """Every database has one, which belongs to pg_database_owner at first."""
    database = postgres_site.database
    assert database
    postgres_site.query(f'ALTER SCHEMA public OWNER TO "{database.user}"')
    made = make(postgres_site)
    then = rights(database)
    assert drill(postgres_site, made["id"])["ok"]
    restore(postgres_site, made["id"], "--swap")
    assert rights(database) == then
