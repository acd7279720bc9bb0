"""Case I: policies that hold for a table's owner, too (FORCE ROW LEVEL SECURITY)."""

from __future__ import annotations

import json

from tests.support.backups import assert_refused, make, more_settings
from tests.support.restores import drill, restore
from tests.support.sites import Site

ROLE = "reads_past_policies"
FORCED = """
    CREATE TABLE secret (id int PRIMARY KEY, who text);
    INSERT INTO secret VALUES (1, 'a'), (2, 'b');
    ALTER TABLE secret ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    CREATE POLICY own ON secret USING (who = current_user)
"""


def test_case_i4_what_policies_hide_from_the_owner_is_dumped_past_them_and_comes_back(
    postgres_site: Site,
) -> None:
    database = postgres_site.database
    assert database
    postgres_site.query(FORCED)
    refused = postgres_site.manage("create_backup", check=False)
    assert_refused(refused, "public.secret", "row level security", "BYPASSRLS")
    doctor = postgres_site.manage("backup_doctor", "--json", check=False)
    assert "policies of public.secret" in json.dumps(doctor.json)
    database.cluster.execute(f"DROP ROLE IF EXISTS {ROLE}")
    database.cluster.execute(
        f"CREATE ROLE {ROLE} LOGIN BYPASSRLS PASSWORD 'pw' IN ROLE pg_read_all_data"
    )
    login = {"default": {"USER": ROLE, "PASSWORD": "pw"}}
    more_settings(postgres_site, f"DBBACKUP_CONNECTORS = {login!r}")
    made = make(postgres_site)
    assert drill(postgres_site, made["id"])["ok"]
    for way in ("--swap", "--in-place"):
        database.cluster.execute("DELETE FROM secret", database.name)
        restore(postgres_site, made["id"], way)
        rows = "SELECT count(*) FROM secret"
        assert database.cluster.execute(rows, database.name) == [(2,)]
        assert postgres_site.query(rows) == [(0,)]  # forced as before
    database.cluster.execute(f"DROP ROLE {ROLE}")
