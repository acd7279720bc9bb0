"""Case C1: pg_cron, which lives in one database of a server, and that is the site's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.backups import make, more_settings
from tests.support.clusters import Cluster, Database, new_database
from tests.support.content import digest
from tests.support.restores import drill, go_on, plan, restore
from tests.support.sites import Site, new_postgres_site, postgres_template

pytestmark = pytest.mark.field


@pytest.fixture
def cron_site(private_cluster: Cluster, tmp_path: Path) -> Iterator[Site]:
    """A site in whose database pg_cron is, with a job of the superuser's and one of its own."""
    template = postgres_template(private_cluster)
    with new_database(
        private_cluster, template=template["name"], template_owner=template["owner"]
    ) as database:
        private_cluster.stop()
        private_cluster.start(
            {"shared_preload_libraries": "pg_cron", "cron.database_name": database.name}
        )
        private_cluster.execute("CREATE EXTENSION pg_cron", database.name)
        private_cluster.execute(f'GRANT USAGE ON SCHEMA cron TO "{database.user}"', database.name)
        schedule(database, "nightly", as_superuser=True)
        schedule(database, "own")
        yield new_postgres_site(tmp_path / "site", database)


def schedule(database: Database, name: str, *, as_superuser: bool = False) -> None:
    query = f"SELECT cron.schedule('{name}', '0 3 * * *', 'SELECT 1')"
    if as_superuser:
        database.cluster.execute(query, database.name)
    else:
        database.execute(query)


def jobs(site: Site) -> list[str]:
    assert site.database
    rows = site.database.cluster.execute(
        "SELECT jobname FROM cron.job ORDER BY jobname", site.database.name
    )
    return [name for (name,) in rows]


def as_superuser(site: Site) -> None:
    assert site.database
    cluster = site.database.cluster
    login = {"USER": cluster.superuser, "PASSWORD": cluster.password}
    more_settings(site, f"DATABASES['default'].update({login!r})")


@pytest.mark.parametrize("superuser", [True, False])
def test_case_c1_a_site_with_pg_cron_in_its_database_drills_and_restores(
    cron_site: Site, *, superuser: bool
) -> None:
    database = cron_site.database
    assert database
    if superuser:
        as_superuser(cron_site)
    made = make(cron_site)
    then = digest(cron_site)
    proof = drill(cron_site, made["id"])
    assert "Extension pg_cron was left out" in str(proof)
    go_on(cron_site)
    if superuser:  # else all jobs stay as they are, this one, too
        schedule(database, "later")
    said = plan(cron_site, made["id"])["databases"]["default"]
    assert said["strategy"] == "in place"
    assert "pg_cron" in said["why"]
    done = restore(cron_site, made["id"])
    assert digest(cron_site) == then
    assert jobs(cron_site) == ["nightly", "own"]
    if not superuser:
        assert "The rows of cron.jobid_seq stay as they are." in done["notes"]
    schedule(database, "after")
    assert "after" in jobs(cron_site)
    restore(cron_site, made["id"])
