"""Cases A and K: one address for sessions and programs, and it is proven before a write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from psycopg import sql

from tests.support.backups import make, more_settings, rows_of
from tests.support.clusters import Database, new_database
from tests.support.content import digest
from tests.support.restores import beside, drill, go_on, plan, restore, undo
from tests.support.sites import Site


def service(site: Site, *, name: str | None, section: str = "shop", **more: str) -> None:
    """The site's address comes from a service file; NAME is ``name``, and nothing else is said."""
    database = site.database
    assert database
    file = site.home / "pg_service.conf"
    parts = {
        "host": database.cluster.host,
        "port": str(database.cluster.port),
        "user": database.user,
        "password": database.password,
        "dbname": database.name,
        **more,
    }
    lines = "".join(f"{key}={value}\n" for key, value in parts.items())
    file.write_text(f"[{section}]\n{lines}")
    site.variables["PGSERVICEFILE"] = str(file)
    values = {
        "NAME": database.name if name is None else name,
        **dict.fromkeys(("USER", "PASSWORD", "HOST", "PORT"), ""),
        "OPTIONS": {"service": section},
    }
    more_settings(site, f"DATABASES['default'].update({values!r})")


def everything(site: Site) -> None:
    """Make, drill, plan, restore, restore beside, undo; what is live is what it should be."""
    database = site.database
    assert database
    made = make(site)
    before = digest(site)
    assert rows_of(made)["shop_order"] == 50
    assert drill(site, made["id"])["ok"]
    assert digest(site) == before, "a drill touches nothing"
    go_on(site)
    after = digest(site)
    beside_it = f"{database.name}_side"
    restore(site, made["id"], "--into", beside_it, "--table", "shop_category")
    assert digest(site) == after, "what goes beside touches nothing"
    assert database.cluster.execute("SELECT count(*) FROM shop_category", beside_it) != [(0,)]
    assert plan(site, made["id"])["refusals"] == []
    assert restore(site, made["id"])["strategy"] == "swap"
    assert digest(site) == before
    undo(site)
    assert digest(site) == after
    restore(site, made["id"], "--in-place")
    assert digest(site) == before


def test_case_a1_a_service_file_that_names_the_live_database_changes_no_target(
    postgres_site: Site,
) -> None:
    service(postgres_site, name=None)
    everything(postgres_site)


def test_case_a2_a_service_without_name_is_its_own_database(postgres_site: Site) -> None:
    service(postgres_site, name="")
    everything(postgres_site)


def test_case_a1_libpqs_own_variables_never_win(
    postgres_site: Site, postgres_database: Database
) -> None:
    """They point at another database, which stays as it is."""
    other = postgres_database
    service(postgres_site, name="", section="elsewhere", dbname=other.name)
    more_settings(postgres_site, "")
    postgres_site.variables.update(
        PGSERVICE="elsewhere",
        PGDATABASE=other.name,
        PGUSER=other.user,
        PGPASSWORD=other.password,
        PGHOST="127.0.0.2",
        PGHOSTADDR="127.0.0.2",
        PGPORT="1",
        PGOPTIONS="-c default_transaction_read_only=on",
    )
    settings = "DATABASES['default']['OPTIONS'] = {'hostaddr': '127.0.0.1', 'options': ''}"
    more_settings(postgres_site, settings)
    everything(postgres_site)
    assert other.execute("SELECT count(*) FROM pg_class WHERE relkind = 'r'")[0][0] < 100
    assert other.execute("SELECT to_regclass('shop_order')") == [(None,)]


@pytest.mark.parametrize("way", ["PGSERVICE", "passfile", "PGPASSFILE", "several hosts"])
def test_case_a1_what_completes_the_sites_settings_completes_the_programs(
    postgres_site: Site, way: str
) -> None:
    database = postgres_site.database
    assert database
    values: dict[str, object] = {"PASSWORD": ""}
    passfile = postgres_site.home / "pgpass"
    passfile.write_text(f"*:*:*:{database.user}:{database.password}\n")
    passfile.chmod(0o600)
    if way == "PGSERVICE":
        service(postgres_site, name="")
        postgres_site.variables["PGSERVICE"] = "shop"
        values["HOST"] = ""
    elif way == "passfile":
        values["OPTIONS"] = {"passfile": str(passfile)}
    elif way == "PGPASSFILE":
        postgres_site.variables["PGPASSFILE"] = str(passfile)
    else:
        values = {
            "HOST": f"127.0.0.1,{database.cluster.host}",
            "PORT": f"1,{database.cluster.port}",
            "OPTIONS": {"target_session_attrs": "read-write"},
        }
    more_settings(postgres_site, f"DATABASES['default'].update({values!r})")
    made = make(postgres_site)
    assert drill(postgres_site, made["id"])["ok"]
    before = digest(postgres_site)
    go_on(postgres_site)
    restore(postgres_site, made["id"])
    assert digest(postgres_site) == before


