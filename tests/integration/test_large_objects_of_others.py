"""Case I4: a large object that the dumping role may not read is known before, with the way out."""

from __future__ import annotations

from tests.support.backups import assert_refused, make
from tests.support.restores import drill
from tests.support.sites import Site


def test_case_i4_a_large_object_of_another_role_is_told_and_can_be_granted(
    postgres_site: Site,
) -> None:
    site = postgres_site.database
    assert site
    site.execute("SELECT lo_from_bytea(4711, 'ours')")
    site.cluster.execute("SELECT lo_from_bytea(4712, 'theirs')", site.name)
    words = ("large object 4712 belongs to role", "GRANT SELECT ON LARGE OBJECT 4712")
    assert_refused(postgres_site.manage("create_backup", check=False), *words)
    found = postgres_site.manage("backup_doctor", "--json", check=False).json
    (bad,) = [each for each in found if words[0] in each["sentence"]]
    assert bad["grade"] == "bad"
    assert words[1] in bad["todo"]
    grant = f'GRANT SELECT ON LARGE OBJECT 4712 TO "{site.user}"'
    site.cluster.execute(grant, site.name)
    assert drill(postgres_site, make(postgres_site)["id"])["ok"]
