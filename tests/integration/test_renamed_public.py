"""Case L: what was `public` once has rights that no archive holds."""

from __future__ import annotations

from tests.support.backups import make
from tests.support.restores import drill, restore
from tests.support.sites import Site

RIGHTS = "SELECT nspacl::text, pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'app'"


def test_case_l1_everybody_may_use_a_schema_that_was_public_once_as_before(
    postgres_site: Site,
) -> None:
    database = postgres_site.database
    assert database
    for statement in (
        "ALTER SCHEMA public RENAME TO app",
        f'ALTER DATABASE "{database.name}" SET search_path = app',
    ):
        database.cluster.execute(statement, database.name)
    before = database.cluster.execute(RIGHTS, database.name)
    made = make(postgres_site)
    assert drill(postgres_site, made["id"])["drill"]["problems"] == []
    restore(postgres_site, made["id"], "--swap")
    assert database.cluster.execute(RIGHTS, database.name) == before
