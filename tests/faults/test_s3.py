"""Rows 20 and 22 to 31 at S3: overloaded, lying, cut, revoked and vanished; bytes that flip."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.buckets import Bucket, S3Server, new_bucket, through
from tests.support.s3_proxy import FAILED, OVERLOADED, Proxy, proxy_to
from tests.support.sites import CHECKOUT
from trustbackup.destinations.base import DestinationError
from trustbackup.destinations.s3 import upload as s3_upload
from trustbackup.destinations.s3.destination import S3
from trustbackup.destinations.s3.parts import SMALLEST
from trustbackup.exceptions import Cancelled

NAME = "backup_2026-11-20_02-15-33.dump.gz"
KEY = f"copies/shop/{NAME}"
LARGE = SMALLEST + (1 << 20)
"""Bytes: one that goes in two parts."""


class File:
    """A backup's file of random bytes."""

    def __init__(self, folder: Path, size: int, name: str = NAME) -> None:
        self.path = folder / name
        self.content = os.urandom(size)
        self.path.write_bytes(self.content)
        self.sha256 = hashlib.sha256(self.content).hexdigest()

    def put_to(self, destination: S3) -> None:
        destination.put(self.path, self.sha256)


@pytest.fixture(scope="module")
def large() -> Iterator[File]:
    with tempfile.TemporaryDirectory() as folder:
        yield File(Path(folder), LARGE)


@pytest.fixture
def small(tmp_path: Path) -> File:
    return File(tmp_path, 300_000)


@pytest.fixture
def proxy(bucket: Bucket) -> Iterator[Proxy]:
    with proxy_to(bucket.server.endpoint) as running:
        yield running


@pytest.fixture
def proxied(bucket: Bucket, proxy: Proxy) -> Iterator[S3]:
    """A destination that reaches Swift through the proxy."""
    with through(bucket, proxy.endpoint).destination() as destination:
        yield destination


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow one another at once; how often and after what stays botocore's own."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", no_delay)


def no_delay(*_: object) -> float:
    return 0.0


def read(destination: S3, name: str = NAME) -> bytes:
    pieces = []
    with destination.open(name) as stream:
        while piece := stream.read(1 << 20):
            pieces.append(piece)
    return b"".join(pieces)


def refusal(action: Callable[[], object]) -> DestinationError:
    with pytest.raises(DestinationError) as caught:
        action()
    return caught.value


def test_row_20_a_silent_server_is_given_up(bucket: Bucket, small: File) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        silent = through(bucket, f"http://127.0.0.1:{listener.getsockname()[1]}")
        with silent.destination(read_timeout=0.3) as destination:
            error = refusal(lambda: small.put_to(destination))
            assert "the server did not answer in time" in str(error)
            assert not error.permanent
            *passed, last = destination.check()
    assert [step.name for step in passed] == ["settings", "name", "connection"]
    assert (last.name, last.ok) == ("sign-in", False)


def test_row_22_nothing_is_listed_while_parts_arrive(bucket: Bucket, large: File) -> None:
    seen = []
    with bucket.destination() as destination, bucket.destination() as other:
        destination.put(
            large.path,
            large.sha256,
            lambda done: seen.append((done, other.list(), other.stat(NAME))),
        )
        assert [stored.name for stored in other.list()] == [NAME]
    during = seen[:-1]
    assert any(done < LARGE for done, _listed, _stat in during)
    assert all(listed == [] and stat is None for _done, listed, stat in during)
    assert seen[-1][0] == LARGE


@pytest.mark.parametrize("status", [429, 503])
def test_row_24_three_refusals_are_sat_out(
    bucket: Bucket, proxy: Proxy, proxied: S3, large: File, no_pauses: None, status: int
) -> None:
    proxy.rule("PUT", "partNumber=2", status=status, body=OVERLOADED, times=3)
    large.put_to(proxied)
    assert proxy.count("PUT", "partNumber=2") == 4
    assert bucket.content(KEY) == large.content


def test_row_24_a_server_that_stays_overloaded_fails_the_copy(
    bucket: Bucket, proxy: Proxy, proxied: S3, large: File, no_pauses: None
) -> None:
    proxy.rule("PUT", "partNumber=2", status=503, body=OVERLOADED)
    error = refusal(lambda: large.put_to(proxied))
    assert f"{NAME} was not copied to {proxied.address}: the server is overloaded" in str(error)
    assert not error.permanent
    assert (bucket.keys(), bucket.uploads()) == ([], [])


