"""A restore in place where something was made since that hangs on what the backup has."""

from __future__ import annotations

from tests.support.backups import make, read_manifest
from tests.support.content import content
from tests.support.restores import restore
from tests.support.sites import Site

THEN = (
    "CREATE TYPE mood AS ENUM ('glad', 'sad')",
    "CREATE DOMAIN positive AS integer CHECK (VALUE > 0)",
    "CREATE FUNCTION doubled(integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT $1 * 2'",
    "CREATE TABLE felt (m mood, p positive)",
    "INSERT INTO felt VALUES ('glad', 1)",
)
SINCE = (
    "CREATE FUNCTION how(m mood) RETURNS text LANGUAGE sql AS 'SELECT $1::text'",
    "CREATE TYPE pair AS (m mood, p positive)",
    "CREATE DOMAIN smaller AS positive CHECK (VALUE < 10)",
    "CREATE TABLE later (m mood, n integer DEFAULT doubled(2), s smaller)",
    "CREATE VIEW seen AS SELECT m, doubled(1) AS two FROM later",
    "CREATE CAST (mood AS positive) WITH INOUT",
)


def tables(site: Site) -> dict[str, object]:
    """Every table's rows; a type that was made since stays, where it is in nobody's way."""
    found: dict[str, object] = {**content(site)}
    del found[""]
    return found


def test_case_j1_what_hangs_on_a_type_or_a_function_of_the_backup_goes_with_it(
    postgres_site: Site,
) -> None:
    for statement in THEN:
        postgres_site.query(statement)
    made = make(postgres_site)
    then = tables(postgres_site)
    for statement in SINCE:
        postgres_site.query(statement)
    restore(postgres_site, made["id"], "--in-place")
    assert tables(postgres_site) == then
    left = "SELECT count(*) FROM pg_proc WHERE proname = 'how'"
    assert postgres_site.query(left) == [(0,)]
    assert postgres_site.query("SELECT m, doubled(p) FROM felt") == [("glad", 2)]


def test_a_table_whose_name_begins_as_one_of_ours_is_the_sites(postgres_site: Site) -> None:
    for statement in (
        "CREATE TABLE trustbackup_run_note (id serial PRIMARY KEY, run uuid, text text UNIQUE)",
        "INSERT INTO trustbackup_run_note (text) VALUES ('then')",
        "ALTER TABLE trustbackup_run_note ADD FOREIGN KEY (run) REFERENCES trustbackup_run (id)",
    ):
        postgres_site.query(statement)
    made = make(postgres_site)
    then = tables(postgres_site)
    postgres_site.query("UPDATE trustbackup_run_note SET text = 'since'")
    restore(postgres_site, made["id"], "--in-place")
    assert tables(postgres_site) == then
    keys = "SELECT count(*) FROM pg_constraint WHERE conrelid = 'trustbackup_run_note'::regclass"
    assert postgres_site.query(keys) == [(3,)]


def test_what_is_called_as_one_of_our_tables_and_is_none_is_the_sites(postgres_site: Site) -> None:
    postgres_site.query(
        "CREATE VIEW trustbackup_run_report AS SELECT count(*) FROM trustbackup_run;"
        " COMMENT ON VIEW trustbackup_run_report IS 'x';"
        " GRANT SELECT ON trustbackup_run_report TO PUBLIC;"
        " CREATE MATERIALIZED VIEW trustbackup_run_kinds AS SELECT 1 AS a;"
        " CREATE FUNCTION trustbackup_run_count(a int, b text) RETURNS int LANGUAGE sql AS"
        " 'SELECT 1'; CREATE SEQUENCE trustbackup_run_number;"
        " CREATE TYPE trustbackup_run_kind AS ENUM ('a');"
        ' CREATE TABLE "odd trustbackup_run name" (kind trustbackup_run_kind);'
        " CREATE TABLE felt (id int CONSTRAINT trustbackup_run_positive CHECK (id > 0), run uuid"
        " CONSTRAINT trustbackup_run_known REFERENCES trustbackup_run (id));"
        " CREATE INDEX trustbackup_run_felt ON felt (id)"
    )
    made = make(postgres_site)
    then = read_manifest(made)["parts"][0]["inventory"]
    done = restore(postgres_site, made["id"], "--in-place")
    assert done["notes"] == []
    assert read_manifest(make(postgres_site))["parts"][0]["inventory"] == then


def test_case_j1_what_was_made_since_on_a_server_of_the_backup_goes_with_it(
    postgres_site: Site,
) -> None:
    database = postgres_site.database
    assert database
    database.cluster.execute(
        "CREATE EXTENSION postgres_fdw;"
        f' GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO "{database.user}"',
        database.name,
    )
    database.execute("CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw")
    made = make(postgres_site)
    database.execute("CREATE USER MAPPING FOR PUBLIC SERVER far")
    restore(postgres_site, made["id"], "--in-place")
    assert postgres_site.query("SELECT srvname FROM pg_foreign_server") == [("far",)]
    assert postgres_site.query("SELECT count(*) FROM pg_user_mappings") == [(0,)]


def test_case_j1_a_large_object_that_was_made_since_goes(postgres_site: Site) -> None:
    (number,) = postgres_site.query("SELECT lo_from_bytea(0, 'then')")[0]
    made = make(postgres_site)
    postgres_site.query("SELECT lo_from_bytea(0, 'since')")
    postgres_site.query(f"SELECT lo_put({number}, 0, 'now, and longer')")
    restore(postgres_site, made["id"], "--in-place")
    found = "SELECT oid::int8, lo_get(oid) FROM pg_largeobject_metadata"
    assert postgres_site.query(found) == [(number, b"then")]
