"""What every destination does, on each kind in turn."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import copies, sshd
from tests.support.copies import NAME, all_files, new_file, read, refused
from trustbackup.destinations.base import DestinationBackend
from trustbackup.destinations.folder.backend import Folder
from trustbackup.destinations.folder.config import FolderConfig
from trustbackup.exceptions import Cancelled, FolderError


@dataclass
class DestinationRef:
    """A destination, and the folder of this machine where its files lie."""

    destination: DestinationBackend
    folder: Path


@pytest.fixture(params=["folder", "sftp"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DestinationRef]:
    if request.param == "folder":
        found = DestinationRef(Folder(FolderConfig(tmp_path / "copies")), tmp_path / "copies")
    else:
        server: sshd.Server = request.getfixturevalue("shared_sshd")
        name = f"test-{os.urandom(4).hex()}"
        found = DestinationRef(copies.sftp(server, folder=name), server.home / name)
    with found.destination:
        yield found


@pytest.mark.parametrize("size", [0, 1, 261_120, 5_000_000])
def test_a_file_arrives_whole_private_and_can_be_read(
    place: DestinationRef, tmp_path: Path, size: int
) -> None:
    source, sha256 = new_file(tmp_path / "source", size)
    seen: list[int] = []
    place.destination.put(source, sha256, seen.append)
    assert read(place.destination) == source.read_bytes()
    assert all_files(place.folder) == {NAME: 0o600}
    assert seen == sorted(seen)
    assert seen[-1] == size
    for folder in (place.folder, place.folder / ".uploads"):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_it_lists_stats_and_deletes(place: DestinationRef, tmp_path: Path) -> None:
    files = ["backup_2026-11-20_02-15-34.manifest.json", NAME, "backup_2025-01-01_00-00-00.tar.gz"]
    for number, name in enumerate(files):
        place.destination.put(*new_file(tmp_path / "source", 10 + number, name))
    (place.folder / "notes.txt").write_text("foreign")
    (place.folder / "backup_2024-01-01_00-00-00.dump.gz").mkdir()
    (place.folder / "backup_2024-01-02_00-00-00.dump.gz").symlink_to("notes.txt")
    listed = place.destination.list()
    assert [item.name for item in listed] == sorted(files)
    assert [item.size for item in listed] == [12, 11, 10]
    for item in listed:
        assert place.destination.stat(item.name) == item
    assert place.destination.stat("backup_2023-01-01_00-00-00.dump.gz") is None
    place.destination.delete(NAME)
    place.destination.delete(NAME)
    assert place.destination.stat(NAME) is None
    assert len(place.destination.list()) == 2
    assert (place.folder / "notes.txt").read_text() == "foreign"
    with refused(NAME, "no such file", permanent=True):
        read(place.destination)


def test_the_same_file_again_is_no_error_and_another_one_is(
    place: DestinationRef, tmp_path: Path
) -> None:
    source, sha256 = new_file(tmp_path / "source")
    place.destination.put(source, sha256)
    before = (place.folder / NAME).stat()
    seen: list[int] = []
    place.destination.put(source, sha256, seen.append)
    assert seen[-1] == 3_000_001
    other, other_sha256 = new_file(tmp_path / "other")
    with refused(NAME, "another content", permanent=True):
        place.destination.put(other, other_sha256)
    after = (place.folder / NAME).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert all_files(place.folder) == {NAME: 0o600}


def test_a_source_that_is_not_what_its_manifest_says_is_not_copied(
    place: DestinationRef, tmp_path: Path
) -> None:
    source, _sha256 = new_file(tmp_path / "source")
    with refused(NAME, "here", "corrupt", permanent=True):
        place.destination.put(source, "0" * 64)
    assert all_files(place.folder) == {}
    source.unlink()
    with pytest.raises(FolderError):
        place.destination.put(source, "0" * 64)
    source.symlink_to(tmp_path)
    with pytest.raises(FolderError):
        place.destination.put(source, "0" * 64)


def test_a_cancelled_upload_leaves_nothing(place: DestinationRef, tmp_path: Path) -> None:
    source, sha256 = new_file(tmp_path / "source", 8_000_000)

    def cancel(done: int) -> None:
        if done:
            raise Cancelled

    with pytest.raises(Cancelled):
        place.destination.put(source, sha256, cancel)
    assert all_files(place.folder) == {}
    place.destination.put(source, sha256)
    assert place.destination.list()


def test_names_of_others_are_refused(place: DestinationRef, tmp_path: Path) -> None:
    place.destination.put(*new_file(tmp_path / "source"))
    calls: list[Callable[[str], object]] = [
        place.destination.stat,
        place.destination.delete,
        lambda name: read(place.destination, name),
    ]
    for name in ("../victim", "notes.txt", "-rf", "backup_x.dump.gz\n", f"./{NAME}", ""):
        for call in calls:
            with refused("not the name of a backup", permanent=True):
                call(name)
    with refused("not the name of a backup", permanent=True):
        place.destination.put(*new_file(tmp_path / "source", 1, "notes.txt"))


def test_the_connection_test_passes_and_leaves_nothing(place: DestinationRef) -> None:
    steps = list(place.destination.check())
    assert all(step.ok for step in steps), steps
    names = [step.name for step in steps]
    assert names[-6:] == ["folder", "write", "read back", "rename", "delete", "free space"]
    assert "free" in steps[-1].detail
    assert all(step.seconds >= 0 for step in steps)
    assert all_files(place.folder) == {}
    space = place.destination.space()
    assert space.free
    assert space.used is not None


def test_an_absent_folder_is_an_error_and_no_empty_list(place: DestinationRef) -> None:
    calls: list[Callable[[], object]] = [
        place.destination.list,
        lambda: place.destination.stat(NAME),
        lambda: place.destination.delete(NAME),
    ]
    for call in calls:
        with refused("no", "folder", permanent=False):
            call()


def test_a_long_file_is_read_in_pieces_and_need_not_be_read_to_its_end(
    place: DestinationRef, tmp_path: Path
) -> None:
    source, sha256 = new_file(tmp_path / "source", 6_000_000)
    place.destination.put(source, sha256)
    with place.destination.open(NAME) as file:
        begin = file.read(100_000)
    assert begin == source.read_bytes()[:100_000]
    with place.destination.open(NAME) as file:
        pieces = list(iter(lambda: file.read(700_001), b""))
    assert b"".join(pieces) == source.read_bytes()
    assert place.destination.stat(NAME)