def test_row_25_an_error_in_the_body_of_a_200_fails_the_copy(
    bucket: Bucket, proxy: Proxy, proxied: S3, large: File, no_pauses: None
) -> None:
    proxy.rule("POST", "uploadId=", status=200, body=FAILED)
    error = refusal(lambda: large.put_to(proxied))
    assert not error.permanent
    assert proxy.count("POST", "uploadId=") > 1
    assert (bucket.keys(), bucket.uploads()) == ([], [])


def test_row_25_an_error_in_the_body_of_a_200_is_tried_again(
    bucket: Bucket, proxy: Proxy, proxied: S3, large: File, no_pauses: None
) -> None:
    proxy.rule("POST", "uploadId=", status=200, body=FAILED, times=1)
    large.put_to(proxied)
    assert bucket.content(KEY) == large.content


def test_row_26_a_part_whose_connection_is_cut_is_sent_again(
    bucket: Bucket, proxy: Proxy, proxied: S3, large: File, no_pauses: None
) -> None:
    rule = proxy.rule("PUT", "partNumber=1", cut_body=9_000_000, times=2)
    large.put_to(proxied)
    assert rule.seen == 2
    assert bucket.content(KEY) == large.content


def test_row_26_a_copy_that_is_always_cut_fails(
    bucket: Bucket, proxy: Proxy, proxied: S3, large: File, no_pauses: None
) -> None:
    proxy.rule("PUT", "partNumber=1", cut_body=1_000_000)
    error = refusal(lambda: large.put_to(proxied))
    assert "the connection was cut" in str(error)
    assert not error.permanent
    assert (bucket.keys(), bucket.uploads()) == ([], [])


def test_row_26_an_answer_that_was_lost_is_no_second_object(
    bucket: Bucket, proxy: Proxy, proxied: S3, small: File, no_pauses: None
) -> None:
    # The object was made, and the request that is tried again finds its name taken.
    rule = proxy.rule("PUT", NAME, cut_answer=0, times=1)
    small.put_to(proxied)
    assert rule.seen == 1
    assert bucket.content(KEY) == small.content


def test_row_26_a_download_that_is_cut_goes_on_where_it_ended(
    bucket: Bucket, proxy: Proxy, proxied: S3, large: File
) -> None:
    large.put_to(proxied)
    rule = proxy.rule("GET", NAME, cut_answer=5_000_000, times=3)
    assert read(proxied) == large.content
    assert rule.seen == 3


def test_row_26_a_download_that_never_goes_on_fails(
    bucket: Bucket, proxy: Proxy, proxied: S3, small: File, no_pauses: None
) -> None:
    small.put_to(proxied)
    proxy.rule("GET", NAME, cut_answer=100_000, times=1)
    proxy.rule("GET", NAME, cut_answer=0)
    error = refusal(lambda: read(proxied))
    assert f"{NAME} was not read from {proxied.address}: the connection was cut" in str(error)
    assert not error.permanent


def test_row_26_the_second_half_of_another_object_is_not_read(
    bucket: Bucket, proxy: Proxy, proxied: S3, small: File
) -> None:
    small.put_to(proxied)

    def replace() -> None:
        bucket.client.put_object(Bucket=bucket.name, Key=KEY, Body=small.content[::-1])

    proxy.rule("GET", NAME, cut_answer=100_000, times=1)
    proxy.rule("GET", NAME, before=replace)
    assert "PreconditionFailed" in str(refusal(lambda: read(proxied)))


@pytest.mark.parametrize("which", ["small", "large"])
def test_row_27_a_server_refuses_a_byte_that_flipped_on_the_way(
    request: pytest.FixtureRequest, bucket: Bucket, proxy: Proxy, proxied: S3, which: str
) -> None:
    file = request.getfixturevalue(which)
    proxy.rule("PUT", NAME, flip=200_000)
    error = refusal(lambda: file.put_to(proxied))
    assert "it changed on the way" in str(error)
    assert not error.permanent
    assert (bucket.keys(), bucket.uploads()) == ([], [])


@pytest.mark.parametrize("which", ["small", "large"])
def test_row_27_what_a_careless_server_took_is_found_and_removed(
    request: pytest.FixtureRequest, moto_bucket: Bucket, which: str
) -> None:
    file = request.getfixturevalue(which)
    with proxy_to(moto_bucket.server.endpoint) as proxy:
        proxy.rule("PUT", NAME, flip=200_000)
        with through(moto_bucket, proxy.endpoint).destination() as destination:
            error = refusal(lambda: file.put_to(destination))
    assert "another checksum, and was removed" in str(error)
    assert not error.permanent
    assert moto_bucket.keys() == []


