"""Attack 20 at S3: link-local addresses, redirects and hosts that are not allowed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.buckets import Bucket, through
from tests.support.s3_attacks import CONTENT, NAME, last, put, refusal
from tests.support.s3_proxy import Proxy, proxy_to
from trustbackup.destinations.s3.backend import S3
from trustbackup.destinations.s3.config import S3Config


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "2852039166", "0xa9fea9fe"],
)
def test_attack_20_link_local_addresses_are_not_connected_to(backup: Path, host: str) -> None:
    with S3(config_at(f"http://{host}")) as destination:
        step = last(destination)
        error = refusal(lambda: put(destination, backup))
    for text in (step.detail, str(error)):
        assert "link-local or a cloud's metadata service" in text
    assert error.permanent


@pytest.fixture
def two_answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A name server whose second answer for "nas.test" is another than its first one."""
    answers: list[str] = []
    asked: list[str] = []
    real = socket.getaddrinfo

    def answer(host: Any, *arguments: Any, **options: Any) -> Any:
        if host != "nas.test":
            return real(host, *arguments, **options)
        asked.append(host)
        return real(answers[min(len(asked), len(answers)) - 1], *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    yield answers
    assert asked


def test_attack_20_every_connection_is_checked_anew(
    bucket: Bucket, backup: Path, two_answers: list[str]
) -> None:
    two_answers += ["127.0.0.1", "169.254.169.254"]
    with proxy_to(bucket.server.endpoint) as proxy:
        proxy.rule("PUT", NAME, cut_body=0)  # so that the client connects once more
        endpoint = proxy.endpoint.replace("127.0.0.1", "nas.test")
        with through(bucket, endpoint).destination() as destination:
            assert destination.list() == []
            error = refusal(lambda: put(destination, backup))
    assert "169.254.169.254 is link-local" in str(error)


def test_attack_20_a_redirect_is_not_followed_there(bucket: Bucket, backup: Path) -> None:
    with proxy_to(bucket.server.endpoint) as proxy, redirected(proxy) as destination:
        error = refusal(lambda: put(destination, backup))
    assert "does not speak the language of S3" in str(error)
    assert error.permanent
    assert bucket.keys() == []


@pytest.mark.parametrize("body", [b"<html><body>Welcome</body></html>", b"Welcome", b""])
def test_a_server_of_something_else_is_a_sentence(
    bucket: Bucket, backup: Path, body: bytes
) -> None:
    with proxy_to(bucket.server.endpoint) as proxy:
        for method in ("HEAD", "GET", "PUT"):
            proxy.rule(method, status=200, body=body)
        with through(bucket, proxy.endpoint).destination() as destination:
            refusal(lambda: put(destination, backup))
            refusal(lambda: destination.stat(NAME))
            refusal(lambda: destination.open(NAME))
            refusal(destination.list)
            assert not last(destination).ok


def redirected(proxy: Proxy) -> S3:
    body = b"<Error><Code>TemporaryRedirect</Code><Endpoint>169.254.169.254</Endpoint></Error>"
    for method in ("HEAD", "GET", "PUT"):
        proxy.rule(method, status=307, body=body, headers={"Location": "http://169.254.169.254/"})
    return S3(config_at(proxy.endpoint))


def test_attack_20_tidying_up_ends_nothing_when_the_address_is_refused() -> None:
    with S3(config_at("http://169.254.169.254")) as destination:
        assert destination._is_tidy


def test_attack_20_hosts_that_the_site_does_not_allow_are_not_connected_to(
    bucket: Bucket, backup: Path
) -> None:
    with bucket.destination(allowed_hosts=("10.0.0.0/8",)) as destination:
        error = refusal(lambda: put(destination, backup))
    assert 'TRUSTBACKUP["DESTINATION_HOSTS"]' in str(error)
    with bucket.destination(allowed_hosts=("127.0.0.1",)) as destination:
        put(destination, backup)


def config_at(endpoint: str) -> S3Config:
    return S3Config(bucket="copies", endpoint=endpoint, access_key="a", secret_key="b")
