"""A restore in place where something was made since that hangs on what the backup has."""

from __future__ import annotations

from tests.support.backups import make
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