def test_row_27_a_file_that_changed_here_is_not_copied(bucket: Bucket, large: File) -> None:
    with bucket.destination() as destination:
        error = refusal(lambda: destination.put(large.path, "0" * 64))
    assert "corrupt" in str(error)
    assert error.permanent
    assert (bucket.keys(), bucket.uploads()) == ([], [])


KILLED = """
import os, signal, sys
from pathlib import Path
import django
from django.conf import settings
settings.configure()
django.setup()
from trustbackup.destinations.s3.config import S3Config
from trustbackup.destinations.s3.destination import S3

def written(done):
    if done:
        os.kill(os.getpid(), signal.SIGKILL)

endpoint, bucket, access_key, secret_key, path, sha256 = sys.argv[1:]
config = S3Config(
    bucket=bucket, prefix="copies/shop", endpoint=endpoint,
    region="us-east-1", access_key=access_key, secret_key=secret_key,
)
S3(config).put(Path(path), sha256, written)
"""


def test_row_28_what_a_killed_upload_left_is_aborted_later(
    bucket: Bucket, large: File, small: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = bucket.server
    keys = [server.access_key, server.secret_key]
    arguments = [server.endpoint, bucket.name, *keys, str(large.path), large.sha256]
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], cwd=CHECKOUT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (bucket.keys(), bucket.uploads()) == ([], [KEY])
    others = bucket.client.create_multipart_upload(Bucket=bucket.name, Key="copies/shop/theirs.zip")
    with bucket.destination() as destination:
        assert destination.list() == []
        large.put_to(destination)
    assert sorted(bucket.uploads()) == [KEY, "copies/shop/theirs.zip"], "it may be under way"
    monkeypatch.setattr(s3_upload, "ABANDONED", -s3_upload.ABANDONED)
    with bucket.destination() as destination:
        destination.delete(NAME)
        small.put_to(destination)
    assert bucket.uploads() == ["copies/shop/theirs.zip"]
    assert others["UploadId"]


def test_row_28_a_cancelled_upload_leaves_nothing(bucket: Bucket, large: File) -> None:
    def cancel(done: int) -> None:
        if done:
            raise Cancelled

    with bucket.destination() as destination, pytest.raises(Cancelled):
        destination.put(large.path, large.sha256, cancel)
    assert (bucket.keys(), bucket.uploads()) == ([], [])


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"secret_key": "wrong"}, "the secret key does not belong to the access key"),
        ({"access_key": "backup:gone"}, "the secret key does not belong to the access key"),
        ({"bucket": "copies-gone"}, "there is no bucket 'copies-gone'"),
    ],
)
def test_row_29_what_can_not_help_is_not_tried_again(
    bucket: Bucket, proxy: Proxy, small: File, changes: dict[str, str], cause: str
) -> None:
    with bucket.destination() as destination:
        small.put_to(destination)
    with through(bucket, proxy.endpoint).destination(**changes) as destination:
        actions: list[Callable[[], object]] = [
            lambda: small.put_to(destination),
            destination.list,
            lambda: destination.stat(NAME),
            lambda: destination.delete(NAME),
            lambda: read(destination),
        ]
        for action in actions:
            error = refusal(action)
            assert cause in str(error)
            assert error.permanent
            assert "wrong" not in str(error)
    # Once each, and twice the list that explains what an answer to HEAD does not.
    assert len(proxy.requests) == len(actions) + 2
    assert bucket.content(KEY) == small.content


def test_row_29_credentials_without_rights_are_refused(bucket: Bucket, small: File) -> None:
    access_key, secret_key = bucket.server.reader
    with bucket.destination() as destination:
        small.put_to(destination)
    other = File(small.path.parent, 10, NAME.replace("33", "34"))
    with bucket.destination(access_key=access_key, secret_key=secret_key) as destination:
        assert read(destination) == small.content
        error = refusal(lambda: other.put_to(destination))
        *_, last = destination.check()
    assert "these credentials may not do that" in str(error)
    assert error.permanent
    assert (last.name, last.ok) == ("write", False)
    assert bucket.keys() == [KEY]


def test_row_30_more_than_a_thousand_objects_are_all_seen(moto_bucket: Bucket) -> None:
    names = [f"backup_2026-11-20_{n // 60:02}-{n % 60:02}-00.dump.gz" for n in range(1003)]
    foreign = ["copies/shop/theirs.zip", f"copies/shop/sub/{NAME}", f"copies/shopping/{NAME}"]
    moto_bucket.fill([*(f"copies/shop/{name}" for name in names), *foreign])
    with moto_bucket.destination() as destination:
        assert [stored.name for stored in destination.list()] == names


