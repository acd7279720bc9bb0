"""Case L1: what shows or does to others what its owner may comes to no more under another owner."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.integration.test_owners import as_superuser
from tests.support.backups import make
from tests.support.clusters import Database
from tests.support.restores import drill, restore
from tests.support.sites import Site

GRANTS = "SELECT relname, relacl::text FROM pg_class WHERE relnamespace = 'extra'::regnamespace"


@pytest.fixture
def roles(postgres_site: Site) -> Iterator[tuple[str, str]]:
    """Two roles of little rights, which the site's is no member of, and a schema for them."""
    database = postgres_site.database
    assert database
    cluster, name = database.cluster, database.name
    small, reader = f"{name}_small", f"{name}_reader"
    for role in (small, reader):
        cluster.execute(f'CREATE ROLE "{role}"')
    cluster.execute(f'CREATE SCHEMA extra AUTHORIZATION "{database.user}"', name)
    cluster.execute(
        f'GRANT USAGE ON SCHEMA extra TO "{reader}"; GRANT ALL ON SCHEMA extra TO "{small}"', name
    )
    as_superuser(postgres_site, everywhere=False)
    yield small, reader
    for (other,) in cluster.execute("SELECT datname FROM pg_database"):
        if other.startswith(name):
            cluster.execute(f'DROP OWNED BY "{small}", "{reader}" CASCADE', other)
    cluster.execute(f'DROP ROLE "{small}", "{reader}"')


def may(database: Database, role: str, statement: str) -> bool:
    """Whether the role may; what it does is rolled back."""
    with database.cluster.connect(database.name) as connection:
        connection.execute(f'BEGIN; SET LOCAL ROLE "{role}"'.encode())
        try:
            connection.execute(statement.encode())
        except psycopg.errors.InsufficientPrivilege:
            return False
        finally:
            connection.execute("ROLLBACK")
        return True


def test_case_l1_a_view_or_a_rule_shows_and_does_no_more_under_another_owner(
    postgres_site: Site, roles: tuple[str, str]
) -> None:
    database = postgres_site.database
    assert database
    small, reader = roles
    for statement in (
        f'SET ROLE "{database.user}"; CREATE TABLE extra.secret AS SELECT 42 AS id',
        'CREATE VIEW extra."a view" AS SELECT * FROM extra.secret',
        "CREATE MATERIALIZED VIEW extra.filled AS SELECT * FROM extra.secret WHERE id < 42",
        "CREATE TABLE extra.log (id integer, note text)",
        "CREATE RULE also AS ON INSERT TO extra.log DO ALSO INSERT INTO extra.secret VALUES (7)",
    ):
        database.cluster.execute(statement, database.name)
    for kind, name in (
        ("VIEW", '"a view"'),
        ("MATERIALIZED VIEW", "filled"),
        ("TABLE", "log"),
    ):
        database.cluster.execute(f'ALTER {kind} extra.{name} OWNER TO "{small}"', database.name)
        database.cluster.execute(f'GRANT ALL ON extra.{name} TO "{reader}"', database.name)
    asked = ('SELECT * FROM extra."a view"', "INSERT INTO extra.log VALUES (1)")
    assert not any(may(database, reader, statement) for statement in asked)
    made = make(postgres_site)
    assert drill(postgres_site, made["id"])["ok"]
    for strategy in ("--swap", "--in-place"):
        done = restore(postgres_site, made["id"], strategy)
        more = (*asked, "SELECT * FROM extra.filled")
        assert not any(may(database, reader, statement) for statement in more), strategy
        assert all(may(database, database.user, statement) for statement in more), "the site may"
        said = " ".join(done["notes"])
        assert "1 of them runs with the rights of who calls it now" in said
        assert "VIEW extra.a view" in said
        for table in ("log", "filled"):
            assert f"Rights on TABLE {table} were left out: they would show or do" in said


def test_case_l1_who_was_granted_a_right_by_another_than_the_owner_gets_it_from_nobody_else(
    postgres_site: Site, roles: tuple[str, str]
) -> None:
    database = postgres_site.database
    assert database
    cluster = database.cluster
    giver, reader = roles
    for statement in (
        f'SET ROLE "{database.user}"; CREATE TABLE extra.given (id integer)',
        f'GRANT SELECT ON extra.given TO "{giver}" WITH GRANT OPTION',
        f'SET ROLE "{giver}"; GRANT SELECT ON extra.given TO "{reader}"',
    ):
        cluster.execute(statement, database.name)
    then = cluster.execute(GRANTS, database.name)
    made = make(postgres_site)
    done = restore(postgres_site, made["id"], "--swap")
    assert not may(database, reader, "SELECT * FROM extra.given")
    assert may(database, giver, "SELECT * FROM extra.given")
    assert "Rights on TABLE given were left out: permission denied" in " ".join(done["notes"])
    # Whoever may act as the giver gives it as the giver did.
    cluster.execute(f'GRANT "{giver}" TO "{database.user}"')
    for strategy in ("--swap", "--in-place"):
        done = restore(postgres_site, made["id"], strategy)
        assert cluster.execute(GRANTS, database.name) == then
        assert done["notes"] == []
