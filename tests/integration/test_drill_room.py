"""A drill's own server, where its role may create no database, needs a folder with room."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from psycopg import sql

from tests.support.backups import make
from tests.support.restores import drill
from tests.support.sites import Site
from trustbackup.databases.postgresql.scratch_cluster import _folder_with_room
from trustbackup.exceptions import RestoreError


def test_case_g6_another_folder_is_taken_where_tmpdir_is_small(
    postgres_site: Site, small_tmpfs: Callable[[int], Path]
) -> None:
    assert postgres_site.database
    postgres_site.database.cluster.execute(f'ALTER ROLE "{postgres_site.database.user}" NOCREATEDB')
    made = make(postgres_site)
    small = small_tmpfs(8 << 20)
    before = set(Path("/var/tmp").glob("tb-*"))
    postgres_site.variables["TMPDIR"] = str(small)
    assert drill(postgres_site, made["id"])["ok"]
    assert set(Path("/var/tmp").glob("tb-*")) <= before
    assert not list(small.iterdir())


def test_case_g6_a_folder_that_is_too_small_is_named_with_what_is_needed() -> None:
    with pytest.raises(RestoreError, match=r"bytes free and .* are needed.*TMPDIR"):
        _folder_with_room("Database 'default' was not drilled", 1 << 60)


@pytest.fixture
def icu_site(postgres_site: Site) -> Iterator[Site]:
    """The shop in a database that sorts as ICU does, by a role that may not make another."""
    database = postgres_site.database
    assert database
    cluster, name = database.cluster, f"{database.name}_icu"
    names = {"name": sql.Identifier(name), "owner": sql.Identifier(database.user)}
    cluster.execute(
        sql.SQL(
            "CREATE DATABASE {name} OWNER {owner} TEMPLATE template0 LOCALE_PROVIDER icu"
            " ICU_LOCALE 'en-US'"
        ).format(**names)
    )
    cluster.execute(sql.SQL("ALTER ROLE {owner} NOCREATEDB").format(**names))
    other = type(database)(
        cluster=cluster, name=name, user=database.user, password=database.password
    )
    found = Site(postgres_site.folder, other.url, other)
    found.variables["TMPDIR"] = "/tmp"  # where the server's own user can go
    yield found
    cluster.execute(sql.SQL("DROP DATABASE {name} WITH (FORCE)").format(**names))


def test_case_d1_a_drills_own_server_puts_texts_where_the_site_has_them(icu_site: Site) -> None:
    icu_site.query(
        "CREATE TABLE word (word text) PARTITION BY RANGE (word);"
        " CREATE TABLE early PARTITION OF word FOR VALUES FROM (MINVALUE) TO ('m');"
        " CREATE TABLE late PARTITION OF word FOR VALUES FROM ('m') TO (MAXVALUE);"
        " INSERT INTO word VALUES ('Alpha'), ('Zulu'), ('beta')"
    )
    made = make(icu_site)
    assert drill(icu_site, made["id"])["ok"]