def test_row_30_an_object_that_vanished_after_the_listing(bucket: Bucket, small: File) -> None:
    with bucket.destination() as destination:
        small.put_to(destination)
        [stored] = destination.list()
        bucket.client.delete_object(Bucket=bucket.name, Key=KEY)
        error = refusal(lambda: read(destination, stored.name))
        assert destination.stat(stored.name) is None
        destination.delete(stored.name)
    assert f"{NAME} was not read from {destination.address}: it is not there" in str(error)
    assert error.permanent


def test_row_31_another_content_of_the_same_size_is_not_taken_for_the_copy(
    bucket: Bucket, small: File
) -> None:
    altered = bytearray(small.content)
    altered[1000] ^= 1
    metadata = {"sha256": small.sha256}
    bucket.client.put_object(Bucket=bucket.name, Key=KEY, Body=bytes(altered), Metadata=metadata)
    with bucket.destination() as destination:
        error = refusal(lambda: small.put_to(destination))
    assert "another content is there already" in str(error)
    assert error.permanent
    assert bucket.content(KEY) == bytes(altered)


def test_a_copy_that_is_there_already_stays(bucket: Bucket, proxy: Proxy, large: File) -> None:
    with through(bucket, proxy.endpoint).destination() as destination:
        large.put_to(destination)
        sent = proxy.count("PUT")
        large.put_to(destination)
    assert proxy.count("PUT") == sent


def test_a_copy_in_other_parts_is_read_to_know_it(bucket: Bucket, large: File) -> None:
    from boto3.s3.transfer import TransferConfig

    parts = TransferConfig(multipart_chunksize=8 << 20)
    bucket.client.upload_file(str(large.path), bucket.name, KEY, Config=parts)
    with bucket.destination() as destination:
        large.put_to(destination)
        assert destination.space().used == LARGE


def test_a_file_of_another_writer_is_never_overwritten(
    bucket: Bucket, proxy: Proxy, proxied: S3, small: File
) -> None:
    def be_quicker() -> None:
        with contextlib.suppress(Exception):
            bucket.client.put_object(Bucket=bucket.name, Key=KEY, Body=b"theirs")

    proxy.rule("PUT", NAME, before=be_quicker)
    assert "another content" in str(refusal(lambda: small.put_to(proxied)))
    assert bucket.content(KEY) == b"theirs"


def test_an_empty_file_is_a_file(bucket: Bucket, tmp_path: Path) -> None:
    empty = File(tmp_path, 0)
    with bucket.destination() as destination:
        empty.put_to(destination)
        assert read(destination) == b""


def test_locked_copies_stay_and_the_test_sees_whether_they_can_be_locked(
    moto_server: S3Server, bucket: Bucket, small: File
) -> None:
    lock = {"lock_mode": "COMPLIANCE", "lock_days": 30}
    lockable = new_bucket(moto_server, ObjectLockEnabledForBucket=True)
    with lockable.destination(**lock, storage_class="STANDARD_IA") as destination:
        steps = list(destination.check())
        small.put_to(destination)
    head = lockable.client.head_object(Bucket=lockable.name, Key=KEY)
    assert lockable.keys() == [KEY]
    assert [step.name for step in steps if step.ok] == [step.name for step in steps]
    assert head["ObjectLockMode"] == "COMPLIANCE"
    assert (head["ObjectLockRetainUntilDate"] - head["LastModified"]).days in (29, 30)
    assert head["StorageClass"] == "STANDARD_IA"
    assert head["Metadata"] == {"sha256": small.sha256}
    with bucket.destination(**lock) as destination:  # Swift would not lock, and not say so
        *_, last = destination.check()
    assert (last.name, last.ok) == ("object lock", False)


def test_what_an_encrypting_server_calls_a_copy_proves_nothing_so_it_is_read(
    moto_bucket: Bucket, small: File
) -> None:
    with contextlib.ExitStack() as stack:
        proxy = stack.enter_context(proxy_to(moto_bucket.server.endpoint))
        other = through(moto_bucket, proxy.endpoint).destination(encryption="aws:kms")
        destination = stack.enter_context(other)
        proxy.rule("PUT", NAME, flip=10)
        refusal(lambda: small.put_to(destination))
    assert proxy.count("GET", NAME) == 1
    assert moto_bucket.keys() == []


def test_the_test_passes_and_leaves_nothing(bucket: Bucket) -> None:
    with bucket.destination(region="eu-north-1") as destination:
        steps = list(destination.check())
    assert [(step.name, step.ok) for step in steps] == [
        (name, True)
        for name in ("settings", "name", "connection", "sign-in", "write", "read back", "delete")
    ]
    assert bucket.keys() == []
