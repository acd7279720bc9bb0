"""Cases C and D: what a drill says of a backup is what a restore of it does, whatever the site is.

A situation is drawn of a role, an extension, an owner, a setting, an object and a way.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from psycopg import sql

from tests.integration.test_owners import as_superuser
from tests.integration.test_roundtrip import postgres_shop
from tests.support.backups import make
from tests.support.clusters import Cluster, Database
from tests.support.content import digest
from tests.support.damage import forge
from tests.support.restores import drill, go_on, plan
from tests.support.run import run_folder
from tests.support.sampling import Sweep
from tests.support.sites import Site

ROLES = {
    "owner": (),
    "without CREATEDB": ("ALTER ROLE {owner} NOCREATEDB",),
    "superuser": (),
    "backup role": (),
}
EXTENSIONS = {
    "none": (),
    "trusted": ("CREATE EXTENSION citext",),
    "a superuser's": ("CREATE EXTENSION pg_stat_statements",),
}
OWNERS = {
    "the site": (),
    "a stranger": (
        "CREATE TABLE its AS SELECT 1 AS a",
        "ALTER TABLE its OWNER TO {stranger}",
        "GRANT SELECT ON its TO {owner}",
    ),
    "a role of ours": (
        "GRANT {stranger} TO {owner}",
        "GRANT CREATE ON SCHEMA public TO {stranger}",
        "CREATE TABLE its AS SELECT 1 AS a",
        "ALTER TABLE its OWNER TO {stranger}",
    ),
}
SETTINGS = {
    "none": (),
    "of the database": ("ALTER DATABASE {database} SET search_path = public, pg_catalog",),
    "of a superuser": ("ALTER DATABASE {database} SET log_min_duration_statement = 5000",),
    "impatient": ("ALTER ROLE {owner} SET statement_timeout = 50",),
}
OBJECTS = {
    "none": (),
    "a check that looks elsewhere": (
        "CREATE TABLE zz (n int)",
        "INSERT INTO zz SELECT generate_series(1, 99)",
        (
            "CREATE FUNCTION known(int) RETURNS bool LANGUAGE sql"
            " AS 'SELECT EXISTS (SELECT FROM public.zz WHERE n = $1)'"
        ),
        "CREATE TABLE aa (n int CHECK (known(n)))",
        "INSERT INTO aa VALUES (7)",
        "ALTER TABLE aa OWNER TO {owner}",
        "ALTER TABLE zz OWNER TO {owner}",
    ),
    "a view that can't be filled": (
        "CREATE TABLE numbers AS SELECT 1 AS n",
        "CREATE MATERIALIZED VIEW parts AS SELECT 1 / n AS part FROM numbers",
        "UPDATE numbers SET n = 0",
        "ALTER TABLE numbers OWNER TO {owner}",
        "ALTER MATERIALIZED VIEW parts OWNER TO {owner}",
    ),
    "an event trigger": (
        "CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE EVENT TRIGGER on_ddl ON ddl_command_end EXECUTE FUNCTION on_ddl()",
    ),
    "an archive that lost an index": ("CREATE INDEX lost ON shop_category (category_name)",),
}
WAYS = ("", "--swap", "--in-place")
LOST = b"CREATE INDEX lost ON public.shop_category USING btree (category_name);"


class Situation(NamedTuple):
    role: str
    extension: str
    owner: str
    setting: str
    thing: str
    way: str


SITUATIONS = [
    Situation(*drawn)
    for drawn in itertools.product(ROLES, EXTENSIONS, OWNERS, SETTINGS, OBJECTS, WAYS)
]


@contextmanager
def in_situation(site: Site, situation: Situation) -> Iterator[None]:
    database = site.database
    assert database
    stranger = f"{database.name}_stranger"
    names = {
        "owner": sql.Identifier(database.user),
        "database": sql.Identifier(database.name),
        "stranger": sql.Identifier(stranger),
    }
    statements = (
        *("CREATE ROLE {stranger}",),
        *EXTENSIONS[situation.extension],
        *OWNERS[situation.owner],
        *SETTINGS[situation.setting],
        *OBJECTS[situation.thing],
        *ROLES[situation.role],
    )
    for statement in statements:
        database.cluster.execute(sql.SQL(statement).format(**names), database.name)
    if situation.role in ("superuser", "backup role"):
        as_superuser(site, everywhere=situation.role == "superuser")
    try:
        yield
    finally:
        _forget(database, stranger)


def _forget(database: Database, stranger: str) -> None:
    cluster = database.cluster
    for (name,) in cluster.execute("SELECT datname FROM pg_database WHERE datallowconn"):
        if name.startswith(database.name):
            cluster.execute(f'DROP OWNED BY "{stranger}" CASCADE', name)
    cluster.execute(f'DROP ROLE "{stranger}"')


def agrees(site: Site, situation: Situation) -> None:
    """The plan refuses before anything is done, or the restore does what the drill has said."""
    made = make(site)
    good = situation.thing != "an archive that lost an index"
    if not good:
        forge(made, lambda raw: raw.replace(LOST, b"SELECT 1;".ljust(len(LOST))))
    proof = drill(site, made["id"], check=False)
    assert proof["ok"] is good, (situation, proof)
    go_on(site)
    before = digest(site)
    way = [situation.way] if situation.way else []
    planned = plan(site, made["id"], *way)
    done = site.manage(
        *("restore_backup", made["id"], *way, "--no-safety-backup", "--force", "--json"),
        check=False,
    )
    if planned["refusals"]:
        assert done.returncode == 1, (situation, planned, str(done))
    else:
        assert (done.returncode == 0) is proof["ok"], (situation, proof, str(done))
    assert (digest(site) == before) is (done.returncode != 0), (situation, str(done))


def test_case_d3_a_drill_says_what_a_restore_does(
    tmp_path: Path, postgres_cluster: Cluster, sweep: Sweep
) -> None:
    drawn = sweep.chance.sample(SITUATIONS, sweep.times(2, 80))
    for number, situation in enumerate(drawn):
        with (
            postgres_shop(tmp_path / str(number), postgres_cluster) as site,
            in_situation(site, situation),
        ):
            # Where the user of a drill's own server can go.
            site.variables["TMPDIR"] = str(run_folder())
            agrees(site, situation)
