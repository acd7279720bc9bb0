"""Case C9: a session on the live database that may not be ended is known before the load."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.backups import make, wait_for
from tests.support.clusters import Cluster
from tests.support.restores import beside, drill, journal, plan, restore
from tests.support.sites import Site, finish

ON_IT = "a session of superuser 'postgres' (monitor) is on it, which its role may not end"


def test_case_c9_a_session_that_may_not_be_ended_is_known_before_the_load(
    postgres_site: Site,
) -> None:
    site = postgres_site.database
    assert site
    made = make(postgres_site)
    with site.cluster.connect(site.name, application_name="monitor"):
        said = plan(postgres_site, made["id"])["databases"]["default"]
        assert (said["strategy"], said["why"]) == ("in place", ON_IT)
        refusals = plan(postgres_site, made["id"], "--swap")["refusals"]
        assert ON_IT in str(refusals)
        assert drill(postgres_site, made["id"])["ok"]
        site.execute("DELETE FROM shop_cartitem")
        assert restore(postgres_site, made["id"])["strategy"] == "in place"
        assert site.execute("SELECT count(*) FROM shop_cartitem") != [(0,)]
    assert plan(postgres_site, made["id"])["databases"]["default"]["strategy"] == "swap"


def test_case_c9_a_session_that_came_meanwhile_is_waited_for(postgres_site: Site) -> None:
    """After the load, without a lock: who connects is let in, and the swap comes after."""
    site = postgres_site.database
    assert site
    made = make(postgres_site)
    running = postgres_site.start("restore_backup", made["id"], "--swap", "--force", "--json")
    wait_for(lambda: [name for name in beside(postgres_site) if "_restore_" in name])
    with site.cluster.connect(site.name, application_name="monitor") as monitor:
        wait_for(
            lambda: [entry for entry in journal(postgres_site) if entry["state"] == "swapping"]
        )
        assert monitor.execute("SELECT 1").fetchall() == [(1,)]
        assert site.execute("SELECT count(*) FROM shop_order") == [(50,)]
        # RENAME by itself would wait for five seconds, with the database locked, and give up.
        with pytest.raises(subprocess.TimeoutExpired):
            running.wait(8)
    result = finish(running)
    assert result.returncode == 0, str(result)
    assert result.json["databases"]["default"]["strategy"] == "swap"


def test_case_c9_a_prepared_transaction_is_known_before_the_load(postgres_site: Site) -> None:
    site = postgres_site.database
    assert site
    made = make(postgres_site)
    gid = f"waits in {site.name}"
    site.execute("CREATE TABLE waiting (id int)")
    site.execute(f"BEGIN; INSERT INTO waiting VALUES (1); PREPARE TRANSACTION '{gid}'")
    try:
        for way in ("--swap", "--in-place"):
            assert gid in str(plan(postgres_site, made["id"], way)["refusals"])
    finally:
        with site.connect() as connection:
            connection.execute(f"ROLLBACK PREPARED '{gid}'")


def test_case_c9_a_role_that_signals_others_ends_them(
    postgres_site: Site, postgres_cluster: Cluster
) -> None:
    site = postgres_site.database
    assert site
    made = make(postgres_site)
    postgres_cluster.execute(f'GRANT pg_signal_backend TO "{site.user}"')
    other = f"{site.name}_monitor"
    postgres_cluster.execute(f"CREATE ROLE \"{other}\" LOGIN PASSWORD 'secret'")
    try:
        with postgres_cluster.connect(site.name, user=other, password="secret") as monitor:
            assert restore(postgres_site, made["id"])["strategy"] == "swap"
            with pytest.raises(Exception, match="terminat"):
                monitor.execute("SELECT 1")
    finally:
        postgres_cluster.execute(f'DROP ROLE "{other}"')
