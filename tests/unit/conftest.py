"""Folders as objects, for the tests of what is written and of what is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.objects import Objects
from trustbackup.contents.media import incremental


@pytest.fixture
def objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Objects:
    """Files count as unchanged though they were written a moment ago."""
    monkeypatch.setattr(incremental, "_SURE_AFTER", -60.0)
    (tmp_path / "media").mkdir()
    return Objects.beside(tmp_path)


@pytest.fixture
def media(tmp_path: Path) -> Path:
    return tmp_path / "media"
