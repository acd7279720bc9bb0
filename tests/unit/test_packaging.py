"""What a wheel ships, and what the pinned versions say."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.support.sites import CHECKOUT

PINS = (CHECKOUT / "constraints.txt").read_text().splitlines()
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run([*command, "--directory", str(folder)], cwd=CHECKOUT, check=True)
    [wheel] = folder.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_holds_the_app_and_nothing_else(shipped: set[str]) -> None:
    tops = {name.split("/")[0] for name in shipped if ".dist-info/" not in name}
    assert tops == {"trustbackup"}


def test_the_wheel_holds_every_file_of_the_app(shipped: set[str]) -> None:
    sources = {
        str(path.relative_to(CHECKOUT))
        for path in (CHECKOUT / "trustbackup").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert sources <= shipped
    assert {"trustbackup/py.typed", "trustbackup/migrations/__init__.py"} <= shipped
    for language in ("de", "tr"):
        assert f"trustbackup/locale/{language}/LC_MESSAGES/django.mo" in shipped


def test_the_wheel_holds_the_licence(shipped: set[str]) -> None:
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in shipped)


def test_every_line_of_the_constraints_pins_one_version() -> None:
    for line in PINS:
        assert line.startswith("#") or re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.+]*", line)


def test_every_dependency_is_pinned() -> None:
    pinned = {normal(line.split("==")[0]) for line in PINS if "==" in line}
    extras = PROJECT["optional-dependencies"].values()
    for requirement in [*PROJECT["dependencies"], *(item for extra in extras for item in extra)]:
        name = normal(re.split(r"[\[<>=;! ]", requirement)[0])
        assert name in pinned | {"trustbackup"}


def test_django_is_pinned_to_the_long_term_support_release() -> None:
    assert any(line.startswith("Django==5.2.") for line in PINS)


def test_the_container_is_built_from_what_its_ignore_file_lets_through() -> None:
    for line in (CHECKOUT / ".dockerignore").read_text().splitlines():
        if line.startswith("!"):
            assert Path(CHECKOUT, line[1:]).exists()


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
