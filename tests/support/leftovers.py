"""Every process that a test started in its folder ends with it, and so does who waits for it."""

from __future__ import annotations

import threading
from collections.abc import Generator
from typing import Any

import pytest

from tests.support import processes
from trustbackup.databases.process import AWAITING_END

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

    The fixtures' own ends would wait for it. A run's process ends while the test may use the
    database: whoever started it notes its end there.
    """
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    before = item.stash.get(BEFORE, frozenset())
    awaiting = [thread for thread in threading.enumerate() if thread.name == AWAITING_END]
    if folder and (awaiting or item.stash.get(FAILED, False)):
        processes.end_all(folder, before)
    for thread in awaiting:
        thread.join(120)
    yield
    if folder:
        processes.end_all(folder, before)
