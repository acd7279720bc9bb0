"""A plugin: what one test's page spoke, the next one does not hear."""

from __future__ import annotations

import pytest
from django.utils import translation


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    # Django's middleware leaves the language of a request active in its thread.
    translation.deactivate()
    # What translated once goes on to, or goes on not to, after another USE_I18N.
    vars(translation._trans).clear()  # type: ignore[attr-defined]
