"""Every process that a test started in its folder ends with it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from tests.support import processes

FAILED = pytest.StashKey[bool]()
BEFORE = pytest.StashKey[processes.Seen]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    item.stash[BEFORE] = processes.seen()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    """A failed one's ends first: what it waits for will not come.

    The fixtures' own ends would wait for it.
    """
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    before = item.stash.get(BEFORE, frozenset())
    if folder and item.stash.get(FAILED, False):
        processes.end_all(folder, before)
    yield
    if folder:
        processes.end_all(folder, before)
