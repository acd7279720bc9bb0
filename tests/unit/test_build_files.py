"""The files that other programs read: CI's workflow, the composition, the image's recipe."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sites import CHECKOUT

BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    ("schema", "name"),
    [("github-workflows", ".github/workflows/matrix.yml"), ("compose-spec", "compose.yml")],
)
def test_a_file_follows_its_published_schema(schema: str, name: str) -> None:
    check("check-jsonschema", "--builtin-schema", f"vendor.{schema}", name)


def test_every_workflow_is_checked() -> None:
    found = [path.name for path in (CHECKOUT / ".github" / "workflows").iterdir()]
    assert found == ["matrix.yml"]


def test_the_recipe_of_the_image_has_no_fault_that_hadolint_knows() -> None:
    # Debian removes the versions that it replaces: a pinned one can't be installed next month.
    check("hadolint", "--ignore", "DL3008", "--failure-threshold", "info", "Dockerfile")


def check(program: str, *arguments: str) -> None:
    result = subprocess.run(
        [BIN / program, *arguments], cwd=CHECKOUT, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stdout + result.stderr
