"""Case D4: a proof looks at everything that a database holds, not at its rows alone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.test_owners import as_superuser
from tests.support.backups import assert_refused, make, read_manifest
from tests.support.content import digest
from tests.support.damage import forge, sign_again
from tests.support.odd_objects import OF_A_SUPERUSER, OF_ANY_OWNER
from tests.support.restores import drill, go_on, restore, undo
from tests.support.sites import Site

WAYS = ("--swap", "--in-place")


def inventory(made: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = read_manifest(made)["parts"][0]["inventory"]
    return found


@pytest.mark.parametrize("role", ["owner", "superuser"])
def test_case_d4_every_way_brings_one_of_every_kind_back(postgres_site: Site, role: str) -> None:
    database = postgres_site.database
    assert database
    database.execute(OF_ANY_OWNER)
    if role == "superuser":
        database.cluster.execute(OF_A_SUPERUSER, database.name)
        as_superuser(postgres_site, everywhere=True)
    made = make(postgres_site)
    then = inventory(made)
    assert then["large_objects"] == 4
    assert then["large_object_bytes"] == 2 * 6000
    assert len(then["objects"]) > (30 if role == "superuser" else 20)
    proof = drill(postgres_site, made["id"])
    assert proof["drill"]["notes"] == []
    for way in WAYS:
        go_on(postgres_site, way.replace("-", ""))
        done = restore(postgres_site, made["id"], way, "--no-safety-backup")
        assert done["notes"] == []
        if way == "--swap":
            assert inventory(make(postgres_site)) == then


LOST = {
    "index": (b"CREATE INDEX lost_idx ON public.lost USING btree (a);", "index lost_idx"),
    "view": (b"CREATE VIEW public.lost_view AS\n SELECT 1 AS one;", "view lost_view"),
    "trigger": (
        (
            b"CREATE TRIGGER lost_trigger BEFORE UPDATE ON public.lost FOR EACH ROW EXECUTE"
            b" FUNCTION public.lost_function();"
        ),
        "trigger lost.lost_trigger",
    ),
    "key": (
        b"ALTER TABLE ONLY public.lost\n    ADD CONSTRAINT lost_pkey PRIMARY KEY (a);",
        "key lost.lost_pkey",
    ),
    "comment": (b"COMMENT ON TABLE public.lost IS 'lost';", "comment table: lost"),
    "grant": (b"GRANT SELECT ON TABLE public.lost TO PUBLIC;", "rights on table: lost"),
}
MADE = """
    CREATE TABLE lost (a int PRIMARY KEY); CREATE INDEX lost_idx ON lost (a);
    CREATE VIEW lost_view AS SELECT 1 AS one; COMMENT ON TABLE lost IS 'lost';
    CREATE FUNCTION lost_function() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER lost_trigger BEFORE UPDATE ON lost FOR EACH ROW EXECUTE FUNCTION lost_function();
    GRANT SELECT ON lost TO PUBLIC;
"""


def test_case_d4_what_an_archive_does_not_bring_back_is_named_and_refused(
    postgres_site: Site,
) -> None:
    database = postgres_site.database
    assert database
    database.execute(MADE)
    made = make(postgres_site)

    def lose(raw: bytes) -> bytes:
        for statement, _named in LOST.values():
            assert raw.count(statement) == 1, statement
            raw = raw.replace(statement, b"SELECT 1;".ljust(len(statement)))
        return raw

    forge(made, lose)
    proof = drill(postgres_site, made["id"], check=False)
    assert not proof["ok"]
    for _statement, named in LOST.values():
        assert named in " ".join(proof["problems"])
    before = digest(postgres_site)
    for way in WAYS:
        refused = postgres_site.manage(
            *("restore_backup", made["id"], way, "--no-safety-backup", "--force", "--json"),
            check=False,
        )
        assert_refused(refused, "after loading, comment table: lost is missing")
        assert digest(postgres_site) == before


def test_case_d4_in_place_large_objects_are_in_the_one_transaction(postgres_site: Site) -> None:
    """pg_restore's own text ends a transaction behind each of them."""
    postgres_site.query("SELECT lo_from_bytea(0, 'abc') FROM generate_series(1, 3)")
    made = make(postgres_site)

    def expect_more(document: dict[str, Any]) -> None:
        document["parts"][0]["inventory"]["large_objects"] += 1

    sign_again(made, expect_more)
    go_on(postgres_site)
    before = digest(postgres_site)
    refused = postgres_site.manage(
        *("restore_backup", made["id"], "--in-place", "--no-safety-backup", "--force", "--json"),
        check=False,
    )
    assert_refused(refused, "3 of 4 large objects")
    assert digest(postgres_site) == before


