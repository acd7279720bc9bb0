"""Case D: what may rightly differ after a restore is told, and whatever way is gone, the same."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.backups import make, read_manifest
from tests.support.damage import sign_again
from tests.support.restores import drill, restore
from tests.support.sites import Site

WAYS = ("--swap", "--in-place")
ENUM_PARTITIONS = """
    CREATE TYPE size AS ENUM ('xxs', 'xs', 's', 'm', 'l', 'xl', 'xxl', 'xxxl');
    CREATE TABLE shirt (size size, n int) PARTITION BY HASH (size);
    CREATE TABLE shirt_0 PARTITION OF shirt FOR VALUES WITH (MODULUS 4, REMAINDER 0);
    CREATE TABLE shirt_1 PARTITION OF shirt FOR VALUES WITH (MODULUS 4, REMAINDER 1);
    CREATE TABLE shirt_2 PARTITION OF shirt FOR VALUES WITH (MODULUS 4, REMAINDER 2);
    CREATE TABLE shirt_3 PARTITION OF shirt FOR VALUES WITH (MODULUS 4, REMAINDER 3);
    INSERT INTO shirt SELECT (enum_range(NULL::size))[1 + n % 8], n FROM generate_series(1, 80) n;
"""


def proven_alike(site: Site, made: dict[str, Any], *arguments: str) -> list[str]:
    """The drill and each way succeed, and tell the same, which is returned."""
    notes = without_chance(drill(site, made["id"], *arguments)["drill"]["notes"])
    for way in WAYS:
        told = restore(site, made["id"], way, "--no-safety-backup")["notes"]
        assert without_chance(told) == notes, way
    return notes


def without_chance(notes: list[str]) -> list[str]:
    """The new numbers of an enum's labels can bring as many rows into each partition as before."""
    told = [note.removeprefix("default: ") for note in notes]
    return [note for note in told if "lie in other partitions" not in note]


def test_case_d1_rows_of_an_enums_partitions_are_counted_by_the_whole(postgres_site: Site) -> None:
    postgres_site.query(ENUM_PARTITIONS)
    made = make(postgres_site, "--content")
    proven_alike(postgres_site, made, "--content")
    assert postgres_site.query("SELECT count(*), sum(n) FROM shirt") == [(80, 3240)]

    def one_more(document: dict[str, Any]) -> None:
        tables = document["parts"][0]["tables"]
        next(table for table in tables if table["name"] == "shirt_0")["rows"] += 1

    sign_again(made, one_more)
    assert not drill(postgres_site, made["id"], check=False)["ok"]


CHECK_BY_FUNCTION = """
    CREATE TABLE zz_known (n int); INSERT INTO zz_known SELECT generate_series(1, 30);
    CREATE FUNCTION is_known(int) RETURNS bool LANGUAGE sql AS
        'SELECT EXISTS (SELECT FROM public.zz_known WHERE n = $1)';
    CREATE TABLE aa_checked (n int CONSTRAINT known CHECK (is_known(n)), CHECK (n > 0));
    COMMENT ON CONSTRAINT known ON aa_checked IS 'looks elsewhere';
    CREATE DOMAIN known_number AS int CHECK (is_known(VALUE));
    CREATE TABLE aa_domain (n known_number);
    CREATE TABLE aa_parent (n int CONSTRAINT inherited CHECK (is_known(n)));
    CREATE TABLE aa_child (m int CONSTRAINT own CHECK (is_known(m))) INHERITS (aa_parent);
    CREATE TABLE aa_parts (n int CHECK (is_known(n))) PARTITION BY LIST (n);
    CREATE TABLE aa_part PARTITION OF aa_parts DEFAULT;
    INSERT INTO aa_checked SELECT generate_series(1, 30); INSERT INTO aa_domain VALUES (5);
    INSERT INTO aa_child VALUES (1, 2); INSERT INTO aa_parent VALUES (9);
    INSERT INTO aa_parts VALUES (3);
"""


@pytest.mark.parametrize("layout", ["custom", "directory"])
def test_case_d3_a_check_that_reads_another_table_gets_one_answer(
    postgres_site: Site, layout: str
) -> None:
    postgres_site.query(CHECK_BY_FUNCTION)
    checks = (
        "SELECT coalesce(conrelid::regclass::text, '') || contypid::regtype::text, conname,"
        " conislocal, coninhcount::int, convalidated, obj_description(oid, 'pg_constraint')"
        " FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
        " ORDER BY 1, 2"
    )
    then = postgres_site.query(checks)
    made = make(postgres_site, "--format", layout)
    assert proven_alike(postgres_site, made) == []
    assert postgres_site.query(checks) == then


