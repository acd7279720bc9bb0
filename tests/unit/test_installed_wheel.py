"""The published files, installed where nothing else of the checkout is."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support.sites import CHECKOUT

SITE = """
from django.conf import settings
settings.configure(
    SECRET_KEY="a key of the test alone, with more than fifty characters in it",
    INSTALLED_APPS=[
        "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.staticfiles",
        "trustbackup",
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}},
    ROOT_URLCONF="trustbackup.urls",
    STATIC_URL="static/",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    TRUSTBACKUP={"BACKUP_DIR": "backups"},
    USE_TZ=True,
)
"""
LOOK = """
import django, pathlib
django.setup()
import trustbackup
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.template.loader import get_template
from django.utils import translation
folder = pathlib.Path(trustbackup.__file__).parent
for path in (folder / "templates").rglob("*.html"):
    get_template(str(path.relative_to(folder / "templates")))
for path in (folder / "static").rglob("*.*"):
    assert finders.find(str(path.relative_to(folder / "static"))), path
with translation.override("de"):
    assert translation.gettext("Backup folder") != "Backup folder"
call_command("migrate", verbosity=0)
call_command("create_backup")
call_command("verify_backup", "latest")
print(folder)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist, and the wheel that was built from it alone, as an installer builds it."""
    folder = tmp_path_factory.mktemp("dist")
    build(CHECKOUT, "sdist", folder)
    [sdist] = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "source", filter="data")
    [source] = (folder / "source").iterdir()
    build(source, "wheel", folder)
    [wheel] = folder.glob("*.whl")
    return sdist, wheel


def test_a_wheel_of_the_sdist_holds_what_one_of_the_checkout_does(
    built: tuple[Path, Path], tmp_path: Path
) -> None:
    build(CHECKOUT, "wheel", tmp_path)
    [ours] = tmp_path.glob("*.whl")
    assert contents(built[1]) == contents(ours)


def test_an_installed_wheel_has_all_that_pages_and_commands_need(
    built: tuple[Path, Path], tmp_path: Path
) -> None:
    there = tmp_path / "packages"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*pip, "--target", there, built[1]], check=True, timeout=300)
    result = subprocess.run(
        [sys.executable, "-P", "-c", SITE + LOOK],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(there)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines()[-1] == str(there / "trustbackup")


def build(source: Path, target: str, folder: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", target]
    subprocess.run([*command, "--directory", str(folder)], cwd=source, check=True, timeout=300)


def contents(wheel: Path) -> dict[str, int]:
    """The checksum of every file; the list of them has the checkout's own order."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            item.filename: item.CRC
            for item in archive.infolist()
            if not item.filename.endswith("/RECORD")
        }
