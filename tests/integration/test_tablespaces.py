"""Case C5: tablespaces of the backup that the server lacks, or that the role may not use."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.backups import make
from tests.support.clusters import Database
from tests.support.restores import drill, restore
from tests.support.sites import Site

WHERE = """
    SELECT coalesce(spcname, '') FROM pg_class LEFT JOIN pg_tablespace t ON t.oid = reltablespace
    WHERE relname IN ('archive', 'archive_pkey') ORDER BY relname
"""


@pytest.fixture
def fast(postgres_site: Site) -> Iterator[str]:
    """A tablespace in which a table of the site and its key lie."""
    site = postgres_site.database
    assert site
    folder = Path(site.cluster.folder) / f"fast of {site.name}"
    folder.mkdir()
    shutil.chown(folder, Path(site.cluster.folder).owner())
    name = f"Fast of {site.name}"
    site.cluster.execute(f"CREATE TABLESPACE \"{name}\" LOCATION '{folder}'")
    site.cluster.execute(f'GRANT CREATE ON TABLESPACE "{name}" TO "{site.user}"')
    site.execute(
        "CREATE TABLE archive (id int PRIMARY KEY"
        f' USING INDEX TABLESPACE "{name}") TABLESPACE "{name}"'
    )
    site.execute("INSERT INTO archive VALUES (1), (2)")
    yield name
    drop(site, name)


def drop(site: Database, name: str) -> None:
    if not site.cluster.execute("SELECT FROM pg_tablespace WHERE spcname = %s", parameters=[name]):
        return
    for (database,) in site.cluster.execute(
        "SELECT datname FROM pg_database WHERE datname LIKE %s", parameters=[f"{site.name}%"]
    ):
        for kind in ("TABLE", "INDEX"):
            site.cluster.execute(
                f'ALTER {kind} ALL IN TABLESPACE "{name}" SET TABLESPACE pg_default', database
            )
    site.cluster.execute(f'DROP TABLESPACE IF EXISTS "{name}"')


@pytest.mark.parametrize("way", ["--swap", "--in-place"])
def test_case_c5_a_tablespace_that_is_there_is_kept_and_else_the_default_one_is_taken(
    postgres_site: Site, fast: str, way: str
) -> None:
    site = postgres_site.database
    assert site
    made = make(postgres_site)
    assert "ablespace" not in str(drill(postgres_site, made["id"]))
    done = restore(postgres_site, made["id"], way)
    assert "ablespace" not in str(done["notes"])
    assert site.execute(WHERE) == [(fast,), (fast,)]

    site.cluster.execute(f'REVOKE CREATE ON TABLESPACE "{fast}" FROM "{site.user}"')
    refused = f"Tablespace {fast} may not be used by the role"
    assert refused in str(drill(postgres_site, made["id"]))
    assert refused in str(restore(postgres_site, made["id"], way)["notes"])
    assert site.execute(WHERE) == [("",), ("",)]

    site.execute("DROP TABLE archive")
    if way == "--swap":
        postgres_site.manage("release_restore", "--yes")
        postgres_site.manage("release_restore", "--yes")
    site.cluster.execute(f'DROP TABLESPACE "{fast}"')
    missing = f"There is no tablespace {fast} here"
    assert missing in str(drill(postgres_site, made["id"]))
    assert missing in str(restore(postgres_site, made["id"], way)["notes"])
    assert site.execute("SELECT count(*) FROM archive") == [(2,)]


def test_case_c5_a_database_in_a_tablespace_that_the_role_may_not_use(
    postgres_site: Site, fast: str
) -> None:
    site = postgres_site.database
    assert site
    site.execute("DROP TABLE archive")
    site.cluster.execute(f'ALTER DATABASE "{site.name}" SET TABLESPACE "{fast}"')
    site.cluster.execute(f'REVOKE CREATE ON TABLESPACE "{fast}" FROM "{site.user}"')
    made = make(postgres_site)
    assert drill(postgres_site, made["id"])["ok"]
    assert "may not be used" in str(restore(postgres_site, made["id"])["notes"])
    postgres_site.manage("release_restore", "--yes")
