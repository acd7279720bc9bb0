"""Cases C: what is not the site's data never ends a restore, and is not lost without a word."""

from __future__ import annotations

import json

import pytest

from tests.support.backups import make, more_settings
from tests.support.clusters import Database
from tests.support.content import digest
from tests.support.restores import drill, go_on, plan, restore
from tests.support.sites import Site


def by_the_superuser(site: Site, *statements: str) -> Database:
    database = site.database
    assert database
    for statement in statements:
        database.cluster.execute(statement, database.name)
    return database


def notes_of(proof: dict[str, object]) -> str:
    """Everything that a drill says besides its verdict."""
    return json.dumps(proof)


def test_case_c2_an_extension_that_only_a_superuser_makes_is_left_where_it_is(
    postgres_site: Site,
) -> None:
    by_the_superuser(postgres_site, "CREATE EXTENSION pg_stat_statements")
    made = make(postgres_site)
    then = digest(postgres_site)
    proof = drill(postgres_site, made["id"])
    assert "Extension pg_stat_statements was left out" in notes_of(proof)
    go_on(postgres_site)
    said = plan(postgres_site, made["id"])["databases"]["default"]
    assert said["strategy"] == "in place"
    assert "pg_stat_statements" in said["why"]
    assert restore(postgres_site, made["id"])["strategy"] == "in place"
    assert digest(postgres_site) == then
    there = "SELECT count(*) FROM pg_extension WHERE extname = 'pg_stat_statements'"
    assert postgres_site.query(there) == [(1,)]


def test_case_c7_an_extension_that_tables_need_has_a_way_back(postgres_site: Site) -> None:
    by_the_superuser(
        postgres_site, "CREATE EXTENSION cube", "CREATE EXTENSION earthdistance SCHEMA public"
    )
    postgres_site.query("CREATE TABLE place (at earth)")
    postgres_site.query("INSERT INTO place SELECT ll_to_earth(52, 13)")
    made = make(postgres_site)
    postgres_site.variables["TMPDIR"] = "/tmp"  # where the server's own user can go
    assert drill(postgres_site, made["id"])["ok"]
    postgres_site.query("DELETE FROM place")
    assert restore(postgres_site, made["id"])["strategy"] == "in place"
    assert postgres_site.query("SELECT count(*) FROM place") == [(1,)]


def test_case_c7_what_a_superuser_has_set_up_is_a_note(postgres_site: Site) -> None:
    database = by_the_superuser(
        postgres_site,
        "CREATE PUBLICATION everything FOR ALL TABLES",
        "ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT SELECT ON TABLES TO PUBLIC",
    )
    made = make(postgres_site)
    assert drill(postgres_site, made["id"])["ok"]
    go_on(postgres_site)
    notes = " ".join(restore(postgres_site, made["id"], "--swap")["notes"])
    assert "Publication everything was left out" in notes
    assert "DEFAULT PRIVILEGES FOR TABLES" in notes
    assert database.execute("SELECT count(*) FROM shop_order") == [(50,)]


def test_case_c3_a_setting_of_the_database_that_a_superuser_made_is_a_note(
    postgres_site: Site,
) -> None:
    assert postgres_site.database
    name = postgres_site.database.name
    by_the_superuser(
        postgres_site,
        f'ALTER DATABASE "{name}" SET log_min_duration_statement = 1000',
        f"ALTER DATABASE \"{name}\" SET work_mem = '5MB'",
        f"ALTER ROLE postgres IN DATABASE \"{name}\" SET statement_timeout = '1h'",
    )
    made = make(postgres_site)
    assert drill(postgres_site, made["id"])["ok"]
    notes = " ".join(restore(postgres_site, made["id"])["notes"])
    assert "setting log_min_duration_statement of the database was left out" in notes
    assert "setting statement_timeout of role postgres was left out" in notes
    assert postgres_site.query("SHOW work_mem") == [("5MB",)]


@pytest.mark.parametrize("strategy", ["--swap", "--in-place"])
def test_case_c6_an_event_trigger_that_forbids_changes_stops_no_restore(
    postgres_site: Site, strategy: str
) -> None:
    database = by_the_superuser(
        postgres_site,
        "CREATE FUNCTION forbid() RETURNS event_trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE 'no changes here'; END $$",
        "CREATE EVENT TRIGGER forbidden ON ddl_command_start EXECUTE FUNCTION forbid()",
    )
    login = {"USER": database.cluster.superuser, "PASSWORD": database.cluster.password}
    more_settings(postgres_site, f"DATABASES['default'].update({login!r})")
    made = make(postgres_site)
    assert drill(postgres_site, made["id"])["ok"]
    database.execute("DELETE FROM shop_cartitem")
    restore(postgres_site, made["id"], strategy)
    assert database.execute("SELECT count(*) FROM shop_cartitem") != [(0,)]
    with pytest.raises(Exception, match="no changes here"):
        database.execute("CREATE TABLE not_today (id int)")


@pytest.mark.parametrize("may", [True, False])
def test_case_c8_rows_of_the_sites_own_in_an_extensions_table(
    postgres_site: Site, *, may: bool
) -> None:
    """As in PostGIS's spatial_ref_sys: some rows are the extension's, some the site's."""
    assert postgres_site.database
    user = postgres_site.database.user
    by_the_superuser(
        postgres_site,
        "CREATE EXTENSION citext",
        "CREATE TABLE systems (id int PRIMARY KEY)",
        "INSERT INTO systems VALUES (1), (2), (900001)",
        "ALTER EXTENSION citext ADD TABLE systems",
        "UPDATE pg_extension SET extconfig = ARRAY['systems'::regclass::oid],"
        " extcondition = ARRAY['WHERE id > 900000'] WHERE extname = 'citext'",
        f'GRANT SELECT{", INSERT, DELETE" if may else ""} ON systems TO "{user}"',
    )
    made = make(postgres_site)
    by_the_superuser(postgres_site, "INSERT INTO systems VALUES (900002)")
    done = restore(postgres_site, made["id"], "--in-place")
    rows = [(1,), (2,), (900001,)] if may else [(1,), (2,), (900001,), (900002,)]
    assert postgres_site.query("SELECT id FROM systems ORDER BY id") == rows
    noted = any("public.systems stay as they are" in note for note in done["notes"])
    assert noted is not may
