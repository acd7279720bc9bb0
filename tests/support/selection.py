"""Which of the tests a run takes, and in which order; a plugin of the conftest.

`--in-process` and `--field` say which. A test of `any_site` runs on MariaDB, too, where it is
marked `three_engines`, and with `--thorough`. Where several workers share the tests, each begins
with those that may take long, so that what is left for the end is short and no worker waits for
another.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

SERVERS = frozenset(
    {
        *("browser", "mariadb_server", "moto_server", "postgres_cluster", "private_cluster"),
        *("private_mariadb", "sshd_user", "swift_server"),
    }
)
"""The fixtures that start one, or a browser."""
SITES = frozenset({"any_site", "sqlite_site"})
"""The fixtures of a site, whose commands are processes."""
LONGEST = frozenset({"browser", "sweep"})
"""What the tests have that may take minutes; those of a server or a site take seconds."""
OUTSIDE = SERVERS | SITES | LONGEST


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("selection")
    group.addoption(
        "--in-process", action="store_true", help="only what needs no server and no site"
    )
    group.addoption(
        "--field", action="store_true", help="only the tests marked field, which no other run takes"
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    taken: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        (taken if _is_taken(config, item) else left_out).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    items[:] = dealt([(_rank(item), item) for item in taken], workers) if workers > 1 else taken


def dealt(ranked: Sequence[tuple[int, T]], workers: int) -> list[T]:
    """The items in an order of which each worker's part begins with the lowest ranks.

    xdist's `worksteal` cuts the list into as many parts as there are workers, the first of them
    the smallest, and lets those that are done take from the ends of the others' parts. Of one rank
    the order stays, so that neighbours go on sharing what their module has made.
    """
    parts: list[list[T]] = [[] for _worker in range(workers)]
    sizes = cut(len(ranked), workers)
    ranks = sorted({rank for rank, _item in ranked})
    for rank in ranks:
        left = [item for of, item in ranked if of == rank]
        for number, size in enumerate(cut(len(left), workers)):
            if rank == ranks[-1]:
                size = max(0, sizes[number] - len(parts[number]))
            parts[number] += left[:size]
            del left[:size]
    return [item for part in parts for item in part]


def cut(length: int, workers: int) -> list[int]:
    """The lengths of the parts that so many items come into, as xdist cuts them."""
    sizes = []
    for others in range(workers, 0, -1):
        sizes.append(length // others)
        length -= sizes[-1]
    return sizes


def _rank(item: pytest.Item) -> int:
    names = _fixtures(item)
    return 0 if names & LONGEST else 1 if names & OUTSIDE else 2


def _is_taken(config: pytest.Config, item: pytest.Item) -> bool:
    wanted: bool = config.getoption("field")
    if wanted != (item.get_closest_marker("field") is not None):
        return False
    if config.getoption("in_process") and OUTSIDE & _fixtures(item):
        return False
    return bool(config.getoption("thorough", default=False)) or not _is_spared(item)


def _is_spared(item: pytest.Item) -> bool:
    """Whether it is a test's third engine, which the test is not marked for."""
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    is_third = parameters.get("any_site") == "mariadb"
    return is_third and item.get_closest_marker("three_engines") is None


def _fixtures(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: Any, request: pytest.FixtureRequest) -> None:
    if fixturedef.argname in OUTSIDE and request.config.getoption("in_process"):
        try:
            pytest.skip(f"needs {fixturedef.argname}")
        except pytest.skip.Exception as skipped:
            # As pytest notes it of a fixture that skips: the next test asks for the same one.
            key = fixturedef.cache_key(request)
            fixturedef.cached_result = (None, key, (skipped, skipped.__traceback__))
            raise
