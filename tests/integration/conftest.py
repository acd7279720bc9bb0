from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def offloaded(tmp_path: Path) -> Path:
    """A folder for copies on a disk that is there; it is made with the first."""
    folder = tmp_path / "another disk" / "copies"
    folder.parent.mkdir()
    return folder
