"""Restores by a role that may do little: no database of its own, foreign extensions."""

from __future__ import annotations

from pathlib import Path

from tests.support.clusters import Cluster
from tests.support.sites import Site


def limited(site: Site, cluster: Cluster) -> None:
    """The site's role may not create databases, and an extension belongs to somebody else."""
    assert site.database is not None
    cluster.execute(f'ALTER ROLE "{site.database.user}" NOCREATEDB', "postgres")
    cluster.execute("CREATE EXTENSION IF NOT EXISTS citext", site.database.name)
    cluster.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements", site.database.name)


def test_a_foreign_extension_stays_in_a_restore_in_place(
    postgres_site: Site, postgres_cluster: Cluster
) -> None:
    limited(postgres_site, postgres_cluster)
    postgres_site.manage("create_backup")
    postgres_site.query("DELETE FROM shop_cartitem")
    done = postgres_site.manage("restore_backup", "latest", "--force", "--json")
    assert done.json["databases"]["default"]["strategy"] == "in place"
    assert postgres_site.query("SELECT count(*) FROM shop_cartitem") != [(0,)]
    assert postgres_site.query(
        "SELECT count(*) FROM pg_extension WHERE extname IN ('citext', 'pg_stat_statements')"
    ) == [(2,)]


def test_a_schema_of_its_own_and_a_changed_public_one_survive_in_place(
    postgres_site: Site, postgres_cluster: Cluster
) -> None:
    assert postgres_site.database is not None
    limited(postgres_site, postgres_cluster)
    user, name = postgres_site.database.user, postgres_site.database.name
    postgres_cluster.execute(f'ALTER SCHEMA public OWNER TO "{user}"', name)
    postgres_cluster.execute(f'CREATE SCHEMA extra AUTHORIZATION "{user}"', name)
    postgres_site.query("CREATE TABLE extra.note (id serial PRIMARY KEY, text text)")
    postgres_site.query("INSERT INTO extra.note (text) VALUES ('kept')")
    postgres_site.manage("create_backup")
    postgres_site.query("INSERT INTO extra.note (text) VALUES ('later')")
    postgres_site.query("CREATE TABLE extra.later (id int)")
    postgres_site.manage("restore_backup", "latest", "--in-place", "--force")
    assert postgres_site.query("SELECT text FROM extra.note") == [("kept",)]
    assert postgres_site.query("SELECT to_regclass('extra.later')") == [(None,)]


def test_a_role_that_no_other_database_lets_in_restores_in_place(
    private_cluster: Cluster, tmp_path: Path
) -> None:
    for sql in (
        "CREATE ROLE shop LOGIN CREATEDB PASSWORD 'secret'",
        "CREATE DATABASE shop OWNER shop",
        "REVOKE CONNECT ON DATABASE postgres FROM PUBLIC",
        "REVOKE CONNECT ON DATABASE template1 FROM PUBLIC",
    ):
        private_cluster.execute(sql, "postgres")
    site = Site(tmp_path / "site", private_cluster.url("shop", "shop", "secret"))
    site.manage("migrate", "--verbosity", "0")
    site.manage("create_backup")
    plan = site.manage("restore_backup", "latest", "--dry-run", "--json")
    assert plan.json["databases"]["default"]["strategy"] == "in place"
    assert "lets its role in" in plan.json["databases"]["default"]["why"]
    done = site.manage("restore_backup", "latest", "--force", "--json")
    assert done.json["databases"]["default"]["strategy"] == "in place"


def test_case_l1_a_role_that_inherits_nothing_restores_in_place(
    postgres_site: Site, postgres_cluster: Cluster
) -> None:
    """In a new database "public" is its owner's by an inherited right, from PostgreSQL 15 on."""
    assert postgres_site.database is not None
    user, name = postgres_site.database.user, postgres_site.database.name
    postgres_cluster.execute(f'ALTER ROLE "{user}" NOINHERIT')
    postgres_cluster.execute(f'GRANT ALL ON SCHEMA public TO "{user}"', name)
    postgres_site.manage("create_backup")
    assert postgres_site.manage("verify_backup", "latest", "--restore", "--json").json["ok"]
    postgres_site.query("DELETE FROM shop_cartitem")
    done = postgres_site.manage("restore_backup", "latest", "--force", "--json")
    if postgres_cluster.execute("SHOW server_version_num")[0][0].startswith("15"):
        assert done.json["databases"]["default"]["strategy"] == "in place"
    assert postgres_site.query("SELECT count(*) FROM shop_cartitem") != [(0,)]
