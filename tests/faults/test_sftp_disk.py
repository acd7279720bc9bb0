"""Rows 21 to 23 and 27 at SFTP: full and read-only disks, unfinished and flipped files."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import mounts
from tests.support.copies import NAME, all_files, digest, new_file, read, refused, sftp
from tests.support.damage import flip
from tests.support.proxy import flip_after, running_proxy
from tests.support.sftp_uploads import BIG, OTHER, NewServer, Once, upload
from tests.support.sshd import SFTP_SERVER, Server
from trustbackup.destinations.base import DestinationError


@pytest.fixture
def full_disk(new_sshd: NewServer, request: pytest.FixtureRequest) -> Iterator[tuple[Server, Path]]:
    """A server whose folder for copies is a file system of 16 MB."""
    server = new_sshd(**getattr(request, "param", {}))
    folder = server.home / "copies"
    try:
        with mounts.mounted_tmpfs(folder, 16 << 20):
            shutil.chown(folder, server.user.name)
            yield server, folder
    except mounts.MountRefusedError as error:
        pytest.skip(f"no small file system to fill: {error}")


def test_fault_21_a_full_disk_is_said_before_anything_is_sent(
    full_disk: tuple[Server, Path], tmp_path: Path
) -> None:
    server, folder = full_disk
    source, sha256 = new_file(tmp_path, 20 << 20)
    seen: list[int] = []
    with sftp(server) as destination:
        destination.put(*new_file(tmp_path, 1000, OTHER))
        with refused(NAME, "no space", "Free some space", permanent=True):
            destination.put(source, sha256, seen.append)
        assert not any(seen)
        assert [item.name for item in destination.list()] == [OTHER]
    assert list(all_files(folder)) == [OTHER]


@pytest.mark.parametrize(
    ("full_disk", "named", "permanent"),
    [
        ({}, "no space", True),
        # A server that tells nothing of its disk says "Failure", for this and for anything.
        ({"subsystem": "internal-sftp -P statvfs"}, "Failure", False),
    ],
    indirect=["full_disk"],
)
def test_fault_21_a_disk_that_fills_up_meanwhile_fails_the_upload(
    full_disk: tuple[Server, Path], tmp_path: Path, named: str, permanent: bool
) -> None:
    server, folder = full_disk
    source, sha256 = new_file(tmp_path, 12 << 20)
    ballast = folder / "ballast"

    def fill() -> None:
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    with sftp(server) as destination:
        destination.put(*new_file(tmp_path, 1000, OTHER))
        with refused(NAME, named, permanent=permanent):
            destination.put(source, sha256, Once(fill))
        assert [item.name for item in destination.list()] == [OTHER]
        assert sorted(all_files(folder)) == [OTHER, "ballast"]
        ballast.unlink()
        destination.put(source, sha256)
        assert read(destination) == source.read_bytes()


def test_fault_21_a_read_only_disk_is_said(full_disk: tuple[Server, Path], tmp_path: Path) -> None:
    server, folder = full_disk
    source = new_file(tmp_path)
    with sftp(server) as destination:
        destination.put(*new_file(tmp_path, 1000, OTHER))
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        for call in (lambda: destination.put(*source), lambda: destination.delete(OTHER)):
            with refused("mounted read-only", permanent=True):
                call()
        assert [item.name for item in destination.list()] == [OTHER]


def test_fault_21_a_folder_that_may_not_be_written_is_said(
    new_sshd: NewServer, tmp_path: Path
) -> None:
    server = new_sshd()
    if os.geteuid() != 0:
        pytest.skip("what belongs to oneself can always be written")
    (server.home / "copies").mkdir(mode=0o755)
    with sftp(server) as destination:
        with refused(NAME, "does not permit", permanent=True):
            destination.put(*new_file(tmp_path))
        steps = list(destination.check())
        assert (steps[-1].name, steps[-1].ok) == ("folder", False)
        assert "does not permit" in steps[-1].detail


def test_fault_22_an_unfinished_upload_is_not_seen(shared_sshd: Server, tmp_path: Path) -> None:
    folder = f"row-22-{os.urandom(4).hex()}"
    source, sha256 = new_file(tmp_path, BIG)
    found = []

    def look() -> None:
        with sftp(shared_sshd, folder=folder) as other:
            found.append((other.list(), other.stat(NAME)))
            with refused("no such file", permanent=True):
                read(other)

    with sftp(shared_sshd, folder=folder) as destination:
        destination.put(source, sha256, Once(look))
        assert found == [([], None)]
        assert len(destination.list()) == 1


@pytest.mark.parametrize("denied", ["posix-rename", "rename", "posix-rename,limits,fsync,statvfs"])
def test_fault_23_servers_that_lack_something_get_the_whole_file_too(
    new_sshd: NewServer, tmp_path: Path, denied: str
) -> None:
    server = new_sshd(subsystem=f"{SFTP_SERVER} -P {denied}")
    source, sha256 = new_file(tmp_path)
    with sftp(server) as destination:
        destination.put(source, sha256)
        assert read(destination) == source.read_bytes()
        steps = list(destination.check())
        assert all(step.ok for step in steps), steps
    assert list(all_files(server.home)) == [f"copies/{NAME}"]


@pytest.mark.parametrize("denied", ["posix-rename", "copy-data"])
def test_fault_23_nothing_is_overwritten(new_sshd: NewServer, tmp_path: Path, denied: str) -> None:
    server = new_sshd(subsystem=f"{SFTP_SERVER} -P {denied}")
    source, sha256 = new_file(tmp_path)
    final = server.home / "copies" / NAME

    def plant() -> None:
        final.write_text("somebody else's")
        final.chmod(0o644)

    with sftp(server) as destination, refused(NAME, "another content", permanent=True):
        destination.put(source, sha256, Once(plant))
    assert final.read_text() == "somebody else's"
    assert list(all_files(server.home)) == [f"copies/{NAME}"]


def test_fault_27_a_byte_that_flips_on_the_way_is_never_taken(
    new_sshd: NewServer, tmp_path: Path
) -> None:
    server = new_sshd()
    source, sha256 = new_file(tmp_path, BIG)
    with running_proxy(server.port) as proxy, sftp(server, port=proxy.port) as destination:
        proxy.up = flip_after(6_000_000)
        with refused(NAME, permanent=False):
            destination.put(source, sha256)
        proxy.up = lambda data, _before: data
        assert destination.stat(NAME) is None
        destination.put(source, sha256)
        assert read(destination) == source.read_bytes()
        proxy.down = flip_after(0)
        destination.close()
        with pytest.raises(DestinationError):
            read(destination)


@pytest.mark.parametrize("subsystem", ["internal-sftp", SFTP_SERVER])
@pytest.mark.parametrize("after", [1, BIG])
def test_fault_27_what_arrived_wrong_is_removed(
    new_sshd: NewServer, tmp_path: Path, subsystem: str, after: int
) -> None:
    server = new_sshd(subsystem=subsystem)
    source, sha256 = new_file(tmp_path, BIG)
    with sftp(server) as destination:
        with refused(NAME, "another checksum", "removed", permanent=False):
            destination.put(source, sha256, Once(lambda: flip(upload(server), 0), after))
        assert destination.list() == []
        assert all_files(server.home) == {}
        destination.put(source, sha256)
        assert read(destination) == source.read_bytes()


def test_fault_31_a_bit_that_flips_at_rest_is_seen_by_whoever_reads_it(
    shared_sshd: Server, tmp_path: Path
) -> None:
    folder = f"row-31-{os.urandom(4).hex()}"
    source, sha256 = new_file(tmp_path)
    with sftp(shared_sshd, folder=folder) as destination:
        destination.put(source, sha256)
        at_rest = shared_sshd.home / folder / NAME
        flip(at_rest)
        assert digest(at_rest) != sha256
        assert read(destination) == at_rest.read_bytes()
        with refused(NAME, "another content", permanent=True):
            destination.put(source, sha256)
        at_rest.write_bytes(source.read_bytes()[:-1])
        found = destination.stat(NAME)
        assert found
        assert found.size == source.stat().st_size - 1
