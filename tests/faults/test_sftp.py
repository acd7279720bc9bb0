"""Rows 19 to 23, 26, 27 and 31 at a real sshd."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path

import pytest

from tests.support.copies import NAME, all_files, new_file, read, refused, sftp
from tests.support.damage import flip
from tests.support.hashing import is_running, programs, watched
from tests.support.proxy import reset_after, running_proxy, silent_listener
from tests.support.sftp_uploads import BIG, OTHER, NewServer, Once, upload
from tests.support.sshd import SFTP_SERVER, Server


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
    server = new_sshd(subsystem=SFTP_SERVER, **programs("sleep", openssl="exec sleep 777"))
    source, sha256 = new_file(tmp_path, BIG)

    def kill(_done: int) -> None:
        if is_running(server, "sleep 777"):
            server.kill_sessions()

    with watched(server) as (destination, traffic):
        with refused(NAME, "connection was lost", permanent=False):
            destination.put(source, sha256, kill)
        assert destination.stat(NAME) is None
        assert upload(server).stat().st_size == BIG
        assert traffic.sent < BIG
    again = Once(lambda: None)
    with sftp(server, timeout=20) as destination:
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
    server = new_sshd(subsystem=SFTP_SERVER, **programs("sleep", openssl="exec sleep 777"))
    source, sha256 = new_file(tmp_path, 2 * BIG)
    with contextlib.ExitStack() as stack, sftp(server, timeout=4) as destination:
        silenced: list[float] = []

        def silence(_done: int) -> None:
            if not silenced and is_running(server, "sleep 777"):
                stack.enter_context(server.silent())
                silenced.append(time.monotonic())

        with refused(NAME, "silent for 4 seconds", permanent=False):
            destination.put(source, sha256, silence)
        assert time.monotonic() - silenced[0] < 240


def test_fault_20_a_listener_that_never_answers_is_given_up(shared_sshd: Server) -> None:
    with silent_listener() as port, sftp(shared_sshd, port=port, timeout=1) as destination:
        with refused(f"port {port}", "silent for 1 seconds", permanent=False):
            destination.list()
        steps = list(destination.check())
    assert [(step.name, step.ok) for step in steps] == [("name", True), ("connection", False)]
    assert "silent" in steps[-1].detail


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
