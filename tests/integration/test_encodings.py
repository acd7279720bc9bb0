"""Databases whose encoding is not UTF-8."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from psycopg import sql

from tests.support.backups import make, rows_of
from tests.support.content import digest
from tests.support.restores import drill, restore, undo
from tests.support.sites import Site

STATEMENTS = (
    'CREATE TABLE "Größe" ("Länge" integer PRIMARY KEY, ort text DEFAULT \'Straße\')',
    'CREATE INDEX "Öffnung" ON "Größe" (ort)',
    "COMMENT ON TABLE \"Größe\" IS 'für Maße'",
    "CREATE TYPE \"Maß\" AS ENUM ('süß', 'herb')",
    'ALTER TABLE "Größe" ADD geschmack "Maß" DEFAULT \'süß\'',
    'INSERT INTO "Größe" ("Länge") VALUES (1), (2)',
)


@pytest.fixture(params=["LATIN1", "WIN1252"])
def site(
    postgres_site: Site, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    """The shop in a database of another encoding."""
    monkeypatch.setenv("PGCLIENTENCODING", "UTF8")  # of this test's own sessions
    database = postgres_site.database
    assert database
    name = f"{database.name}_{request.param.lower()}"
    names = {"name": sql.Identifier(name), "owner": sql.Identifier(database.user)}
    cluster = database.cluster
    make_it = "CREATE DATABASE {name} OWNER {owner} TEMPLATE template0 LOCALE 'C' ENCODING "
    cluster.execute(sql.SQL(make_it + f"'{request.param}'").format(**names))
    other = type(database)(
        cluster=cluster, name=name, user=database.user, password=database.password
    )
    found = Site(postgres_site.folder, other.url, other)
    found.manage("migrate", "--verbosity", "0")
    for statement in STATEMENTS:
        found.query(statement)
    yield found
    for (left,) in cluster.execute(
        "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", parameters=[name]
    ):
        cluster.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(left)))


@pytest.mark.parametrize("how", ["custom", "directory"])
def test_case_e1_names_and_defaults_beyond_ascii_come_back(site: Site, how: str) -> None:
    made = make(site, "--format", how)
    assert rows_of(made)["Größe"] == 2
    then = digest(site)
    assert drill(site, made["id"])["ok"]
    site.query('INSERT INTO "Größe" ("Länge") VALUES (3)')
    now = digest(site)
    restore(site, made["id"], "--swap")
    assert digest(site) == then
    undo(site)
    assert digest(site) == now
    restore(site, made["id"], "--in-place")
    assert digest(site) == then
    inserted = 'INSERT INTO "Größe" ("Länge") VALUES (4) RETURNING ort, geschmack'
    assert site.query(inserted) == [("Straße", "süß")]


def test_case_e1_one_table_of_it_is_restored_beside(site: Site) -> None:
    make(site)
    assert site.database
    name = f"{site.database.name}_beside"
    site.manage("restore_backup", "latest", "--force", "--into", name, "--table", "Größe")
    assert site.database.cluster.execute('SELECT count(*) FROM "Größe"', name) == [(2,)]