def test_case_d4_in_place_nothing_gets_the_rights_that_are_given_by_default_since(
    postgres_site: Site,
) -> None:
    made = make(postgres_site)
    postgres_site.query("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC")
    postgres_site.query(
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO PUBLIC"
    )
    restore(postgres_site, made["id"], "--in-place", "--no-safety-backup")
    assert postgres_site.query("SELECT count(*) FROM pg_default_acl") == [(0,)]
    public = "SELECT count(*) FROM pg_class WHERE relacl::text ~ '[{,]=' AND relname LIKE 'shop%'"
    assert postgres_site.query(public) == [(0,)]


def test_case_l1_our_tables_and_views_on_them_get_no_rights_by_default_in_a_swap(
    postgres_site: Site,
) -> None:
    """What is granted for new tables of the site is not for ours, made anew each time."""
    postgres_site.query(
        "CREATE VIEW lately AS SELECT id FROM trustbackup_backup;"
        " ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;"
        " ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO PUBLIC"
    )
    made = make(postgres_site)
    restore(postgres_site, made["id"], "--swap")
    public = "SELECT relname FROM pg_class WHERE oid >= 16384 AND relacl::text ~ '[{,]='"
    assert postgres_site.query(public) == []
    assert postgres_site.query("SELECT count(*) FROM pg_default_acl") == [(2,)]
    undo(postgres_site)
    assert postgres_site.query(public) == []


def test_case_d4_an_sqlite_inventory_has_indexes_triggers_and_views(sqlite_site: Site) -> None:
    for statement in (
        "CREATE VIEW seen AS SELECT 1",
        "CREATE TRIGGER t AFTER INSERT ON shop_category BEGIN SELECT 1; END",
        "CREATE VIRTUAL TABLE words USING fts5(text)",
    ):
        sqlite_site.query(statement)
    made = make(sqlite_site)
    objects = inventory(made)["objects"]
    assert objects["view"] == "seen"
    assert objects["trigger"] == "shop_category.t"
    assert objects["virtual table"] == "words"
    assert "shop_product.shop_product_category_id" in objects["index"]
    assert drill(sqlite_site, made["id"])["ok"]

    def expect_more(document: dict[str, Any]) -> None:
        document["parts"][0]["inventory"]["objects"]["view"] = "gone\nseen"

    sign_again(made, expect_more)
    proof = drill(sqlite_site, made["id"], check=False)
    assert "view gone is missing" in " ".join(proof["problems"])


def test_case_d4_rights_on_the_public_schema_say_nothing_of_its_owner(
    postgres_site: Site,
) -> None:
    database = postgres_site.database
    assert database
    database.cluster.execute("GRANT CREATE ON SCHEMA public TO PUBLIC", database.name)
    made = make(postgres_site)
    assert "schema: public" in inventory(made)["grants"].values()
    assert drill(postgres_site, made["id"])["ok"]


def test_case_d4_what_hangs_on_trustbackups_own_tables_survives_a_swap(
    postgres_site: Site,
) -> None:
    postgres_site.query(
        "CREATE VIEW lately AS SELECT id, created FROM trustbackup_backup;"
        " COMMENT ON VIEW lately IS 'for the dashboard'; GRANT SELECT ON lately TO PUBLIC;"
        " CREATE MATERIALIZED VIEW how_many AS SELECT count(*) AS number FROM lately;"
        " CREATE UNIQUE INDEX how_many_number ON how_many (number);"
        " CREATE TABLE remark (backup bigint REFERENCES trustbackup_backup (id), text text)"
    )
    made = make(postgres_site)
    then = inventory(make(postgres_site))
    assert restore(postgres_site, made["id"], "--swap")["notes"] == []
    assert inventory(make(postgres_site)) == then