def test_case_c4_an_assumed_role_owns_what_is_restored(postgres_site: Site) -> None:
    database = postgres_site.database
    assert database
    owner = f"{database.name}_group"
    name = database.name
    for statement in (
        f'CREATE ROLE "{owner}" CREATEDB',
        f'GRANT "{owner}" TO "{database.user}"',
        f'ALTER ROLE "{database.user}" NOINHERIT',
        f'ALTER DATABASE "{name}" OWNER TO "{owner}"',
    ):
        database.cluster.execute(statement)
    database.cluster.execute(f'REASSIGN OWNED BY "{database.user}" TO "{owner}"', name)
    more_settings(postgres_site, f"DATABASES['default']['OPTIONS'] = {{'assume_role': {owner!r}}}")
    try:
        made = make(postgres_site)
        assert drill(postgres_site, made["id"])["ok"]
        restore(postgres_site, made["id"])
        owners = "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relname ~ '^shop_'"
        assert database.cluster.execute(owners, name) == [(owner,)]
    finally:
        from tests.support.clusters import drop_role

        database.cluster.execute(f'DROP OWNED BY "{owner}"', name)
        drop_role(database.cluster, owner)


def test_case_a_a_session_that_comes_elsewhere_writes_nothing(
    postgres_site: Site, postgres_database: Database
) -> None:
    """A pooler that hands every name to one database: refused before anything is made."""
    script = (
        "import os\n"
        "from trustbackup.databases.postgresql.address import Address\n"
        "from trustbackup.databases.values import Options\n"
        "address = Address('default', Options())\n"
        "real = address._wrapper\n"
        "address._wrapper = lambda database, *rest: real(None, *rest)\n"
        f"with address.session({postgres_database.name!r}): print('was let in')\n"
    )
    result = postgres_site.manage("shell", "--no-imports", "-c", script, check=False)
    assert "was let in" not in result.stdout
    assert f"the connection for database {postgres_database.name!r} came to" in result.stderr


MIRROR = """
import copy
DATABASES["replica"] = copy.deepcopy(DATABASES["default"])
DATABASES["replica"]["HOST"] = "localhost"
DATABASES["replica"]["TEST"] = {"MIRROR": "default"}
DATABASES["other"] = copy.deepcopy(DATABASES["default"])
DATABASES["other"]["NAME"] = OTHER
"""


def test_case_k1_one_database_under_two_hosts_is_backed_up_once(postgres_site: Site) -> None:
    database = postgres_site.database
    assert database
    with new_database(database.cluster) as other:
        grant = sql.SQL("GRANT {} TO {}").format(
            sql.Identifier(other.user), sql.Identifier(database.user)
        )
        database.cluster.execute(grant)
        other.execute("CREATE TABLE elsewhere (id int)")
        database.cluster.execute(f'GRANT SELECT ON elsewhere TO "{database.user}"', other.name)
        more_settings(postgres_site, MIRROR.replace("OTHER", repr(other.name)))
        made = make(postgres_site)
        document = json.loads(Path(made["manifest"]).read_bytes())
        assert [part["part"] for part in document["parts"]] == ["default", "other"]
        database.cluster.execute(
            sql.SQL("REVOKE {} FROM {}").format(
                sql.Identifier(other.user), sql.Identifier(database.user)
            )
        )
    assert beside(postgres_site) == []


def test_case_a_a_role_that_may_not_ask_for_the_server_works_all_the_same(
    postgres_site: Site,
) -> None:
    database = postgres_site.database
    assert database
    forbid = "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC"
    database.cluster.execute(forbid, database.name)
    made = make(postgres_site)
    assert drill(postgres_site, made["id"])["ok"]
    go_on(postgres_site)
    restore(postgres_site, made["id"])
