"""Fixtures of MariaDB; a plugin of the conftest, which stops the servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import mariadb, run, sites


@pytest.fixture(scope="session")
def mariadb_server() -> mariadb.Server:
    """The run's MariaDB server; shared, so a test makes only what it drops again."""
    folder = run.memory_folder()
    values = run.once("mariadb", lambda: mariadb.as_values(mariadb.new_server(folder)))
    return mariadb.Server(**values)


@pytest.fixture
def private_mariadb() -> Iterator[mariadb.Server]:
    """A server of the test's own, to stop, kill or fill."""
    with mariadb.running_server(run.memory_folder()) as server:
        yield server


@pytest.fixture
def mariadb_database(mariadb_server: mariadb.Server) -> Iterator[mariadb.Database]:
    """An empty database and the user whose it is, who may make more beside it."""
    with mariadb.new_database(mariadb_server) as database:
        yield database


@pytest.fixture
def mariadb_site(tmp_path: Path, mariadb_server: mariadb.Server) -> Iterator[sites.Site]:
    """A web shop with sample data on the run's MariaDB server."""
    template = sites.mariadb_template(mariadb_server)
    with mariadb.new_database(mariadb_server, template=template["name"]) as database:
        yield sites.new_mariadb_site(tmp_path / "site", database)
