"""Attacks 3, 5, 18, 19, 20 and 26 at S3: bad TLS, names, addresses, missing rights."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.buckets import Bucket, through
from tests.support.certificates import self_signed
from tests.support.s3_proxy import Proxy, proxy_to
from trustbackup.destinations.base import Destination, DestinationError, Step
from trustbackup.destinations.s3.config import S3Config
from trustbackup.destinations.s3.destination import S3

NAME = "backup_2026-11-20_02-15-33.dump.gz"
CONTENT = b"a backup"


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(CONTENT)
    return path


def put(destination: Destination, path: Path) -> None:
    destination.put(path, hashlib.sha256(path.read_bytes()).hexdigest())


def refusal(action: Callable[[], object]) -> DestinationError:
    with pytest.raises(DestinationError) as caught:
        action()
    return caught.value


def last(destination: S3) -> Step:
    *_, step = destination.check()
    return step


# ------------------------------------------------------------------------------ TLS


def test_attack_3_a_certificate_that_nobody_vouches_for_is_refused(
    bucket: Bucket, backup: Path, tmp_path: Path
) -> None:
    context, _path = self_signed(tmp_path)
    with proxy_to(bucket.server.endpoint, context) as proxy:
        with through(bucket, proxy.endpoint).destination() as destination:
            step = last(destination)
            error = refusal(lambda: put(destination, backup))
        assert proxy.requests == [], "nothing may be said to it"
    assert (step.name, step.ok) == ("sign-in", False)
    for text in (step.detail, str(error)):
        assert "the server's certificate is not trusted (self-signed certificate)" in text
        assert "AWS_CA_BUNDLE" in text
    assert error.permanent


def test_attack_3_a_certificate_for_another_name_is_refused(
    bucket: Bucket, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, path = self_signed(tmp_path, "127.0.0.2")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(path))
    with proxy_to(bucket.server.endpoint, context) as proxy:
        with through(bucket, proxy.endpoint).destination() as destination:
            error = refusal(lambda: put(destination, backup))
        assert proxy.requests == []
    assert "certificate is not trusted" in str(error)


def test_attack_3_an_authority_that_the_operator_names_is_trusted(
    bucket: Bucket, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, path = self_signed(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(path))
    with proxy_to(bucket.server.endpoint, context) as proxy:
        destination = through(bucket, proxy.endpoint).destination()
        with destination:
            put(destination, backup)
    assert bucket.content(f"copies/shop/{NAME}") == CONTENT


def test_attack_3_a_server_without_tls_is_refused_unless_http_is_written_out(
    bucket: Bucket, backup: Path
) -> None:
    plain = bucket.server.endpoint.removeprefix("http://")
    with through(bucket, plain).destination() as destination:
        assert destination.config.endpoint == f"https://{plain}"
        error = refusal(lambda: put(destination, backup))
    assert "does not speak TLS" in str(error)
    assert "write http://" in error.todo
    assert bucket.keys() == []


def test_attack_3_an_endpoint_of_the_environment_leads_nowhere_else(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy_to(bucket.server.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint)
        with S3(S3Config(bucket="copies", region="eu-west-1")) as destination:
            assert destination._client.meta.endpoint_url.startswith("https://")
            assert destination._client.meta.endpoint_url.endswith(".amazonaws.com")


# --------------------------------------------------------------------------- secrets


def test_attack_5_no_secret_is_in_an_error_or_its_traceback(bucket: Bucket, backup: Path) -> None:
    secret = "c4n4ry-s3cret"
    with bucket.destination(secret_key=secret, session_token=f"{secret}-token") as destination:
        error = refusal(lambda: put(destination, backup))
        step = last(destination)
    shown = "".join(traceback.format_exception(error)) + repr(error) + step.detail
    assert secret not in shown
    assert secret not in repr(destination.config) + destination.address


# ----------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    "key",
    [
        "../backup_2026-11-20_02-15-33.dump.gz",
        "backup_2026-11-20_02-15-33\n.dump.gz",
        "<script>alert(1)</script>",
        "-rf",
        "backup_2026-11-20_02-15-33.dump.gz/x",
        "backup_../../etc/passwd.dump.gz",
        "backup_2026-11-20_02-15-33.%2e%2e%2f.dump.gz",
    ],
)
def test_attack_18_what_has_no_name_of_ours_is_not_seen_nor_touched(
    bucket: Bucket, tmp_path: Path, key: str
) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key=f"copies/shop/{key}", Body=b"x")
    keys = bucket.keys()
    with bucket.destination() as destination:
        assert destination.list() == []
        for action in (destination.stat, destination.open, destination.delete):
            assert refusal(lambda action=action: action(key)).permanent  # type: ignore[misc]
    assert bucket.keys() == keys


@pytest.mark.parametrize(
    "prefix", ["a b", 'it\'s "quoted"', "--delete", "$(id);`id`", "ü/ß/%2F", "a+b&c=d?e#f", "*"]
)
def test_attack_19_a_prefix_is_literal(bucket: Bucket, backup: Path, prefix: str) -> None:
    with bucket.destination(prefix=prefix) as destination:
        put(destination, backup)
        assert [stored.name for stored in destination.list()] == [NAME]
        stored = destination.stat(NAME)
        assert stored is not None
        assert stored.size == len(CONTENT)
        with destination.open(NAME) as stream:
            assert stream.read() == CONTENT
        assert bucket.keys() == [f"{prefix}/{NAME}"]
        destination.delete(NAME)
    assert bucket.keys() == []


@pytest.mark.parametrize("name", ["", "a b", "a;id", "--x", "a/b", "../a", "a\nb", "a" * 300])
def test_attack_19_a_bucket_of_an_impossible_name_is_refused(name: str) -> None:
    assert "no bucket's name" in str(refusal(lambda: S3Config(bucket=name)))


# ------------------------------------------------------------------------- addresses


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
    assert 'TRUSTBACKUP["ALLOWED_HOSTS"]' in str(error)
    with bucket.destination(allowed_hosts=("127.0.0.1",)) as destination:
        put(destination, backup)


def config_at(endpoint: str) -> S3Config:
    return S3Config(bucket="copies", endpoint=endpoint, access_key="a", secret_key="b")


# ---------------------------------------------------------------------------- rights


def test_attack_26_credentials_that_may_not_delete_copy_and_say_so(
    moto_bucket: Bucket, backup: Path
) -> None:
    everything = f"arn:aws:s3:::{moto_bucket.name}/*"
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": everything}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    moto_bucket.client.put_bucket_policy(Bucket=moto_bucket.name, Policy=policy)
    with moto_bucket.destination() as destination:
        put(destination, backup)
        error = refusal(lambda: destination.delete(NAME))
        *passed, step = destination.check()
    assert f"{NAME} was not deleted from {destination.address}" in str(error)
    assert "these credentials may not delete" in str(error)
    assert error.permanent
    assert all(item.ok for item in passed)
    assert (step.name, step.ok) == ("delete", False)
    assert ".trustbackup-test-" in step.detail, "what stays is named"
    assert moto_bucket.content(f"copies/shop/{NAME}") == CONTENT


def test_reading_keeps_no_object_in_memory(bucket: Bucket, tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / NAME
    path.write_bytes(bytes(40 << 20))
    threads = threading.active_count()
    with bucket.destination() as destination:
        put(destination, path)
        tracemalloc.start()
        try:
            with destination.open(NAME) as stream:
                read = sum(len(piece) for piece in iter(lambda: stream.read(1 << 20), b""))
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert read == 40 << 20
    assert peak < 10 << 20
    assert threading.active_count() == threads
