"""Whatever a database holds comes back as it was: random schemas and rows."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.support import clusters
from tests.support.backups import make
from tests.support.content import content
from tests.support.restores import drill, restore, undo
from tests.support.sampling import Sweep
from tests.support.schemas import build, tables
from tests.support.sites import Site, new_postgres_site, new_sqlite_site, postgres_template


def tried(sweep: Sweep, test: Callable[..., None], **drawn: Any) -> None:
    """Try it with databases that the run's seed draws."""
    examples = settings(
        max_examples=sweep.times(3, 25),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    seed(sweep.name + str(sweep.seed))(examples(given(**drawn)(test)))()


@contextlib.contextmanager
def sqlite_shop(folder: Path) -> Iterator[Site]:
    yield new_sqlite_site(folder)
    shutil.rmtree(folder)


@contextlib.contextmanager
def postgres_shop(folder: Path, cluster: clusters.Cluster) -> Iterator[Site]:
    template = postgres_template(cluster)
    owner = template["owner"]
    with clusters.new_database(cluster, template=template["name"], template_owner=owner) as new:
        yield new_postgres_site(folder, new)
    shutil.rmtree(folder)


def go_wrong(site: Site, drawn: list[dict[str, Any]]) -> None:
    """Something happens to everything that was made."""
    for table in drawn:
        name = table["name"].replace('"', '""')
        schema = '"{}".'.format(table["schema"]) if site.database else ""
        site.query(f'DELETE FROM {schema}"{name}"')
    site.query("CREATE TABLE surplus (id integer)")


def test_any_sqlite_database_comes_back(tmp_path: Path, sweep: Sweep) -> None:
    def comes_back(drawn: list[dict[str, Any]]) -> None:
        with sqlite_shop(tmp_path / secrets.token_hex(4)) as site:
            build(site, drawn)
            then = content(site)
            made = make(site, "--content")
            go_wrong(site, drawn)
            now = content(site)
            restore(site, made["id"])
            assert content(site) == then
            undo(site)
            assert content(site) == now
            assert drill(site, made["id"], "--content")["ok"]

    tried(sweep, comes_back, drawn=tables("sqlite"))


def test_any_postgres_database_comes_back(
    tmp_path: Path, postgres_cluster: clusters.Cluster, sweep: Sweep
) -> None:
    def comes_back(drawn: list[dict[str, Any]], layout: str) -> None:
        with postgres_shop(tmp_path / secrets.token_hex(4), postgres_cluster) as site:
            build(site, drawn)
            then = content(site)
            made = make(site, "--content", "--format", layout)
            assert drill(site, made["id"], "--content")["ok"]
            go_wrong(site, drawn)
            now = content(site)
            restore(site, made["id"], "--swap")
            assert content(site) == then
            undo(site)
            assert content(site) == now
            restore(site, made["id"], "--in-place", "--no-safety-backup")
            found = content(site)
            assert found == then

    layouts = st.sampled_from(["custom", "directory"])
    tried(sweep, comes_back, drawn=tables("postgresql"), layout=layouts)


@pytest.mark.parametrize("layout", ["custom", "directory"])
def test_a_fingerprint_is_the_same_after_a_restore(postgres_site: Site, layout: str) -> None:
    made = make(postgres_site, "--content", "--format", layout)
    restore(postgres_site, made["id"])
    again = make(postgres_site, "--content")
    assert drill(postgres_site, again["id"], "--content")["ok"]
