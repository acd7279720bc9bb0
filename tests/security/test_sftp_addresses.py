"""Attack 20 at SFTP: link-local addresses, second answers, hosts that are not named."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.support.copies import refused, sftp
from tests.support.sshd import Server
from trustbackup.destinations import network
from trustbackup.destinations.sftp.backend import Sftp
from trustbackup.destinations.sftp.config import SftpConfig


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.0.1",
        "2852039166",  # the same address, as one number
        "0xa9.0xfe.0xa9.0xfe",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "fe80::1",
        "fe80::1%lo",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
    ],
)
def test_attack_20_link_local_and_metadata_addresses_are_refused(host: str) -> None:
    with refused("link-local", permanent=True):
        network.endpoints(host, 22, timeout=20)
    with refused("link-local", permanent=True), Sftp(SftpConfig(host=host, user="u")) as sftp:
        sftp.list()


def test_attack_20_private_and_loopback_addresses_are_allowed_unless_hosts_are_named() -> None:
    for host in ("127.0.0.1", "::1", "10.1.2.3", "192.168.1.9", "fd12::1", "localhost"):
        assert network.endpoints(host, 22, timeout=20)
    for allowed in ("nas.example", "10.0.0.0/8", ".example", "127.0.0.2"):
        with refused("127.0.0.1", "DESTINATION_HOSTS", permanent=True):
            network.endpoints("127.0.0.1", 22, timeout=20, allowed_hosts=[allowed])
    for allowed in ("localhost", "127.0.0.0/8", "LOCALHOST."):
        network.must_be_allowed("localhost", "127.0.0.1", [allowed])
    network.must_be_allowed("nas.example", "10.0.0.1", [".example"])
    with refused("link-local", permanent=True):
        network.must_be_allowed("nas.example", "169.254.169.254", ["nas.example", "0.0.0.0/0"])


def test_attack_20_a_second_answer_of_the_name_server_leads_nowhere(
    shared_sshd: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def answer(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "169.254.169.254"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    with sftp(shared_sshd, host="nas.example") as destination:
        assert all(step.ok for step in destination.check())
        assert asked == ["nas.example"]
        destination.close()
        with refused("nas.example", "link-local", permanent=True):
            destination.list()


def test_attack_20_one_bad_address_among_good_ones_refuses_the_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 22))
        for address in ("127.0.0.1", "169.254.169.254")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with refused("nas.example", "link-local", permanent=True):
        network.endpoints("nas.example", 22, timeout=20)
