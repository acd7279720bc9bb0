"""Cases C and L: what a database has besides its content is no other after a swap."""

from __future__ import annotations

import pytest

from tests.support.backups import assert_refused, make, more_settings
from tests.support.clusters import Database
from tests.support.restores import beside, drill, restore
from tests.support.sites import Site

PROPERTIES = """
    SELECT (SELECT array_agg(coalesce(pg_get_userbyid(nullif(grantee, 0)), '') || privilege_type
                || is_grantable ORDER BY 1)
            FROM aclexplode(coalesce(datacl, acldefault('d', datdba)))),
        (SELECT array_agg(setrole::text || setconfig::text ORDER BY 1) FROM pg_db_role_setting
            WHERE setdatabase = d.oid),
        datistemplate, shobj_description(oid, 'pg_database')
    FROM pg_database d WHERE datname = %s
"""
MEANWHILE = """
from trustbackup.databases.postgresql import replacement
_swap = replacement.PostgresReplacement.swap
def _later(self, previous_name):
    with self.server.maintenance() as cursor:
        for statement in {statements!r}:
            cursor.execute(statement)
    _swap(self, previous_name)
replacement.PostgresReplacement.swap = _later
"""


def properties(database: Database) -> tuple[object, ...]:
    (found,) = database.cluster.execute(PROPERTIES, parameters=[database.name])
    return found


def test_case_l1_what_the_owner_gave_up_it_has_not_got_back_after_a_swap(
    postgres_site: Site,
) -> None:
    database = postgres_site.database
    assert database
    postgres_site.query("CREATE SCHEMA extra; CREATE TABLE extra.note AS SELECT 1 AS id")
    for statement in (
        'REVOKE ALL ON DATABASE "{0}" FROM PUBLIC',
        'REVOKE CREATE ON DATABASE "{0}" FROM "{1}"',
        "ALTER DATABASE \"{0}\" SET search_path = ''",
        'ALTER ROLE "{1}" IN DATABASE "{0}" SET search_path = \'a, "",b\', \'$user\', public',
        'ALTER DATABASE "{0}" IS_TEMPLATE true',
    ):
        database.cluster.execute(statement.format(database.name, database.user))
    made, then = make(postgres_site), properties(database)
    assert drill(postgres_site, made["id"])["drill"]["notes"] == []
    assert restore(postgres_site, made["id"], "--swap")["notes"] == []
    assert properties(database) == then
    assert beside(postgres_site)
    postgres_site.manage("release_restore", "--yes")
    assert beside(postgres_site) == []
    database.cluster.execute(f'ALTER DATABASE "{database.name}" IS_TEMPLATE false')


def test_case_l1_what_is_changed_while_rows_are_loaded_holds_after_the_swap(
    postgres_site: Site,
) -> None:
    database = postgres_site.database
    assert database
    name = database.name
    for statement in (
        f'GRANT CREATE ON DATABASE "{name}" TO PUBLIC',
        f"ALTER DATABASE \"{name}\" SET work_mem = '5MB'",
        f"COMMENT ON DATABASE \"{name}\" IS 'before'",
    ):
        database.execute(statement)
    made = make(postgres_site)
    changes = (
        f'REVOKE CREATE, CONNECT ON DATABASE "{name}" FROM PUBLIC',
        f'GRANT TEMP ON DATABASE "{name}" TO pg_monitor WITH GRANT OPTION',
        f'ALTER DATABASE "{name}" RESET work_mem',
        f"ALTER DATABASE \"{name}\" SET lock_timeout = '3s'",
        f'COMMENT ON DATABASE "{name}" IS NULL',
    )
    more_settings(postgres_site, MEANWHILE.format(statements=changes))
    restore(postgres_site, made["id"], "--swap")
    grants, settings, is_template, comment = properties(database)
    assert f"{database.user}CREATEfalse" in str(grants)
    assert "pg_monitorTEMPORARYtrue" in str(grants)
    assert "'CREATE" not in str(grants)
    assert "'CONNECT" not in str(grants)
    assert settings == ["0{lock_timeout=3s}"]
    assert not is_template
    assert comment is None


def test_what_a_restore_in_place_may_not_touch_is_named(postgres_site: Site) -> None:
    database = postgres_site.database
    assert database
    database.cluster.execute('CREATE TABLE "not yours" (id int)', database.name)
    database.cluster.execute(f'GRANT SELECT ON "not yours" TO "{database.user}"', database.name)
    made = make(postgres_site)
    refused = postgres_site.manage(
        *("restore_backup", made["id"], "--in-place", "--force", "--json"), check=False
    )
    assert_refused(refused, 'its role does not own public."not yours"')


@pytest.mark.parametrize("way", ["--swap", "--in-place"])
def test_case_d4_a_function_that_rows_call_finds_what_it_finds_at_the_site(
    postgres_site: Site, way: str
) -> None:
    """Generated columns and partitions: pg_restore, whose search path is empty, ends there."""
    for statement in (
        (
            "CREATE FUNCTION plain(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS"
            " 'BEGIN RETURN lower(t); END'"
        ),
        (
            "CREATE FUNCTION slug(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS"
            " $$ BEGIN RETURN replace(plain(t), ' ', '-'); END $$"
        ),
        'CREATE TABLE "Page"" 1" (name text, slug text GENERATED ALWAYS AS (slug(name)) STORED)',
        'INSERT INTO "Page"" 1" SELECT \'A b \' || n FROM generate_series(1, 50) n',
        "CREATE TABLE kind (name text) PARTITION BY LIST (slug(name))",
        "CREATE TABLE kind_a PARTITION OF kind FOR VALUES IN ('a-b')",
        "INSERT INTO kind VALUES ('A b')",
        "CREATE TABLE zero (moment timestamptz DEFAULT now())",
        "INSERT INTO zero DEFAULT VALUES",
    ):
        postgres_site.query(statement)
    made = make(postgres_site)
    assert drill(postgres_site, made["id"])["drill"]["notes"] == []
    postgres_site.query('DELETE FROM "Page"" 1"; DELETE FROM kind')
    assert restore(postgres_site, made["id"], way)["notes"] == []
    found = 'SELECT count(*), max(slug) FROM "Page"" 1" WHERE slug LIKE \'a-b-%\''
    assert postgres_site.query(found) == [(50, "a-b-9")]
    assert postgres_site.query("SELECT count(*) FROM kind_a") == [(1,)]


def test_case_c3_a_setting_that_the_server_takes_no_more_is_a_note(postgres_site: Site) -> None:
    """As a locale that the machine has not got, after the data moved to another."""
    database = postgres_site.database
    assert database
    database.execute(f"ALTER DATABASE \"{database.name}\" SET work_mem = '5MB'")
    made = make(postgres_site)
    database.cluster.execute(
        "UPDATE pg_db_role_setting SET setconfig = ARRAY['lc_monetary=xx_YY.gone'] || setconfig"
        " WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = %s)",
        parameters=[database.name],
    )
    (note,) = restore(postgres_site, made["id"], "--swap", "--no-safety-backup")["notes"]
    assert "setting lc_monetary of the database was left out: invalid value" in note
    assert postgres_site.query("SHOW work_mem") == [("5MB",)]
