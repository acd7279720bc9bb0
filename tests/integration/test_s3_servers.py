"""S3 servers that promise, answer or end otherwise than Amazon's."""

from __future__ import annotations

import gzip
import http.server
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage

from tests.support.buckets import Bucket, new_bucket, through
from tests.support.certificates import self_signed
from tests.support.copies import NAME, digest, new_file, read, refused
from tests.support.s3_proxy import proxy_to
from trustbackup.destinations import connection_test
from trustbackup.destinations.base import DestinationError
from trustbackup.destinations.s3.backend import S3
from trustbackup.destinations.s3.config import S3Config
from trustbackup.destinations.storage.backend import DjangoStorage
from trustbackup.destinations.storage.config import StorageConfig

LOCK = {"lock_mode": "COMPLIANCE", "lock_days": 1}


def failed(destination: Any) -> tuple[str, str]:
    """The step of the connection test that fails, and what it says."""
    steps = list(destination.check())
    assert not steps[-1].ok, steps
    return steps[-1].name, steps[-1].detail


def test_case_o2_a_server_that_takes_a_lock_and_drops_it_is_found_out(
    bucket: Bucket, tmp_path: Path
) -> None:
    source, sha256 = new_file(tmp_path, 1000)
    with bucket.destination(**LOCK) as destination:
        assert failed(destination)[0] == "object lock"
        for _try in range(2):  # what is there already is asked, too
            with refused(NAME, "not as asked", "does not tell that", permanent=True):
                destination.put(source, sha256)


def test_case_o2_an_empty_yes_is_no_lock(moto_bucket: Bucket, tmp_path: Path) -> None:
    with proxy_to(moto_bucket.server.endpoint) as proxy:
        proxy.rule("GET", "object-lock", status=200)
        with through(moto_bucket, proxy.endpoint).destination(**LOCK) as destination:
            name, said = failed(destination)
    assert name == "object lock"
    assert "Object Lock" in said


def test_case_o2_a_lock_that_is_kept_is_one(moto_server: Any, tmp_path: Path) -> None:
    bucket = new_bucket(moto_server, ObjectLockEnabledForBucket=True)
    source, sha256 = new_file(tmp_path, 1000)
    with bucket.destination(**LOCK) as destination:
        assert all(step.ok for step in destination.check())
        destination.put(source, sha256)
        destination.put(source, sha256)


def test_case_o2_an_encryption_that_is_dropped_is_found_out(
    moto_bucket: Bucket, tmp_path: Path
) -> None:
    source, sha256 = new_file(tmp_path, 1000)
    with moto_bucket.destination() as destination:
        destination.put(source, sha256)  # as a server that drops the header stores it
    with (
        moto_bucket.destination(storage_class="STANDARD_IA") as destination,
        refused("storage class", "STANDARD_IA", permanent=True),
    ):
        destination.put(source, sha256)


def test_case_o3_a_storage_that_unpacks_is_found_out_by_the_test(tmp_path: Path) -> None:
    class Unpacks(FileSystemStorage):
        """As an SDK does that obeys Content-Encoding."""

        def _open(self, name: str, mode: str = "rb") -> Any:
            with super()._open(name, mode) as file:
                return File(BytesIO(gzip.decompress(file.read())), name=name)

    destination = DjangoStorage(StorageConfig(alias="x"), Unpacks(tmp_path))
    name, said = failed(destination)
    assert name == "read back"
    assert "unpacks what is called .gz" in said
    assert list(tmp_path.iterdir()) == []


def test_case_o3_a_bucket_of_a_storage_that_packs_keeps_files_as_they_are(
    moto_bucket: Bucket, tmp_path: Path
) -> None:
    from storages.backends.s3 import S3Storage

    server = moto_bucket.server
    theirs = S3Storage(
        bucket_name=moto_bucket.name,
        endpoint_url=server.endpoint,
        region_name=server.region,
        access_key=server.access_key,
        secret_key=server.secret_key,
        gzip=True,
        gzip_content_types=["application/gzip", "application/octet-stream", "application/x-gzip"],
    )
    path = tmp_path / NAME
    path.write_bytes(gzip.compress(os.urandom(5000)))
    with DjangoStorage(StorageConfig(alias="x"), theirs) as destination:
        assert all(step.ok for step in destination.check())
        destination.put(path, digest(path))
        assert read(destination) == path.read_bytes()
    assert moto_bucket.content(NAME) == path.read_bytes()
    assert theirs.gzip is True
    theirs.connection.meta.client.close()


