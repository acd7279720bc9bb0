"""The full round at every server that people have for copies (cases P1 to P5, O2 to O4)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.field.full_round import STEPS, FullRound
from tests.support.field.places import ALL
from tests.support.field.stores import NotHereError
from tests.support.sites import Site

pytestmark = pytest.mark.field


@pytest.mark.parametrize("name", ALL)
def test_case_p1_the_full_round_at_every_server(
    name: str, sqlite_site: Site, tmp_path: Path
) -> None:
    try:
        with ALL[name](tmp_path / "server") as served:
            outcome = FullRound(sqlite_site, served).walk()
    except NotHereError as error:
        pytest.skip(str(error))
    assert outcome.failed == {}
    assert outcome.done == list(STEPS)
