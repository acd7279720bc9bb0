"""A plugin for `make mutants`: a mutant dies of the quickest test that sees it.

A test that survives many changes of nothing, byte by byte or drawn by Hypothesis, comes last.
"""

from __future__ import annotations

import json
from pathlib import Path

import hypothesis
import pytest

STATS = Path("mutmut-stats.json")
"""In the folder that mutmut runs the tests in: how long each test took without a mutant."""


def pytest_configure() -> None:
    hypothesis.settings.register_profile("mutants", max_examples=25, deadline=None, database=None)
    hypothesis.settings.load_profile("mutants")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    seconds: dict[str, float] = {}
    if STATS.exists():
        seconds = json.loads(STATS.read_text())["duration_by_test"]
    items.sort(key=lambda item: seconds.get(item.nodeid, 0.0))