def test_case_d3_rows_that_break_their_check_since_long_come_back_and_it_is_told(
    postgres_site: Site,
) -> None:
    postgres_site.query(CHECK_BY_FUNCTION)
    postgres_site.query("DELETE FROM zz_known WHERE n = 30")
    made = make(postgres_site)
    (note,) = proven_alike(postgres_site, made)
    assert "aa_checked.known is not validated" in note
    assert postgres_site.query("SELECT count(*) FROM aa_checked") == [(30,)]


def test_case_d3_rows_that_break_their_foreign_key_since_long_come_back_and_it_is_told(
    postgres_site: Site,
) -> None:
    """As a replica's role, a trigger that was off or a damaged index leaves them behind."""
    database = postgres_site.database
    assert database
    for statement in (
        "CREATE TABLE parent (id int PRIMARY KEY)",
        "CREATE TABLE orphan (id int REFERENCES parent ON DELETE CASCADE DEFERRABLE)",
    ):
        postgres_site.query(statement)
    with database.cluster.connect(database.name) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("INSERT INTO orphan VALUES (99)")
    made = make(postgres_site)
    (note,) = proven_alike(postgres_site, made)
    assert "Foreign key orphan.orphan_id_fkey is not validated: insert or update" in note
    assert postgres_site.query("SELECT id FROM orphan") == [(99,)]
    key = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'orphan_id_fkey'"
    defined = "FOREIGN KEY (id) REFERENCES parent(id) ON DELETE CASCADE DEFERRABLE NOT VALID"
    assert postgres_site.query(key) == [(defined,)]
    assert proven_alike(postgres_site, make(postgres_site)) == []


VIEWS = """
    CREATE TABLE numbers (n int); INSERT INTO numbers VALUES (1);
    CREATE MATERIALIZED VIEW emptied AS SELECT n FROM numbers;
    CREATE VIEW between AS SELECT n FROM emptied;
    CREATE MATERIALIZED VIEW above AS SELECT n FROM between;
    CREATE MATERIALIZED VIEW on_top AS SELECT n FROM above;
    REFRESH MATERIALIZED VIEW emptied WITH NO DATA;
"""


def test_case_d4_a_view_on_an_empty_one_is_filled_again(postgres_site: Site) -> None:
    postgres_site.query(VIEWS)
    filled = "SELECT relname FROM pg_class WHERE relkind = 'm' AND relispopulated ORDER BY 1"
    assert postgres_site.query(filled) == [("above",), ("on_top",)]
    made = make(postgres_site)
    assert proven_alike(postgres_site, made) == []
    assert postgres_site.query(filled) == [("above",), ("on_top",)]
    assert postgres_site.query("SELECT n FROM on_top") == [(1,)]


def test_case_d4_a_view_that_cant_be_filled_any_more_ends_no_restore(postgres_site: Site) -> None:
    postgres_site.query("CREATE TABLE numbers (n int); INSERT INTO numbers VALUES (1)")
    postgres_site.query("CREATE MATERIALIZED VIEW parts AS SELECT 1 / n AS part FROM numbers")
    postgres_site.query("UPDATE numbers SET n = 0")
    made = make(postgres_site)
    (note,) = proven_alike(postgres_site, made)
    assert "parts could not be filled: division by zero" in note
    assert postgres_site.query("SELECT n FROM numbers") == [(0,)]


def test_case_d4_what_needs_the_sites_search_path_comes_back(postgres_site: Site) -> None:
    postgres_site.query(
        "CREATE TABLE names (name text); INSERT INTO names VALUES ('A');"
        " CREATE FUNCTION shown(text) RETURNS text LANGUAGE sql IMMUTABLE AS"
        " 'SELECT lower($1) || (SELECT count(*)::text FROM names)';"
        " CREATE INDEX names_shown ON names (shown(name));"
        " CREATE MATERIALIZED VIEW shown_names AS SELECT shown(name) FROM names"
    )
    made = make(postgres_site)
    assert "names_shown" in read_manifest(made)["parts"][0]["inventory"]["objects"]["index"]
    assert proven_alike(postgres_site, made) == []
    assert postgres_site.query("SELECT * FROM shown_names") == [("a1",)]


def test_case_d4_a_swap_keeps_the_databases_comment(postgres_site: Site) -> None:
    database = postgres_site.database
    assert database
    postgres_site.query(f"COMMENT ON DATABASE {database.name} IS 'the shop''s \\ own'")
    made = make(postgres_site)
    restore(postgres_site, made["id"], "--swap")
    comment = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
    found = database.cluster.execute(comment, parameters=[database.name])
    assert found == [("the shop's \\ own",)]
