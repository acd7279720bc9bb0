"""Case C: what an administrator has put into the site's database stays, and ends no restore."""

from __future__ import annotations

import json

from tests.support.backups import make
from tests.support.content import digest
from tests.support.restores import drill, go_on, plan, restore
from tests.support.sites import Site

OF_THE_ADMINISTRATOR = """
    CREATE SCHEMA "their own"; GRANT USAGE ON SCHEMA "their own" TO PUBLIC;
    CREATE TYPE mood AS ENUM ('glad', 'sad'); COMMENT ON TYPE mood IS 'theirs';
    CREATE DOMAIN positive AS int CHECK (VALUE > 0); CREATE TYPE pair AS (m mood, n positive);
    CREATE COLLATION bytewise FROM "C";
    CREATE FUNCTION "their own".twice(a int, b mood[] DEFAULT '{}') RETURNS int LANGUAGE sql
        IMMUTABLE AS 'SELECT 2 * $1';
    COMMENT ON FUNCTION "their own".twice(int, mood[]) IS 'theirs';
    REVOKE ALL ON FUNCTION "their own".twice(int, mood[]) FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION "their own".twice(int, mood[]) TO "{user}";
    CREATE PROCEDURE nothing() LANGUAGE sql AS '';
    CREATE AGGREGATE total(int) (sfunc = int4pl, stype = int);
    CREATE AGGREGATE number(*) (sfunc = int8inc, stype = int8, initcond = '0');
    CREATE OPERATOR @#@ (leftarg = int, rightarg = int, function = int4pl);
    CREATE CAST (mood AS int4) WITH INOUT;
    CREATE TEXT SEARCH DICTIONARY plain (TEMPLATE = simple);
    CREATE TEXT SEARCH CONFIGURATION words (COPY = english);
    CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
    CREATE EVENT TRIGGER on_ddl ON ddl_command_end EXECUTE FUNCTION on_ddl();
    CREATE PUBLICATION everything FOR ALL TABLES
"""
ONLY_BY_SUPERUSERS = """
    CREATE ACCESS METHOD heaped TYPE TABLE HANDLER heap_tableam_handler;
    CREATE TEXT SEARCH TEMPLATE plainest (INIT = dsimple_init, LEXIZE = dsimple_lexize);
    CREATE OPERATOR CLASS by_number FOR TYPE int4 USING btree AS OPERATOR 1 <, OPERATOR 2 <=,
        OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 btint4cmp(int4, int4);
    CREATE FUNCTION counted(internal) RETURNS internal LANGUAGE internal AS 'int8inc'
"""
OWNERS = """
    SELECT proname, pg_get_userbyid(proowner), obj_description(oid, 'pg_proc'), proacl::text
    FROM pg_proc WHERE oid >= 16384
    UNION ALL SELECT typname, pg_get_userbyid(typowner), obj_description(oid, 'pg_type'), NULL
    FROM pg_type WHERE typname IN ('mood', 'positive', 'pair')
    UNION ALL SELECT pubname, pg_get_userbyid(pubowner), NULL, NULL FROM pg_publication
    UNION ALL SELECT evtname, pg_get_userbyid(evtowner), NULL, NULL FROM pg_event_trigger
    ORDER BY 1, 2, 3
"""


def test_case_c2_what_belongs_to_others_stays_in_a_restore_in_place(postgres_site: Site) -> None:
    database = postgres_site.database
    assert database
    script = OF_THE_ADMINISTRATOR.replace("{user}", database.user)
    database.cluster.execute(script, database.name)
    database.cluster.execute(f'ALTER ROLE "{database.user}" NOCREATEDB')
    database.execute(
        "CREATE TABLE felt (m mood, n positive, p pair, t text COLLATE bytewise,"
        ' four int GENERATED ALWAYS AS ("their own".twice(2)) STORED);'
        " INSERT INTO felt VALUES ('glad', 1, ('sad', 2), 'x');"
        " CREATE FUNCTION felt_by(m mood) RETURNS int LANGUAGE sql AS 'SELECT 1'"
    )
    made = make(postgres_site)
    then, owners = digest(postgres_site), database.cluster.execute(OWNERS, database.name)
    postgres_site.variables["TMPDIR"] = "/tmp"  # where the server's own user can go
    assert drill(postgres_site, made["id"])["ok"]
    go_on(postgres_site)
    done = restore(postgres_site, made["id"])
    assert done["strategy"] == "in place"
    assert "objects that its role can't make anew stay as they are" in " ".join(done["notes"])
    assert digest(postgres_site) == then
    assert database.cluster.execute(OWNERS, database.name) == owners


