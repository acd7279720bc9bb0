"""Several backups as one archive: byte for byte, with its length known before."""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import subprocess
import tarfile
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.support.backups import make
from tests.support.sites import Site
from trustbackup.exceptions import BackupNotFound, UsageError
from trustbackup.operations.transfer.bundle import FORMATS, bundle_backups

SIZES = [0, 1, 511, 512, 65_535, 65_536, 300_000]


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path}
    return tmp_path


def members_of(archive_format: str, data: bytes) -> dict[str, bytes]:
    if archive_format == "zip":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.testzip() is None
            return {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data))) as tar:
        return {item.name: tar.extractfile(item).read() for item in tar.getmembers()}  # type: ignore[union-attr]


@pytest.mark.parametrize("archive_format", FORMATS)
@hypothesis_settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sizes=st.lists(
        st.sampled_from([0, 1, 511, 512, 65_535, 65_536, 300_000]), min_size=1, max_size=4
    )
)
def test_what_is_in_it_is_what_lies_on_the_disk(
    folder: Path, archive_format: str, sizes: list[int]
) -> None:
    for old in folder.iterdir():
        old.unlink()
    files = {}
    for number, size in enumerate(sizes):
        name = f"backup_2026-11-20_10-00-0{number}.dump"
        files[name] = hashlib.shake_128(bytes([number])).digest(size)
        (folder / name).write_bytes(files[name])
    bundle = bundle_backups(list(files), archive_format)
    data = b"".join(bundle.blocks)
    assert len(data) == bundle.length
    found = members_of(archive_format, data)
    assert found.pop("SHA256SUMS") == b""
    assert found == files


@pytest.mark.parametrize(("archive_format", "unpack"), [("zip", "unzip -q"), ("tar.gz", "tar xzf")])
def test_other_tools_open_it_and_check_it(
    sqlite_site: Site, settings: Any, tmp_path: Path, archive_format: str, unpack: str
) -> None:
    if not shutil.which(unpack.split()[0]):
        pytest.skip(f"{unpack.split()[0]} is not installed")
    made = [make(sqlite_site)["id"], make(sqlite_site)["id"]]
    settings.TRUSTBACKUP = {"BACKUP_DIR": sqlite_site.backups}
    archive = tmp_path / f"bundle.{archive_format}"
    archive.write_bytes(b"".join(bundle_backups(made, archive_format).blocks))
    target = tmp_path / "unpacked"
    target.mkdir()
    subprocess.run([*unpack.split(), str(archive)], cwd=target, check=True)
    done = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=target, check=True, capture_output=True
    )
    assert done.stdout.count(b": OK") == 2
    assert len(list(target.glob("*.manifest.json"))) == 2


@pytest.mark.parametrize("archive_format", FORMATS)
def test_memory_does_not_grow_with_the_data(folder: Path, archive_format: str) -> None:
    peaks = []
    for size in (4 << 20, 64 << 20):
        path = folder / "backup_2026-11-20_10-00-00.dump"
        with path.open("wb") as file:
            file.truncate(size)
        tracemalloc.start()
        for _ in bundle_backups(["2026-11-20_10-00-00"], archive_format).blocks:
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + (2 << 20)


def test_a_file_that_becomes_shorter_ends_it_instead_of_lying(folder: Path) -> None:
    path = folder / "backup_2026-11-20_10-00-00.dump"
    path.write_bytes(bytes(1 << 20))
    blocks = bundle_backups(["2026-11-20_10-00-00"], "tar.gz").blocks
    path.write_bytes(b"short")
    with pytest.raises(Exception, match="shorter than it was"):
        b"".join(blocks)


def test_nothing_and_nonsense_are_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="'rar'"):
        bundle_backups(["x"], "rar")
    with pytest.raises(BackupNotFound):
        bundle_backups(["2026-01-01_00-00-00"], "zip")
    with pytest.raises(BackupNotFound, match="No backup was chosen"):
        bundle_backups([], "zip")
