"""Rows 19 to 23, 26, 27 and 31 at a real sshd."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import mounts
from tests.support.copies import NAME, all_files, digest, new_file, read, refused, sftp
from tests.support.damage import flip
from tests.support.hashing import is_running, programs, watched
from tests.support.proxy import flip_after, reset_after, running_proxy, silent_listener
from tests.support.sshd import SFTP_SERVER, Server
from trustbackup.destinations.base import DestinationError

NewServer = Callable[..., Server]
BIG = 12_000_000
OTHER = "backup_2025-01-01_00-00-00.dump.gz"


class Once:
    """A ``written`` callback that does something once, when so many bytes have arrived."""

    def __init__(self, action: Callable[[], object], after: int = 1) -> None:
        self.action = action
        self.after = after
        self.seen: list[int] = []

    def __call__(self, done: int) -> None:
        before = self.seen[-1] if self.seen else 0
        self.seen.append(done)
        if before < self.after <= done:
            self.action()


def upload(server: Server) -> Path:
    """The one unfinished file at the server."""
    (found,) = (server.home / "copies" / ".uploads").iterdir()
    return found


@pytest.mark.parametrize("subsystem", ["internal-sftp", SFTP_SERVER])
def test_fault_19_an_upload_whose_server_process_is_killed_is_gone_on_with(
    new_sshd: NewServer, tmp_path: Path, subsystem: str
) -> None:
    server = new_sshd(subsystem=subsystem)
    source, sha256 = new_file(tmp_path, BIG)
    good = new_file(tmp_path, 1000, OTHER)
    with sftp(server) as destination:
        destination.put(*good)
        with refused(NAME, "connection was lost", permanent=False):
            destination.put(source, sha256, Once(server.kill_sessions))
        assert [item.name for item in destination.list()] == [OTHER]
        assert destination.stat(NAME) is None
        arrived = upload(server).stat().st_size
        assert arrived
        again = Once(lambda: None)
        destination.put(source, sha256, again)
        assert again.seen[0] >= arrived
        assert read(destination) == source.read_bytes()
    assert all_files(server.home) == {f"copies/{NAME}": 0o600, f"copies/{OTHER}": 0o600}


def test_fault_19_what_had_arrived_and_was_damaged_since_is_sent_again(
    new_sshd: NewServer, tmp_path: Path
) -> None:
    server = new_sshd()
    source, sha256 = new_file(tmp_path, BIG)
    with sftp(server) as destination:
        with refused(NAME, permanent=False):
            destination.put(source, sha256, Once(server.kill_sessions))
        flip(upload(server), 0.2)
        destination.put(source, sha256)
        assert read(destination) == source.read_bytes()


def test_fault_19_what_is_sent_again_is_checked_again(new_sshd: NewServer, tmp_path: Path) -> None:
    server = new_sshd()
    source, sha256 = new_file(tmp_path, BIG)
    with sftp(server) as destination:
        with refused(NAME, permanent=False):
            destination.put(source, sha256, Once(server.kill_sessions))
        flip(upload(server), 0)
        whole: list[int] = []
        damage = Once(lambda: flip(upload(server), 0), BIG // 2)

        def sent(done: int) -> None:
            if done == BIG:
                whole.append(done)
            elif whole:
                damage(done)

        with refused(NAME, "another checksum", permanent=False):
            destination.put(source, sha256, sent)
        assert damage.seen
        assert destination.list() == []


def test_fault_19_one_that_is_killed_while_a_program_hashes_is_gone_on_with(
    new_sshd: NewServer, tmp_path: Path
) -> None:
    server = new_sshd(subsystem=SFTP_SERVER, **programs("sleep", openssl="exec sleep 77"))
    source, sha256 = new_file(tmp_path, BIG)

    def kill(_done: int) -> None:
        if is_running(server, "sleep 77"):
            server.kill_sessions()

    with watched(server) as (destination, traffic):
        with refused(NAME, "connection was lost", permanent=False):
            destination.put(source, sha256, kill)
        assert destination.stat(NAME) is None
        assert upload(server).stat().st_size == BIG
        assert traffic.sent < BIG
    again = Once(lambda: None)
    with sftp(server, timeout=2) as destination:
        destination.put(source, sha256, again)
        assert again.seen[0] == BIG
        assert read(destination) == source.read_bytes()
    assert list(all_files(server.home)) == [f"copies/{NAME}"]


@pytest.mark.parametrize("there", [0, 1000, 8_000_000])
def test_fault_19_what_lies_in_an_uploads_place_does_not_get_into_it(
    new_sshd: NewServer, tmp_path: Path, there: int
) -> None:
    server = new_sshd()
    source, sha256 = new_file(tmp_path, 3_000_000)
    with sftp(server) as destination:
        assert all(step.ok for step in destination.check())
        planted = server.home / "copies" / ".uploads" / f"{NAME}.{sha256[:16]}.part"
        planted.write_bytes(os.urandom(there))
        shutil.chown(planted, server.user.name)
        destination.put(source, sha256)
        assert read(destination) == source.read_bytes()
    assert list(all_files(server.home)) == [f"copies/{NAME}"]


def test_fault_20_a_server_that_goes_silent_fails_the_upload_within_its_time(
    new_sshd: NewServer, tmp_path: Path
) -> None:
    server = new_sshd()
    source, sha256 = new_file(tmp_path, BIG)
    with sftp(server, timeout=4) as destination:
        with contextlib.ExitStack() as stack:
            silence = Once(lambda: stack.enter_context(server.silent()))
            with refused(NAME, "silent for 4 seconds", permanent=False):
                destination.put(source, sha256, silence)
            with refused("silent", permanent=False):
                destination.list()
        destination.put(source, sha256)
        with (
            contextlib.ExitStack() as stack,
            refused(NAME, "silent", permanent=False),
            destination.open(NAME) as file,
        ):
            file.read(1000)
            stack.enter_context(server.silent())
            file.read()
        assert read(destination) == source.read_bytes()


def test_fault_20_a_server_that_goes_silent_while_a_program_hashes_is_given_up(
    new_sshd: NewServer, tmp_path: Path
) -> None:
    server = new_sshd(subsystem=SFTP_SERVER, **programs("sleep", openssl="exec sleep 77"))
    source, sha256 = new_file(tmp_path, 2 * BIG)
    with contextlib.ExitStack() as stack, sftp(server, timeout=4) as destination:
        silenced: list[float] = []

        def silence(_done: int) -> None:
            if not silenced and is_running(server, "sleep 77"):
                stack.enter_context(server.silent())
                silenced.append(time.monotonic())

        with refused(NAME, "silent for 4 seconds", permanent=False):
            destination.put(source, sha256, silence)
        assert time.monotonic() - silenced[0] < 6


def test_fault_20_a_listener_that_never_answers_is_given_up(shared_sshd: Server) -> None:
    with silent_listener() as port, sftp(shared_sshd, port=port, timeout=1) as destination:
        with refused(f"port {port}", "silent for 1 seconds", permanent=False):
            destination.list()
        steps = list(destination.check())
    assert [(step.name, step.ok) for step in steps] == [("name", True), ("connection", False)]
    assert "silent" in steps[-1].detail


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


def test_fault_26_a_reset_upload_is_gone_on_with_and_a_reset_download_is_an_error(
    new_sshd: NewServer, tmp_path: Path
) -> None:
    server = new_sshd()
    source, sha256 = new_file(tmp_path, BIG)
    with running_proxy(server.port) as proxy, sftp(server, port=proxy.port) as destination:
        proxy.up = reset_after(8_000_000)
        with refused(NAME, "connection was lost", permanent=False):
            destination.put(source, sha256)
        assert destination.stat(NAME) is None
        again = Once(lambda: None)
        destination.put(source, sha256, again)
        assert again.seen[0] > 1_000_000
        destination.close()
        proxy.down = reset_after(5_000_000)
        with refused(NAME, "connection was lost", permanent=False), destination.open(NAME) as file:
            while file.read(1_000_000):
                pass
        proxy.down = lambda data, _before: data
        assert read(destination) == source.read_bytes()
        assert proxy.connections == 4


def test_fault_26_after_an_error_a_download_is_never_taken_for_ended(
    new_sshd: NewServer, tmp_path: Path
) -> None:
    server = new_sshd()
    with sftp(server) as destination:
        destination.put(*new_file(tmp_path, BIG))
        with destination.open(NAME) as file:
            file.read(1)
            server.kill_sessions()
            for _ in range(3):
                with refused(NAME, permanent=False):
                    while file.read(10_000_000):
                        pass


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