def test_case_o4_a_range_that_is_answered_with_200_is_one(bucket: Bucket, tmp_path: Path) -> None:
    source, sha256 = new_file(tmp_path, 3_000_000)
    with bucket.destination() as destination:
        destination.put(source, sha256)
    with proxy_to(bucket.server.endpoint) as proxy:
        proxy.rule("GET", NAME, times=1, cut_answer=1_000_000)
        proxy.rule("GET", NAME, answers_as=200)
        with through(bucket, proxy.endpoint).destination() as destination:
            assert read(destination) == source.read_bytes()
        assert proxy.count("GET", NAME) == 2


@contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that reads a request's head and then does what it is told."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    def one(connection: socket.socket) -> None:
        try:
            with connection:
                connection.recv(65536)
                answer(connection)
        except OSError:
            return

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def drip_of_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        connection.sendall(b"x")
        time.sleep(0.2)


def endless_list(connection: socket.socket) -> None:
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n\r\n<ListBucketResult>"
    )
    while True:
        connection.sendall(b"<Contents><Key>x</Key></Contents>" * 1000)


def endless_error(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\n\r\n<Error>")
    while True:
        connection.sendall(b"<Code>AccessDenied</Code>" * 1000)


def config_at(endpoint: str) -> S3Config:
    return S3Config(bucket="shop", endpoint=endpoint, region="eu-1", access_key="a", secret_key="b")


def memory() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_case_s6_a_drip_of_headers_ends_with_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_test, "TEST_SECONDS", 3.0)
    began = time.monotonic()
    with serving(drip_of_headers) as endpoint, S3(config_at(endpoint)) as destination:
        name, said = failed(destination)
    assert name == "sign-in"
    assert "not over within 3 seconds" in said
    assert time.monotonic() - began < 120


def test_case_s6_a_drip_ends_an_ordinary_request_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trustbackup.destinations.http_limits.REQUEST_SECONDS", 1.0)
    began = time.monotonic()
    with (
        serving(drip_of_headers) as endpoint,
        S3(config_at(endpoint)) as destination,
        pytest.raises(DestinationError, match="not listed"),
    ):
        destination.list()
    assert time.monotonic() - began < 240


@pytest.mark.parametrize("answer", [endless_list, endless_error])
def test_case_s6_an_answer_without_an_end_takes_no_memory(
    answer: Callable[[socket.socket], None], bucket: Bucket
) -> None:
    with bucket.destination() as destination:
        assert all(step.ok for step in destination.check())  # loads what a test loads
    before, began = memory(), time.monotonic()
    with serving(answer) as endpoint, S3(config_at(endpoint)) as destination:
        _name, said = failed(destination)
        assert "longer than any" in said
        assert memory() - before < 30 << 20
        with refused("longer than any", permanent=True):
            destination.list()
    assert time.monotonic() - began < 240


def test_case_o5_an_endpoint_that_is_a_web_server(bucket: Bucket) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    server.RequestHandlerClass.log_message = lambda *_: None  # type: ignore[method-assign]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        with S3(config_at(f"http://127.0.0.1:{server.server_port}/nothing")) as destination:
            assert "language of S3" in failed(destination)[1]
    finally:
        server.shutdown()
        server.server_close()


def test_case_o5_plain_http_to_a_tls_port(bucket: Bucket, tmp_path: Path) -> None:
    context, _certificate = self_signed(tmp_path)
    with proxy_to(bucket.server.endpoint, context) as proxy:
        endpoint = proxy.endpoint.replace("https:", "http:")
        with through(bucket, endpoint).destination() as destination:
            name, said = failed(destination)
    assert name == "sign-in"
    assert "https://" in said


def test_case_o5_a_bundle_of_certificates_that_is_not_there(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, _certificate = self_signed(tmp_path)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "nothing.pem"))
    with (
        proxy_to(bucket.server.endpoint, context) as proxy,
        through(bucket, proxy.endpoint).destination() as destination,
    ):
        assert "AWS_CA_BUNDLE names is not there" in failed(destination)[1]


def test_case_o5_a_lock_where_the_bucket_has_none(moto_bucket: Bucket, tmp_path: Path) -> None:
    with moto_bucket.destination(**LOCK) as destination, refused("Object Lock", permanent=True):
        destination.put(*new_file(tmp_path, 10))


def test_case_o5_a_refusal_by_settings_does_not_wait(bucket: Bucket, tmp_path: Path) -> None:
    began = time.monotonic()
    with (
        bucket.destination(allowed_hosts=("nas.example",)) as destination,
        refused("none of the hosts", permanent=True),
    ):
        destination.put(*new_file(tmp_path, 10))
    assert time.monotonic() - began < 120
