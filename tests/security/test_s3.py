"""Attacks 3, 5, 18, 19, 20 and 26 at S3: bad TLS, names, addresses, missing rights."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import threading
import traceback
from pathlib import Path

import pytest

from tests.integration.test_connection_test_runs import answering
from tests.support.backups import wait_for
from tests.support.buckets import Bucket, through
from tests.support.certificates import self_signed
from tests.support.s3_attacks import CONTENT, NAME, last, put, refusal
from tests.support.s3_proxy import proxy_to
from trustbackup.destinations.base import DestinationError
from trustbackup.destinations.http_limits import LONGEST_ANSWER, Refused
from trustbackup.destinations.s3.backend import S3
from trustbackup.destinations.s3.client import new_client
from trustbackup.destinations.s3.config import S3Config


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(CONTENT)
    return path


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
    # A thread that has done its work is there for a moment longer.
    wait_for(lambda: threading.active_count() <= threads)


def test_case_s6_an_answer_that_comes_before_the_data_is_bounded_too() -> None:
    """Asked for "100 Continue" a server may answer at once, by a way past every limit."""

    def at_once(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n\r\n<Answer>")
        for _number in range(LONGEST_ANSWER // 100_000 + 1):
            connection.sendall(b"<Key>xxxx</Key>" * 6667)

    with answering(at_once) as port:
        config = S3Config(
            bucket="shop",
            region="eu-1",
            endpoint=f"http://127.0.0.1:{port}",
            access_key="a",
            secret_key="b",
        )
        with (
            contextlib.closing(new_client(config, patient=False)) as client,
            pytest.raises(Refused) as caught,
        ):
            client.put_object(Bucket="shop", Key="x", Body=io.BytesIO(b"x" * 100))
    assert "longer than any of such a service" in str(caught.value.error)


@pytest.mark.parametrize("size", [b"8000", b"ffffffff"], ids=["many pieces", "one large piece"])
def test_case_s6_an_answer_in_pieces_is_bounded_as_one_with_a_length_is(size: bytes) -> None:
    """The size of a piece is what the server says, and so is how many there are."""
    sent = 0

    def in_pieces(connection: socket.socket) -> None:
        nonlocal sent
        connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while sent < 16 * LONGEST_ANSWER:
            connection.sendall(b"%b\r\n%b\r\n" % (size, b"x" * 0x8000))
            sent += 0x8000

    with answering(in_pieces) as port:
        config = S3Config(
            bucket="shop",
            region="eu-1",
            endpoint=f"http://127.0.0.1:{port}",
            access_key="a",
            secret_key="b",
        )
        with S3(config) as destination, pytest.raises(DestinationError) as caught:
            destination.list()
    assert "longer than any of such a service" in str(caught.value)
    # What was on its way is in the system's buffers.
    assert sent < 3 * LONGEST_ANSWER
