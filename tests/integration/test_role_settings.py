"""Cases F: what a role or a database has set, and how many connections it may have."""

from __future__ import annotations

from tests.support.backups import make, more_settings
from tests.support.content import digest
from tests.support.restores import drill, go_on, restore, undo
from tests.support.sites import Site


def test_case_f3_three_connections_are_enough(postgres_site: Site) -> None:
    site = postgres_site.database
    assert site
    site.cluster.execute(f'ALTER ROLE "{site.user}" CONNECTION LIMIT 3')
    made = make(postgres_site)
    then = digest(postgres_site)
    assert drill(postgres_site, made["id"])["ok"]
    go_on(postgres_site)
    now = digest(postgres_site)
    assert restore(postgres_site, made["id"])["strategy"] == "swap"
    assert digest(postgres_site) == then
    undo(postgres_site)
    assert digest(postgres_site) == now
    restore(postgres_site, made["id"], "--in-place")
    assert digest(postgres_site) == then


def test_case_f3_a_database_that_is_read_only_by_default_is_restored(postgres_site: Site) -> None:
    site = postgres_site.database
    assert site
    site.execute("CREATE TABLE pair (values int[])")
    site.execute("INSERT INTO pair VALUES ('{1,NULL}')")
    made = make(postgres_site)
    site.execute("DELETE FROM pair")
    for name, value in (("default_transaction_read_only", "on"), ("array_nulls", "off")):
        site.cluster.execute(
            f'ALTER ROLE "{site.user}" IN DATABASE "{site.name}" SET {name} = {value}'
        )
        site.cluster.execute(f'ALTER ROLE "{site.user}" SET {name} = {value}')
    assert drill(postgres_site, made["id"])["ok"]
    rows = "SELECT array_position(values, NULL) FROM pair"
    for way in ("--swap", "--in-place"):
        restore(postgres_site, made["id"], way)
        assert site.execute(rows) == [(2,)]
        assert site.execute("SHOW default_transaction_read_only") == [("on",)]


def test_case_f3_a_database_that_writes_dates_otherwise_is_restored(postgres_site: Site) -> None:
    """psycopg reads no time with a zone that is written so; a site may use psycopg2."""
    site = postgres_site.database
    assert site
    site.execute(f"ALTER DATABASE \"{site.name}\" SET DateStyle = 'German, DMY'")
    site.execute(f"ALTER DATABASE \"{site.name}\" SET IntervalStyle = 'iso_8601'")
    made = make(postgres_site)
    then = digest(postgres_site)
    for way in ("--swap", "--in-place"):
        postgres_site.query("DELETE FROM shop_cartitem")
        restore(postgres_site, made["id"], way)
        assert digest(postgres_site) == then


def test_case_f3_a_database_that_quotes_every_name_is_restored(postgres_site: Site) -> None:
    database = postgres_site.database
    assert database
    database.execute(
        "CREATE FUNCTION low(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(t)';"
        " CREATE FUNCTION slug(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS"
        " 'BEGIN RETURN low(t); END';"
        " CREATE TABLE page (title text, slug text GENERATED ALWAYS AS (slug(title)) STORED);"
        " INSERT INTO page VALUES ('One')"
    )
    database.cluster.execute(f'ALTER DATABASE "{database.name}" SET quote_all_identifiers = on')
    made = make(postgres_site)
    assert drill(postgres_site, made["id"])["ok"]
    for way in ("--swap", "--in-place"):
        postgres_site.query("DELETE FROM page")
        restore(postgres_site, made["id"], way)
        assert postgres_site.query("SELECT slug FROM page") == [("one",)]


def test_case_k1_one_database_is_one_where_its_server_is_not_told_and_zones_differ(
    postgres_site: Site,
) -> None:
    site = postgres_site.database
    assert site
    revoke = "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC"
    site.cluster.execute(revoke, site.name)
    more_settings(
        postgres_site,
        "DATABASES['again'] = {**DATABASES['default'], 'HOST': 'localhost',"
        " 'TIME_ZONE': 'Asia/Tokyo'}",
    )
    assert len(make(postgres_site)["files"]) == 1


def test_case_f3_times_in_a_form_that_nobody_reads_are_a_finding(postgres_site: Site) -> None:
    site = postgres_site.database
    assert site
    make(postgres_site)
    site.cluster.execute(f'ALTER ROLE "{site.user}" SET datestyle = German')
    found = postgres_site.manage("backup_doctor", "--json", check=False)
    assert "Traceback" not in found.stderr
    assert any("DateStyle" in item["sentence"] for item in found.json if item["grade"] == "bad")
