"""Backups that come back by the command, and archives that were packed elsewhere."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.backups import assert_refused, make
from tests.support.restores import audit
from tests.support.sites import Site
from tests.support.uploads import sqlite_bytes
from trustbackup.operations.transfer.adopt import adopt_paths
from trustbackup.store.compression import zstd

NAME = "backup_2026-11-20_10-00-00.dump.gz"


def visible(root: Path) -> list[str]:
    return sorted(path.name for path in root.glob("*") if not path.name.startswith("."))


@pytest.fixture
def made(sqlite_site: Site) -> dict[str, Any]:
    """A backup of a site that shares the tests' own key; only its hash tells a changed byte."""
    return make(sqlite_site, "--compression", "none")


def test_a_manifest_brings_its_files_along(sqlite_site: Site, folder: Path, db: None) -> None:
    made = make(sqlite_site)
    (adopted,) = adopt_paths([made["manifest"]])
    assert (adopted.id, adopted.new) == (made["id"], True)
    assert adopted.signature == "signed by this site"
    (again,) = adopt_paths([made["files"][0]["path"], made["manifest"]])
    assert not again.new


def test_the_command_says_what_it_did(sqlite_site: Site, tmp_path: Path) -> None:
    dump = tmp_path / NAME
    dump.write_bytes(gzip.compress(sqlite_bytes()))
    assert "unverified" in sqlite_site.manage("adopt_backup", str(dump)).stdout
    assert "here already" in sqlite_site.manage("adopt_backup", str(dump)).stdout
    (event, _) = audit(sqlite_site, "upload")
    assert event["backups"] == ["2026-11-20_10-00-00"]
    refused = sqlite_site.manage("adopt_backup", str(tmp_path), check=False)
    assert_refused(refused, "is not a file")
    refused = sqlite_site.manage("adopt_backup", "/nowhere/x", check=False)
    assert_refused(refused, "/nowhere/x", "No such file")


def test_a_bundle_that_was_packed_again_is_taken(
    sqlite_site: Site, folder: Path, db: None, tmp_path: Path
) -> None:
    made = make(sqlite_site)
    names = sorted(Path(path).name for path in (made["manifest"], made["files"][0]["path"]))
    paths = []
    for form in ("ustar", "gnu", "pax"):
        paths.append(tmp_path / f"{form}.tar.gz")
        command = ["tar", f"--format={form}", "-czf", paths[-1], "-C", sqlite_site.backups, *names]
        subprocess.run(command, check=True)
    deflated = tmp_path / "deflated.zip"
    with zipfile.ZipFile(deflated, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.write(sqlite_site.backups / name, name)
    for path in (*paths, deflated):
        (adopted,) = adopt_paths([str(path)])
        assert adopted.id == made["id"]
        for name in visible(folder):
            (folder / name).unlink()


def test_long_names_and_large_sizes_come_through_a_tar(
    folder: Path, db: None, tmp_path: Path
) -> None:
    name = f"backup_2026-11-20_10-00-00.{'x' * 64}.dump.tar.zst"
    data = zstd.compress(sqlite_bytes())
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo(name)
        info.size, info.mtime = len(data), 1.5  # type: ignore[assignment]
        archive.addfile(info, io.BytesIO(data))
    (tmp_path / "bundle.tar").write_bytes(target.getvalue())
    (adopted,) = adopt_paths([str(tmp_path / "bundle.tar")])
    assert adopted.files == (name,)
