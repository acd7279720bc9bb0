"""What has arrived at a real sshd: a program there tells its SHA-256, else it is read back."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import run, sshd
from tests.support.backups import wait_for
from tests.support.copies import NAME, all_files, config_of, new_file, read, refused
from tests.support.damage import flip
from tests.support.hashing import is_running, new_script, programs, watched
from tests.support.proxy import running_proxy
from tests.support.sshd import SFTP_SERVER, Server
from trustbackup.destinations.sftp import digest
from trustbackup.destinations.sftp.connection import Connection
from trustbackup.exceptions import Cancelled

NewServer = Callable[..., Server]
BIG = 8_000_000
FEW = 400_000
"""Bytes: what all the answers to an upload of BIG come to, when it is not read back."""
OTHER = "backup_2025-01-01_00-00-00.dump.gz"
WRONG = "0" * 64


@pytest.mark.parametrize(
    "options",
    [{"subsystem": SFTP_SERVER}, {"ForceCommand": "none"}],
    ids=["sftp-server", "internal-sftp"],
)
@pytest.mark.parametrize("folder", ["", "copies", "~/a b/ü", "absolute"])
def test_where_a_program_tells_what_is_there_nothing_is_read_back(
    new_sshd: NewServer, tmp_path: Path, options: dict[str, str], folder: str
) -> None:
    server = new_sshd(**options)
    if folder == "absolute":
        folder = str(server.home / "it's")
    source, sha256 = new_file(tmp_path, BIG)
    with watched(server, folder=folder) as (destination, traffic):
        for _again in range(2):
            destination.put(source, sha256)
        assert traffic.sent < FEW
        assert read(destination) == source.read_bytes()
        assert traffic.sent > BIG


@pytest.mark.parametrize(
    ("names", "scripts"),
    [
        (["sha256sum"], {}),
        (["sha256sum"], {"openssl": "echo unknown option -r >&2; exit 1"}),
        (["shasum"], {"sha256sum": "exit 1"}),
        (["openssl"], {}),
    ],
)
def test_any_program_will_do(
    new_sshd: NewServer, tmp_path: Path, names: list[str], scripts: dict[str, str]
) -> None:
    server = new_sshd(subsystem=SFTP_SERVER, **programs(*names, **scripts))
    source, sha256 = new_file(tmp_path, BIG)
    with watched(server) as (destination, traffic):
        destination.put(source, sha256)
        assert traffic.sent < FEW
        assert read(destination) == source.read_bytes()


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ({"subsystem": "internal-sftp"}, "Starting session: forced-command"),
        ({"subsystem": SFTP_SERVER, "ForceCommand": SFTP_SERVER}, "forced-command"),
        ({"subsystem": "internal-sftp", "chroot": True}, "Starting session: forced-command"),
        ({"subsystem": "internal-sftp", "chroot": True, "ForceCommand": "none"}, "command for"),
        ({"subsystem": SFTP_SERVER, "MaxSessions": "1"}, "no more sessions"),
    ],
    ids=["forced internal-sftp", "forced sftp-server", "chroot", "chroot without a shell", "one"],
)
def test_where_no_program_may_run_it_is_read_back_and_one_is_asked_for_once(
    new_sshd: NewServer, tmp_path: Path, options: dict[str, Any], asked: str
) -> None:
    if "chroot" in options and os.geteuid() != 0:
        pytest.skip("only root may change a root folder")
    server = new_sshd(LogLevel="VERBOSE", **options)
    folder = "/home/copies" if "chroot" in options else f"{server.home}/copies"
    source, sha256 = new_file(tmp_path, BIG)
    other, other_sha256 = new_file(tmp_path, BIG, OTHER)
    with watched(server, folder=folder) as (destination, traffic):
        assert all(step.ok for step in destination.check())
        before = server.log.count(asked)
        destination.put(source, sha256)
        destination.put(other, other_sha256)
        assert 2 * BIG < traffic.sent < 2 * BIG + 2 * FEW
        assert server.log.count(asked) == before + 1
        assert read(destination) == source.read_bytes()


@pytest.mark.parametrize(
    "script",
    [
        f"echo '{WRONG} *stdin'",
        "echo Welcome to this server; sha256sum",
        "sha256sum | tr a-f A-F",
        "sha256sum | cut -c 1-63",
        "sha256sum | sed 's/ .*/0/'",
        "echo Not here; exit 1",
        "exit 0",
        "kill -9 $PPID",
        "exec cat /dev/zero",
        "exec yes",
        "exec tr '\\0' '\\n' </dev/zero",
        "exec cat /dev/zero >&2",
    ],
)
def test_whatever_else_a_program_says_is_not_trusted_and_not_asked_for_again(
    new_sshd: NewServer, tmp_path: Path, script: str
) -> None:
    mark = run.run_folder() / f"asked-{os.urandom(4).hex()}"
    mark.touch()
    mark.chmod(0o666)
    tools = ("sha256sum", "cat", "cut", "sed", "tr", "yes")
    found = programs(*tools, openssl=f"echo x >>{mark}\n{script}")
    server = new_sshd(subsystem=SFTP_SERVER, LogLevel="VERBOSE", **found)
    source, sha256 = new_file(tmp_path, BIG)
    other, other_sha256 = new_file(tmp_path, BIG, OTHER)
    with watched(server, timeout=20) as (destination, traffic):
        destination.put(source, sha256)
        destination.put(other, other_sha256)
        assert 2 * BIG < traffic.sent < 2 * BIG + 2 * FEW
        assert read(destination) == source.read_bytes()
        assert read(destination, OTHER) == other.read_bytes()
    assert mark.read_text() == "x\n"


def test_a_login_shell_that_prints_something_costs_no_copy(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may make a user with a login shell of its own")
    folder = run.run_folder()
    shell = new_script(folder / "welcoming-shell", 'echo Welcome\nexec /bin/sh "$@"')
    user = sshd.new_user(shell)
    try:
        with sshd.running_sshd(folder, user, ForceCommand="none") as server:
            source, sha256 = new_file(tmp_path, BIG)
            with watched(server) as (destination, traffic):
                destination.put(source, sha256)
                assert traffic.sent > BIG
                assert read(destination) == source.read_bytes()
    finally:
        sshd.remove_user(user)


def test_a_program_that_hangs_is_left_after_its_time(new_sshd: NewServer, tmp_path: Path) -> None:
    server = new_sshd(subsystem=SFTP_SERVER, **programs("sleep", openssl="exec sleep 777"))
    source, sha256 = new_file(tmp_path, BIG)
    with watched(server, timeout=5) as (destination, traffic):
        began = time.monotonic()
        for name in (NAME, OTHER):
            destination.put(source.rename(tmp_path / name), sha256)
        assert time.monotonic() - began < 240
        assert traffic.sent > 2 * BIG
        assert read(destination) == read(destination, OTHER)


def test_a_long_file_is_hashed_for_longer_than_a_server_may_be_silent(
    new_sshd: NewServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Ten seconds for these bytes are not enough where everything else is at work, too.
    monkeypatch.setattr("trustbackup.destinations.sftp.digest._SLOWEST", 4_000_000)
    slow = programs("sleep", "sha256sum", openssl="sleep 8; exec sha256sum")
    server = new_sshd(subsystem=SFTP_SERVER, **slow)
    source, sha256 = new_file(tmp_path, 200_000_000)
    with watched(server, timeout=5) as (destination, traffic):
        destination.put(source, sha256)
        assert traffic.sent < 2_000_000


def test_one_may_cancel_while_a_program_hashes(new_sshd: NewServer, tmp_path: Path) -> None:
    server = new_sshd(subsystem=SFTP_SERVER, **programs("sleep", openssl="exec sleep 777"))
    source, sha256 = new_file(tmp_path, BIG)

    def written(_done: int) -> None:
        if is_running(server, "sleep 777"):
            raise Cancelled

    with watched(server) as (destination, traffic):
        began = time.monotonic()
        with pytest.raises(Cancelled):
            destination.put(source, sha256, written)
        assert time.monotonic() - began < 240
        assert traffic.sent < FEW
        assert destination.list() == []
    assert all_files(server.home) == {}


def test_a_program_that_finds_another_content_is_not_believed_at_once(
    new_sshd: NewServer, tmp_path: Path
) -> None:
    server = new_sshd(subsystem=SFTP_SERVER)
    source, sha256 = new_file(tmp_path, BIG)
    with watched(server) as (destination, traffic):
        destination.put(source, sha256)
        flip(server.home / "copies" / NAME)
        assert traffic.sent < FEW
        with refused(NAME, "another content", permanent=True):
            destination.put(source, sha256)
        assert traffic.sent > BIG


def test_a_small_file_is_not_worth_a_program(new_sshd: NewServer, tmp_path: Path) -> None:
    server = new_sshd(subsystem=SFTP_SERVER, LogLevel="VERBOSE")
    with watched(server) as (destination, _traffic):
        destination.put(*new_file(tmp_path, 100_000))
        assert "Starting session: command" not in server.log
        destination.put(*new_file(tmp_path, BIG, OTHER))
        assert server.log.count("Starting session: command") == 1


def test_a_program_that_goes_on_after_its_answer_is_cut_off(
    new_sshd: NewServer, tmp_path: Path
) -> None:
    talker = "sha256sum; while sleep 0.2; do echo more; done"
    server = new_sshd(subsystem=SFTP_SERVER, **programs("sha256sum", "sleep", openssl=talker))
    with watched(server) as (destination, traffic):
        destination.put(*new_file(tmp_path, BIG))
        wait_for(lambda: not is_running(server, "openssl"))
        assert traffic.sent < FEW


ODD = "/a b/-'\"`$(id)\\0101\\x41;|&*?[!]{}~#%s%%\n\tü\x7f/…"


@pytest.mark.parametrize(
    "shell", [name for name in ("sh", "bash", "zsh", "tcsh", "fish", "mksh") if shutil.which(name)]
)
def test_every_shell_hands_the_path_on_as_it_is(tmp_path: Path, shell: str) -> None:
    folder = Path(f"{tmp_path}{ODD}")
    folder.mkdir(parents=True)
    source, sha256 = new_file(folder, 1000)
    ran = subprocess.run(
        [shell, "-c", digest.command(str(source))], capture_output=True, check=True, cwd=tmp_path
    )
    assert ran.stdout.split()[0].decode() == sha256
    assert list(tmp_path.rglob(NAME)) == [source]


def test_a_command_has_nothing_in_it_that_a_shell_could_take_for_something_else() -> None:
    usual, odd = digest.command(f"/srv/{NAME}"), digest.command(f"/srv{ODD}/{NAME}")
    assert set(odd) <= set(usual) | set("\\x0123456789")
    assert odd.count("'") == usual.count("'") == 2


@pytest.mark.parametrize("answers", [0, 1])
def test_a_server_that_does_not_answer_is_not_waited_for(new_sshd: NewServer, answers: int) -> None:
    server = new_sshd(subsystem=SFTP_SERVER)
    with running_proxy(server.port) as proxy:
        connection = Connection(config_of(server, timeout=5, port=proxy.port))
        session = connection.open()
        passed: list[int] = []

        def only_the_first(data: bytes, _before: int) -> bytes:
            passed.append(len(data))
            return data if len(passed) <= answers else b""

        proxy.down = only_the_first
        began = time.monotonic()
        with contextlib.closing(connection), contextlib.suppress(TimeoutError):
            asked = digest.Question(session, "/etc/passwd", 2_000_000)
            assert not asked.confirms("0" * 64, lambda: None)
        assert time.monotonic() - began < 120