def test_case_c2_what_only_a_superuser_can_make_is_known_before(postgres_site: Site) -> None:
    database = postgres_site.database
    assert database
    database.cluster.execute(ONLY_BY_SUPERUSERS, database.name)
    database.execute(
        "CREATE TABLE heap_of (a int) USING heaped; INSERT INTO heap_of VALUES (1);"
        " CREATE INDEX ON heap_of (a by_number); CREATE TYPE span AS RANGE (subtype = int);"
        " CREATE TABLE spans (s span); INSERT INTO spans VALUES ('[1,3)')"
    )
    made = make(postgres_site)
    then = digest(postgres_site)
    postgres_site.variables["TMPDIR"] = "/tmp"
    assert drill(postgres_site, made["id"])["ok"]
    said = plan(postgres_site, made["id"])["databases"]["default"]
    assert said["strategy"] == "in place"
    assert "only a superuser can make by_number" in said["why"]
    go_on(postgres_site)
    assert restore(postgres_site, made["id"])["strategy"] == "in place"
    assert digest(postgres_site) == then


def test_a_range_of_the_sites_own_is_swapped_as_ever(postgres_site: Site) -> None:
    postgres_site.query("CREATE TYPE span AS RANGE (subtype = int); CREATE TABLE spans (s span)")
    made = make(postgres_site)
    assert restore(postgres_site, made["id"])["strategy"] == "swap"


GIVEN_AWAY = """
    CREATE FUNCTION sealed(text) RETURNS boolean LANGUAGE sql LEAKPROOF IMMUTABLE AS 'SELECT true';
    CREATE FUNCTION quiet() RETURNS int LANGUAGE sql SET log_statement = 'none' AS 'SELECT 1';
    CREATE AGGREGATE mean(bigint) (sfunc = counting, stype = internal,
        finalfunc = numeric_poly_avg);
    CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
    CREATE FOREIGN TABLE far (a int) SERVER nowhere; GRANT SELECT ON far TO "{user}";
    GRANT USAGE ON FOREIGN SERVER nowhere TO "{user}"
"""


def test_case_c2_what_a_superuser_made_and_gave_away_stays_in_place(postgres_site: Site) -> None:
    """The role owns it, and could drop it, but not make it again."""
    database = postgres_site.database
    assert database
    script = GIVEN_AWAY.replace("{user}", database.user)
    database.cluster.execute(
        "CREATE FUNCTION counting(internal, bigint) RETURNS internal LANGUAGE internal"
        f" AS 'int8_avg_accum'; {script}",
        database.name,
    )
    for function in ("sealed(text)", "quiet()", "counting(internal, bigint)"):
        database.cluster.execute(
            f'ALTER FUNCTION {function} OWNER TO "{database.user}"', database.name
        )
    postgres_site.query("CREATE FOREIGN TABLE mine (a int) SERVER nowhere")
    made = make(postgres_site)
    then = digest(postgres_site)
    postgres_site.variables["TMPDIR"] = "/tmp"
    assert drill(postgres_site, made["id"])["ok"]
    go_on(postgres_site)
    said = plan(postgres_site, made["id"])["databases"]["default"]
    assert said["strategy"] == "in place"
    assert "only a superuser can make" in said["why"]
    restore(postgres_site, made["id"])
    assert digest(postgres_site) == then


def test_case_c2_a_function_whose_setting_the_role_may_set_is_swapped(postgres_site: Site) -> None:
    database = postgres_site.database
    assert database
    if database.execute("SELECT current_setting('server_version_num')::int < 150000") == [(True,)]:
        return  # nobody but a superuser can be allowed to
    database.cluster.execute(f'GRANT SET ON PARAMETER log_duration TO "{database.user}"')
    postgres_site.query(
        "CREATE FUNCTION allowed() RETURNS int LANGUAGE sql SET log_duration = off AS 'SELECT 1'"
    )
    made = make(postgres_site)
    assert plan(postgres_site, made["id"])["databases"]["default"]["strategy"] == "swap"
    assert restore(postgres_site, made["id"])["strategy"] == "swap"
    database.cluster.execute(f'REVOKE SET ON PARAMETER log_duration FROM "{database.user}"')


def test_case_c7_a_publication_of_anothers_that_loses_its_tables_is_known_before(
    postgres_site: Site,
) -> None:
    database = postgres_site.database
    assert database
    database.cluster.execute(
        "CREATE PUBLICATION orders FOR TABLE shop_order;"
        " CREATE PUBLICATION everything FOR TABLES IN SCHEMA public",
        database.name,
    )
    made = make(postgres_site)
    said = json.dumps(plan(postgres_site, made["id"], "--in-place"))
    assert "Publication orders of role 'postgres' loses the tables" in said
    assert "Publication everything" not in said
    notes = " ".join(restore(postgres_site, made["id"], "--in-place")["notes"])
    assert "Publication table orders shop_order was left out" in notes
    assert "in schema" not in notes
