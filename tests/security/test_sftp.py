"""Attacks 1, 2, 5, 9, 18, 19, 20 and 27 at a real sshd."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import sshd
from tests.support.copies import NAME, all_files, config_of, new_file, read, refused, sftp
from tests.support.hashing import watched
from tests.support.sshd import Server
from trustbackup.destinations.base import DestinationBackend, DestinationError
from trustbackup.destinations.folder.backend import Folder
from trustbackup.destinations.folder.config import FolderConfig
from trustbackup.destinations.sftp.backend import Sftp
from trustbackup.destinations.sftp.connection import fetch_host_key
from trustbackup.destinations.sftp.host_keys import ChangedHostKey, UnknownHostKey

NewServer = Callable[..., Server]
CANARY = "canary-7f3d9b2e"


def asked_to_sign_in(server: Server) -> bool:
    """Whether anybody has named a user to a server whose log tells everything."""
    return "userauth-request" in server.log


@pytest.mark.parametrize("left", sshd.KEY_TYPES)
def test_attack_1_a_changed_host_key_is_refused_before_anybody_signs_in(
    new_sshd: NewServer, tmp_path: Path, left: str
) -> None:
    # Of three servers, one has a new key of the pinned type; two have none of it any more.
    server = new_sshd(LogLevel="DEBUG1", host_keys=[left])
    sshd.new_key(tmp_path / "former", "ed25519")
    destination = sftp(server, host_key=(tmp_path / "former.pub").read_text())
    with destination, pytest.raises(ChangedHostKey) as caught:
        destination.list()
    assert caught.value.permanent
    assert server.fingerprint(left) in str(caught.value)
    assert sshd.fingerprint_of(tmp_path / "former.pub") in str(caught.value)
    steps = list(destination.check())
    assert [(step.name, step.ok) for step in steps[-2:]] == [
        ("connection", True),
        ("host key", False),
    ]
    assert not asked_to_sign_in(server)


@pytest.mark.parametrize("kind", sshd.KEY_TYPES)
def test_attack_1_a_pinned_key_of_each_type_is_the_one_that_is_asked_for(
    shared_sshd: Server, kind: str
) -> None:
    pinned = shared_sshd.host_key(kind)
    for text in (pinned, f"[127.0.0.1]:22 {pinned} operator's remark\n"):
        with sftp(shared_sshd, host_key=text) as destination:
            steps = list(destination.check())
        assert all(step.ok for step in steps), steps
        assert steps[2].detail == shared_sshd.fingerprint(kind)


def test_attack_2_an_unknown_host_key_is_refused_until_it_is_confirmed(
    new_sshd: NewServer,
) -> None:
    server = new_sshd(LogLevel="DEBUG1")
    with sftp(server, host_key="") as destination:
        with pytest.raises(UnknownHostKey) as caught:
            destination.list()
        assert [step.name for step in destination.check()][-1] == "host key"
    assert caught.value.permanent
    assert caught.value.fingerprint == server.fingerprint()
    assert server.fingerprint() in str(caught.value)
    shown = fetch_host_key(server.host, server.port)
    assert shown.fingerprint == server.fingerprint()
    assert not asked_to_sign_in(server)
    assert shown.line == caught.value.key == server.host_key()
    with sftp(server, host_key=shown.line) as destination:
        assert all(step.ok for step in destination.check())
    assert asked_to_sign_in(server)


@pytest.mark.parametrize("text", ["no key", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-rsa !"])
def test_attack_2_a_pinned_key_that_can_not_be_read_is_no_key(
    shared_sshd: Server, text: str
) -> None:
    with (
        sftp(shared_sshd, host_key=text) as destination,
        refused("host key can't be read", permanent=True),
    ):
        destination.list()


def test_attack_5_no_secret_is_in_a_log_an_error_or_a_representation(
    shared_sshd: Server, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    key = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{CANARY}\n-----END OPENSSH PRIVATE KEY-----"
    said = []
    for secrets in (
        {"password": CANARY},
        {"password": CANARY, "host_key": ""},
        {"password": CANARY, "port": 1},
        {"private_key": key, "passphrase": CANARY},
        {"private_key": CANARY},
    ):
        config = config_of(shared_sshd, **secrets)
        with Sftp(config) as destination:
            with pytest.raises(DestinationError) as caught:
                destination.list()
            said += [repr(config), destination.address, repr(caught.value), str(caught.value)]
            said += [step.detail for step in destination.check()]
    captured = capfd.readouterr()
    everything = "\n".join([*said, caplog.text, captured.out, captured.err])
    assert CANARY not in everything
    assert "Traceback" not in everything
    assert not [record for record in caplog.records if "paramiko" in record.name]


@pytest.mark.parametrize("where", ["final", "upload", "folder"])
def test_attack_9_a_planted_link_is_not_followed(
    shared_sshd: Server, tmp_path: Path, where: str
) -> None:
    name = f"attack-9-{os.urandom(4).hex()}"
    places: list[tuple[DestinationBackend, Path]] = [
        (Folder(FolderConfig(tmp_path / "copies")), tmp_path / "copies"),
        (sftp(shared_sshd, folder=name), shared_sshd.home / name),
    ]
    source, sha256 = new_file(tmp_path / "source")
    for destination, folder in places:
        with destination:
            assert all(step.ok for step in destination.check())
            victim = folder / "victim"
            victim.mkdir() if where == "folder" else victim.write_text("good")
            if where == "folder":
                (folder / ".uploads").rmdir()
            link = {
                "final": folder / NAME,
                "upload": folder / ".uploads" / f"{NAME}.{sha256[:16]}.part",
                "folder": folder / ".uploads",
            }[where]
            link.symlink_to(victim)
            if where == "upload":  # an upload's own name is ours: the link makes room
                destination.put(source, sha256)
                assert read(destination) == source.read_bytes()
            else:
                with pytest.raises(DestinationError) as caught:
                    destination.put(source, sha256)
                assert caught.value.permanent
                assert link.is_symlink()
            if where == "final":
                with refused(NAME, permanent=True):
                    read(destination)
                assert destination.list() == []
            if where == "folder":
                assert list(victim.iterdir()) == []
            else:
                assert victim.read_text() == "good"


def test_attack_18_remote_names_of_others_are_ignored(shared_sshd: Server, tmp_path: Path) -> None:
    name = f"attack-18-{os.urandom(4).hex()}"
    with sftp(shared_sshd, folder=name) as destination:
        destination.put(*new_file(tmp_path, 1000))
        folder = os.fsencode(shared_sshd.home / name)
        for foreign in (
            b"-rf",
            b"<script>alert(1)<script>",
            b"backup_2026-11-20_02-15-33.dump.gz\n",
            b"backup_2026-11-20_02-15-33\n.dump.gz",
            b"backup_<script>.dump.gz",
            b"caf\xe9.dump.gz",
            b"backup_caf\xe9.dump.gz",
            b"..hidden",
        ):
            with open(folder + b"/" + foreign, "wb"):  # noqa: PTH123 - no path that pathlib takes
                pass
        assert [item.name for item in destination.list()] == [NAME]


ODD_FOLDERS = [
    "a b",
    "it's; touch /tmp/x",
    "$(id)",
    "--help",
    "`id`",
    'say "hi"',
    "häuser/ünd",
    "a/b/c",
    "*",
    "-\n; id",
    "\\0101\\'; id #",
    "%s%n!!",
]


@pytest.mark.parametrize("folder", ODD_FOLDERS)
def test_attack_19_odd_folders_are_taken_literally(
    shared_sshd: Server, tmp_path: Path, folder: str
) -> None:
    unique = f"{folder}-{os.urandom(4).hex()}"
    with sftp(shared_sshd, folder=unique) as destination:
        destination.put(*new_file(tmp_path, 1000))
        assert list(all_files(shared_sshd.home / unique)) == [NAME]
        assert "\n" not in destination.address
        assert " " not in destination.address


def test_attack_19_a_program_there_gets_odd_folders_literally(
    new_sshd: NewServer, tmp_path: Path
) -> None:
    server = new_sshd(subsystem=sshd.SFTP_SERVER)
    source, sha256 = new_file(tmp_path)
    folders = [prefix + folder for folder in ODD_FOLDERS for prefix in ("", f"{server.home}/abs")]
    for folder in folders:
        with watched(server, folder=folder) as (destination, traffic):
            destination.put(source, sha256)
            # It is not read back: the program has found this very file.
            assert traffic.sent < 300_000, folder
    assert set(all_files(server.home)) == {
        f"{folder.removeprefix(f'{server.home}/')}/{NAME}" for folder in folders
    }


@pytest.mark.parametrize("odd", ["-oProxyCommand=id", "a b", "x\ny", "'; id", "a@b", "\0", "ü"])
def test_attack_19_odd_users_and_hosts_are_taken_literally(shared_sshd: Server, odd: str) -> None:
    with sftp(shared_sshd, user=odd) as destination, refused("not signed in", permanent=True):
        destination.list()
    with sftp(shared_sshd, host=odd) as destination, pytest.raises(DestinationError) as caught:
        destination.list()
    assert "not found" in str(caught.value)


@pytest.mark.parametrize("kind", sshd.KEY_TYPES)
@pytest.mark.parametrize("pem", [False, True])
def test_attack_27_a_key_that_asks_for_a_passphrase_is_refused_and_nobody_is_asked(
    shared_sshd: Server, tmp_path: Path, kind: str, pem: bool
) -> None:
    line = sshd.new_key(tmp_path / "key", kind, passphrase=CANARY, pem=pem)
    shared_sshd.authorize(line)
    config = config_of(shared_sshd, private_key=(tmp_path / "key").read_text(), password="")
    for passphrase, said in (("", "needs a passphrase"), ("wrong", "the passphrase is wrong")):
        with (
            Sftp(replace(config, passphrase=passphrase)) as destination,
            refused("private key", said, permanent=True),
        ):
            destination.list()
    with Sftp(replace(config, passphrase=CANARY)) as destination:
        assert all(step.ok for step in destination.check())