def test_case_c6_what_the_site_has_hung_on_our_tables_since_ends_no_restore(
    postgres_site: Site,
) -> None:
    made = make(postgres_site)
    database = postgres_site.database
    assert database
    database.execute(
        "CREATE SCHEMA watch; CREATE EXTENSION pg_trgm;"
        " CREATE FUNCTION watch.changed() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN RETURN NULL; END';"
        " CREATE TRIGGER watched AFTER INSERT OR UPDATE ON trustbackup_run FOR EACH ROW"
        " EXECUTE FUNCTION watch.changed();"
        " CREATE INDEX by_letters ON trustbackup_run USING gin (action gin_trgm_ops);"
        " CREATE POLICY mine ON trustbackup_run USING (true)"
    )
    watched = "SELECT count(*) FROM pg_trigger WHERE tgname = 'watched'"
    runs = postgres_site.query("SELECT id FROM trustbackup_run ORDER BY id")
    notes = " ".join(restore(postgres_site, made["id"], "--swap")["notes"])
    assert "Trigger trustbackup_run watched was left out" in notes
    assert "Index by_letters was left out" in notes
    assert "mine" not in notes
    assert postgres_site.query(watched) == [(0,)]
    assert set(runs) < set(postgres_site.query("SELECT id FROM trustbackup_run"))
    undo(postgres_site)
    assert postgres_site.query(watched) == [(1,)]
    assert set(runs) < set(postgres_site.query("SELECT id FROM trustbackup_run"))


def test_case_d4_security_labels_are_kept_in_mind_where_nobody_knows_them(
    postgres_site: Site,
) -> None:
    """As where the server that is restored to has not loaded what gave them."""
    database = postgres_site.database
    assert database
    with database.cluster.connect(database.name) as connection:
        connection.execute("SET allow_system_table_mods = on")
        connection.execute(
            "INSERT INTO pg_seclabel SELECT 'shop_order'::regclass, 'pg_class'::regclass, number,"
            " 'masks', 'secret' FROM generate_series(0, 1) number"
        )
    made = make(postgres_site)
    labels = inventory(made)["objects"]["security label"].splitlines()
    assert labels == ["column: shop_order.order_id by masks", "table: shop_order by masks"]
    proof = drill(postgres_site, made["id"])
    assert proof["ok"]
    assert "Security label" in str(proof["drill"]["notes"])
    for way in WAYS:
        done = restore(postgres_site, made["id"], way, "--no-safety-backup")
        assert "masks" in str(done["notes"])


def test_case_d4_what_only_a_superuser_has_made_is_missed_when_it_is_missing(
    postgres_site: Site,
) -> None:
    database = postgres_site.database
    assert database
    database.execute(OF_ANY_OWNER)
    database.cluster.execute(OF_A_SUPERUSER, database.name)
    as_superuser(postgres_site, everywhere=True)
    made = make(postgres_site)
    objects = inventory(made)["objects"]
    assert objects["user mapping"] == "public SERVER elsewhere"
    assert objects["transform"] == "odd.pair in plpgsql"

    def lose(raw: bytes) -> bytes:
        for start in (b"CREATE USER MAPPING FOR public", b"CREATE TRANSFORM FOR odd.pair"):
            begin = raw.index(start)
            end = raw.index(b";", begin) + 1
            raw = raw[:begin] + b"SELECT 1;".ljust(end - begin) + raw[end:]
        return raw

    forge(made, lose)
    proof = drill(postgres_site, made["id"], check=False)
    assert not proof["ok"]
    for lost in ("user mapping public SERVER elsewhere", "transform odd.pair in plpgsql"):
        assert lost in " ".join(proof["problems"])
