"""Rows 1, 8, 21, 22 and 27 at a folder destination: its disk is full, read-only, absent, wrong."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.copies import NAME, all_files, new_file, read, refused
from tests.support.damage import flip
from trustbackup.destinations.folder import backend as folder_module
from trustbackup.destinations.folder.backend import Folder
from trustbackup.destinations.folder.config import FolderConfig

OTHER = "backup_2025-01-01_00-00-00.dump.gz"


def test_fault_21_a_full_disk_is_refused_and_the_earlier_copy_stays(
    small_tmpfs: Callable[[int], Path], tmp_path: Path
) -> None:
    root = small_tmpfs(4 << 20) / "copies"
    source, sha256 = new_file(tmp_path, 3 << 20)
    destination = Folder(FolderConfig(root))
    destination.put(*new_file(tmp_path, 2 << 20, OTHER))
    with refused("No space left on device", "Free some space", permanent=True):
        destination.put(source, sha256)
    assert list(all_files(root)) == [OTHER]
    destination.delete(OTHER)
    destination.put(source, sha256)
    assert read(destination) == source.read_bytes()


def test_fault_08_a_read_only_disk_is_refused(
    small_tmpfs: Callable[[int], Path], tmp_path: Path
) -> None:
    mount = small_tmpfs(4 << 20)
    destination = Folder(FolderConfig(mount / "copies"))
    destination.put(*new_file(tmp_path, 1000, OTHER))
    subprocess.run(["mount", "-o", "remount,ro", str(mount)], check=True)
    for call in (
        lambda: destination.put(*new_file(tmp_path, 1000)),
        lambda: destination.delete(OTHER),
    ):
        with refused("Read-only file system", "writable", permanent=True):
            call()
    steps = list(destination.check())
    assert [(step.name, step.ok) for step in steps] == [("folder", True), ("write", False)]
    assert [item.name for item in destination.list()] == [OTHER]


@pytest.mark.parametrize("path", ["/no/such/mount/copies", "relative"])
def test_fault_08_a_disk_that_is_not_there_is_never_made(tmp_path: Path, path: str) -> None:
    destination = Folder(FolderConfig(Path(path)))
    with refused(path.rpartition("/")[0] or "absolute", permanent=path == "relative"):
        destination.put(*new_file(tmp_path, 1000))
    assert [step.ok for step in destination.check()] == [False]
    assert not Path(path).parent.is_dir() or path == "relative"


def test_fault_22_an_unfinished_copy_is_not_seen_and_not_made_twice(tmp_path: Path) -> None:
    destination = Folder(FolderConfig(tmp_path / "copies"))
    source, sha256 = new_file(tmp_path, 3 << 20)
    found = []

    def look(_done: int) -> None:
        found.append(Folder(FolderConfig(tmp_path / "copies")).list())
        with refused(NAME, "another run is copying it", permanent=False):
            Folder(FolderConfig(tmp_path / "copies")).put(source, sha256)

    destination.put(source, sha256, look)
    assert found
    assert not any(found)
    assert read(destination) == source.read_bytes()


def test_fault_27_what_arrived_wrong_is_removed(tmp_path: Path) -> None:
    destination = Folder(FolderConfig(tmp_path / "copies"))
    source, sha256 = new_file(tmp_path, 3 << 20)

    seen: list[int] = []

    def damage(done: int) -> None:
        seen.append(done)
        if done == 3 << 20:
            (upload,) = (tmp_path / "copies" / ".uploads").iterdir()
            flip(upload, len(seen) / 100)  # another bit each time: none is flipped back

    with refused(NAME, "another checksum", "removed", permanent=False):
        destination.put(source, sha256, damage)
    assert all_files(tmp_path / "copies") == {}
    destination.put(source, sha256)


def test_fault_23_a_file_system_without_links_gets_the_whole_file_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, os.strerror(1))  # as FAT does

    monkeypatch.setattr(folder_module.os, "link", refuse)
    destination = Folder(FolderConfig(tmp_path / "copies"))
    source, sha256 = new_file(tmp_path)
    destination.put(source, sha256)
    assert read(destination) == source.read_bytes()
    assert list(all_files(tmp_path / "copies")) == [NAME]
