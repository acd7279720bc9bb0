"""An SFTP destination at a real sshd: keys, folders, servers of many kinds, bad input."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import sshd
from tests.support.copies import NAME, all_files, new_file, read, refused, sftp
from tests.support.ports import free_port
from tests.support.proxy import running_proxy
from tests.support.sshd import SFTP_SERVER, Server
from trustbackup.destinations.base import DestinationError
from trustbackup.destinations.sftp import keys
from trustbackup.destinations.sftp.connection import fetch_host_key

NewServer = Callable[..., Server]


@pytest.mark.parametrize("kind", sshd.KEY_TYPES)
@pytest.mark.parametrize("pem", [False, True])
@pytest.mark.parametrize("passphrase", ["", "pässphrase with blanks"])
def test_keys_of_each_type_and_form_sign_in(
    shared_sshd: Server, tmp_path: Path, kind: str, pem: bool, passphrase: str
) -> None:
    line = sshd.new_key(tmp_path / "key", kind, passphrase=passphrase, pem=pem)
    shared_sshd.authorize(line)
    text = (tmp_path / "key").read_text()
    assert keys.public_line(text, passphrase).split()[:2] == line.split()[:2]
    # As a form sends it, and with a passphrase that nobody asked for.
    pasted = "\r\n".join(["", *text.splitlines(), ""])
    given = {"private_key": pasted, "passphrase": passphrase or "unneeded"}
    with sftp(shared_sshd, folder="keys", **given) as destination:
        assert all(step.ok for step in destination.check())


def test_a_key_pair_of_our_own_signs_in(shared_sshd: Server, tmp_path: Path) -> None:
    pair = keys.new_key_pair("shop at\nwww.example.com")
    assert pair.public.startswith("ssh-ed25519 ")
    assert pair.public.endswith(" shop at www.example.com")
    with sftp(shared_sshd, private_key=pair.private) as destination:
        with refused("does not know the private key", "authorized_keys", permanent=True):
            destination.list()
        shared_sshd.authorize(pair.public)
        assert all(step.ok for step in destination.check())
    (tmp_path / "key").write_text(pair.private)
    (tmp_path / "key").chmod(0o600)
    assert sshd.public_of(tmp_path / "key") == " ".join(pair.public.split()[:2])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", "PuTTY"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI me", "public half"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "public half"),
        ("password", "does not begin"),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n-----END OPENSSH PRIVATE KEY-----",
            "whole",
        ),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n", "whole"),
        ("-----BEGIN FOREIGN PRIVATE KEY-----\nMIIE\n-----END FOREIGN PRIVATE KEY-----", "key"),
    ],
)
def test_what_is_no_private_key_is_refused(shared_sshd: Server, text: str, said: str) -> None:
    with (
        sftp(shared_sshd, private_key=text) as destination,
        refused("private key", said, permanent=True),
    ):
        destination.list()


def test_a_key_of_an_unknown_type_is_refused(shared_sshd: Server) -> None:
    with (
        sftp(shared_sshd, private_key=sshd.x25519_key()) as destination,
        refused("its type is none of ed25519, ECDSA", permanent=True),
    ):
        destination.list()


@pytest.mark.parametrize(
    ("changes", "said", "permanent"),
    [
        ({"host": ""}, "host is blank", True),
        ({"host": "   "}, "host is blank", True),
        ({"host": "no-such-host.invalid"}, "not found", False),
        ({"host": "a" * 300}, "not found", True),
        ({"port": 0}, "1 to 65535", True),
        ({"port": -1}, "1 to 65535", True),
        ({"port": 99999999}, "1 to 65535", True),
        ({"user": ""}, "user is blank", True),
        ({"user": "nobody-of-that-name"}, "name or the password is wrong", True),
        ({"password": "wrong"}, "name or the password is wrong", True),
        ({"password": ""}, "neither a private key nor a password", True),
        ({"folder": "/etc/passwd"}, "not a folder", True),
        ({"folder": "/proc/forbidden"}, "", False),
    ],
)
def test_bad_input_is_a_sentence_in_calls_and_in_the_connection_test(
    shared_sshd: Server, tmp_path: Path, changes: dict[str, object], said: str, permanent: bool
) -> None:
    with sftp(shared_sshd, **changes) as destination:
        with refused(said, permanent=permanent):
            destination.put(*new_file(tmp_path))
        steps = list(destination.check())
    assert [step.ok for step in steps] == [True] * (len(steps) - 1) + [False]
    assert said in steps[-1].detail


def test_a_port_where_nothing_listens_is_refused(shared_sshd: Server) -> None:
    port = free_port()
    with (
        sftp(shared_sshd, port=port) as destination,
        refused(str(port), "nothing listens there", permanent=False),
    ):
        destination.list()
    with refused("nothing listens there", permanent=False):
        fetch_host_key("127.0.0.1", port)


def test_what_is_no_ssh_server_is_said(shared_sshd: Server) -> None:
    with running_proxy(shared_sshd.port) as proxy:
        for answer in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 100, None):
            proxy.down = lambda _data, _before, answer=answer: answer  # type: ignore[misc]
            with (
                sftp(shared_sshd, port=proxy.port, timeout=10) as destination,
                refused("does not answer as an SSH server", permanent=False),
            ):
                destination.list()


def test_a_server_without_sftp_is_said(new_sshd: NewServer) -> None:
    server = new_sshd(ForceCommand="echo hello", Subsystem="other internal-sftp")
    with (
        sftp(server) as destination,
        refused("does not offer SFTP", "did not begin", permanent=True),
    ):
        destination.list()


def test_a_server_that_takes_no_passwords_says_what_it_takes(new_sshd: NewServer) -> None:
    server = new_sshd(PasswordAuthentication="no")
    with (
        sftp(server) as destination,
        refused("does not take a password", "publickey", permanent=True),
    ):
        destination.list()


def test_a_server_that_wants_more_than_one_proof_is_said(new_sshd: NewServer) -> None:
    server = new_sshd(AuthenticationMethods="password,publickey")
    with sftp(server) as destination, refused("asks for more", "publickey", permanent=True):
        destination.list()


def test_a_server_with_unusable_methods_is_said(new_sshd: NewServer) -> None:
    server = new_sshd(Ciphers="chacha20-poly1305@openssh.com")
    with sftp(server) as destination, refused("can't be talked to", permanent=True):
        destination.list()


@pytest.mark.parametrize("absolute", [False, True])
def test_a_folder_is_made_with_its_parents(
    shared_sshd: Server, tmp_path: Path, absolute: bool
) -> None:
    name = f"made-{os.urandom(4).hex()}"
    folder = f"{shared_sshd.home}/{name}/a/b" if absolute else f"~/{name}/a//b/"
    with sftp(shared_sshd, folder=folder) as destination:
        destination.put(*new_file(tmp_path, 1000))
        assert destination.address.endswith(f"/{name}/a/b")
        assert ("//" in destination.address.removeprefix("sftp://")) is absolute
        assert shared_sshd.user.password not in destination.address
    assert list(all_files(shared_sshd.home / name / "a/b")) == [NAME]
    assert (shared_sshd.home / name).stat().st_mode & 0o777 == 0o700


def test_no_folder_is_where_a_session_begins(new_sshd: NewServer, tmp_path: Path) -> None:
    server = new_sshd()
    with sftp(server, folder="") as destination:
        destination.put(*new_file(tmp_path, 1000))
        assert destination.address.endswith(f":{server.port}/")
    assert list(all_files(server.home)) == [NAME]


def test_it_works_in_a_chroot(new_sshd: NewServer, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may change a root folder")
    server = new_sshd(chroot=True)
    source, sha256 = new_file(tmp_path)
    for folder in ("copies", "/home/others"):
        with sftp(server, folder=folder) as destination:
            steps = list(destination.check())
            assert all(step.ok for step in steps), steps
            destination.put(source, sha256)
            assert read(destination) == source.read_bytes()
    assert set(all_files(server.home)) == {f"copies/{NAME}", f"others/{NAME}"}
    with sftp(server, folder="/above") as destination, refused("does not permit", permanent=True):
        destination.put(source, sha256)


@pytest.mark.parametrize("subsystem", ["internal-sftp", SFTP_SERVER, f"{SFTP_SERVER} -P limits"])
def test_a_connection_that_was_lost_is_made_anew(
    new_sshd: NewServer, tmp_path: Path, subsystem: str
) -> None:
    server = new_sshd(subsystem=subsystem)
    source, sha256 = new_file(tmp_path)
    with sftp(server) as destination:
        destination.put(source, sha256)
        server.kill_sessions()
        # Whoever asks before the loss has been noticed is told; whoever asks then is not.
        with contextlib.suppress(DestinationError):
            destination.list()
        found = destination.list()
        assert [item.name for item in found] == [NAME]
        destination.close()
        assert read(destination) == source.read_bytes()


def test_uploads_that_were_given_up_are_removed(new_sshd: NewServer, tmp_path: Path) -> None:
    server = new_sshd()
    with sftp(server) as destination:
        assert all(step.ok for step in destination.check())
        folder = server.home / "copies" / ".uploads"
        old, new = (folder / f"{NAME}.{digit * 16}.part" for digit in "12")
        foreign = folder / "foreign"
        for path in (old, new, foreign):
            path.touch()
        for path in (old, foreign):
            os.utime(path, (0, 0))
        destination.put(*new_file(tmp_path))
        assert set(folder.iterdir()) == {new, foreign}


def test_keys_may_be_exchanged_again_in_the_middle_of_a_file(
    new_sshd: NewServer, tmp_path: Path
) -> None:
    server = new_sshd(RekeyLimit="2M", LogLevel="DEBUG1")
    source, sha256 = new_file(tmp_path, 12_000_000)
    with sftp(server) as destination:
        destination.put(source, sha256)
        assert read(destination) == source.read_bytes()
    assert server.log.count("SSH2_MSG_NEWKEYS received") > 5
