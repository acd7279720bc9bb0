"""What small roles have written into a database does no more in a restore or a drill than there."""

from __future__ import annotations

import pytest

from tests.integration.test_owners import as_superuser, small
from tests.support.backups import make, more_settings
from tests.support.restores import drill, restore
from tests.support.sites import Site

__all__ = ["small"]

CHECK = """
from django.db import connections

def look(alias):
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT array_agg(superuser) FROM ("
            "SELECT superuser FROM seen UNION ALL SELECT superuser FROM looked) x"
        )
        return f"a superuser has run it: {cursor.fetchone()[0]}"
"""


def test_a_drills_own_server_runs_what_a_dump_holds_without_a_superusers_rights(
    postgres_site: Site,
) -> None:
    database = postgres_site.database
    assert database
    database.cluster.execute(f'ALTER ROLE "{database.user}" NOCREATEDB')
    asks = "SELECT current_setting('is_superuser')"
    for statement in (
        "CREATE EXTENSION pg_stat_statements",
        f"CREATE FUNCTION asks(int) RETURNS text LANGUAGE sql IMMUTABLE AS $${asks}$$",
        "CREATE TABLE seen (n int, superuser text GENERATED ALWAYS AS (asks(n)) STORED)",
        "INSERT INTO seen VALUES (1)",
        "CREATE MATERIALIZED VIEW looked AS SELECT asks(1) AS superuser",
        "CREATE INDEX ON seen (asks(n))",
        f'ALTER TABLE seen OWNER TO "{database.user}"',
        f'ALTER FUNCTION asks OWNER TO "{database.user}"',
        f'ALTER MATERIALIZED VIEW looked OWNER TO "{database.user}"',
    ):
        database.cluster.execute(statement, database.name)
    more_settings(postgres_site, "TRUSTBACKUP = {**TRUSTBACKUP, 'DRILL_CHECKS': ['who.look']}")
    postgres_site.variables["TMPDIR"] = "/tmp"  # where the server's own user can go
    (postgres_site.home / "who.py").write_text(CHECK)
    made = make(postgres_site)
    found = drill(postgres_site, made["id"], check=False)
    assert found["drill"]["problems"] == [
        "default: who.look says: a superuser has run it: ['off', 'off']"
    ]


@pytest.mark.parametrize("strategy", ["--swap", "--in-place"])
def test_a_comment_gives_nothing_away(postgres_site: Site, small: str, strategy: str) -> None:
    database = postgres_site.database
    assert database
    as_superuser(postgres_site, everywhere=True)
    comment = (
        "how a dump looks:\n--\n-- Name: x; Type: TABLE; Schema: public; Owner: x\n--\n\nSELECT 1;"
        f'\nALTER TABLE public.shop_category OWNER TO "{small}";'
    )
    database.cluster.execute(f"COMMENT ON TABLE extra.ledger IS '{comment}'", database.name)
    made = make(postgres_site)
    restore(postgres_site, made["id"], strategy)
    owner, kept = database.cluster.execute(
        "SELECT pg_get_userbyid(relowner), obj_description('extra.ledger'::regclass)"
        " FROM pg_class WHERE relname = 'shop_category'",
        database.name,
    )[0]
    assert (owner, kept) == (database.user, comment)
