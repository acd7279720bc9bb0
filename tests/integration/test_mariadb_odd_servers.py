"""A server that others have set up otherwise: TLS only, names in lower case, ANSI quotes."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest

from tests.support import mariadb, run, sites
from tests.support.backups import make, more_settings
from tests.support.certificates import self_signed
from tests.support.content import digest
from tests.support.mariadb_content import run as run_statements
from tests.support.restores import beside, drill, go_on, restore, undo
from tests.support.sites import Site

MODES = "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE"
OLD = (
    "CREATE TABLE Legacy (id int PRIMARY KEY, day date NOT NULL, at timestamp NOT NULL DEFAULT 0)",
    r"INSERT INTO legacy VALUES (1, '0000-00-00', 0), (2, '2026-02-00', '2026-01-01')",
    'CREATE VIEW "quoted" AS SELECT id AS "the id" FROM "legacy"',
)


@pytest.fixture
def odd_site(tmp_path: Path, mariadb_server: mariadb.Server) -> Iterator[Site]:
    """A web shop on a server that takes only TLS, and what is otherwise there, too."""
    template = sites.mariadb_template(mariadb_server)
    folder = Path(tempfile.mkdtemp(prefix="tls-", dir=run.memory_folder()))
    _context, certificate = self_signed(folder)
    if os.geteuid() == 0:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, "mysql")
    options = (
        *("--lower-case-table-names=1", f"--sql-mode={MODES}", "--require-secure-transport=on"),
        *(f"--ssl-cert={certificate}", f"--ssl-key={folder / 'key.pem'}"),
    )
    with (
        mariadb.running_server(run.memory_folder(), *options) as server,
        mariadb.new_database(server) as database,
    ):
        server.load(database.name, mariadb.dumped(mariadb_server, template["name"]))
        site = Site(tmp_path / "site", database.url, mariadb=database)
        shutil.copytree(template["media"], site.media, dirs_exist_ok=True)
        ca = {"ssl": {"ca": str(certificate)}}
        more_settings(site, f"DATABASES['default']['OPTIONS'] = {ca!r}")
        yield site
    shutil.rmtree(folder)


def test_a_shop_is_drilled_restored_and_undone_over_tls_whatever_modes_and_names_there_are(
    odd_site: Site,
) -> None:
    database = odd_site.mariadb
    assert database
    with contextlib.closing(database.connect()) as connection:
        for statement in ("SET sql_mode = 'ANSI_QUOTES'", *OLD):
            mariadb.run_statement(connection, statement)
    with pytest.raises(pymysql.err.OperationalError):
        database.server.connect(
            host="127.0.0.1", port=database.server.port, unix_socket=None, ssl_disabled=True
        )
    made = make(odd_site)
    then = digest(odd_site)
    assert drill(odd_site, made["id"])["ok"]
    go_on(odd_site)
    run_statements(odd_site, "DROP TABLE legacy")
    now = digest(odd_site)
    restored = restore(odd_site, made["id"])
    assert digest(odd_site) == then
    assert restored["notes"] == []
    assert odd_site.query("SELECT CAST(day AS char) FROM legacy ORDER BY id") == [
        ("0000-00-00",),
        ("2026-02-00",),
    ]
    assert odd_site.query("SELECT count(*) FROM quoted") == [(2,)]
    undo(odd_site)
    assert digest(odd_site) == now
    odd_site.manage("release_restore", "--yes")
    assert beside(odd_site) == []
