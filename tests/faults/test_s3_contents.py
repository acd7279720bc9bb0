"""Rows 27 to 31 at S3: what flipped, was killed, revoked, vanished or is another's."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.buckets import Bucket, through
from tests.support.s3_copies import KEY, LARGE, NAME, File, read, refusal
from tests.support.s3_proxy import Proxy, proxy_to
from tests.support.sites import CHECKOUT
from trustbackup.destinations.s3 import upload as s3_upload
from trustbackup.destinations.s3.backend import S3
from trustbackup.exceptions import Cancelled


@pytest.mark.parametrize("which", ["small", "large"])
def test_fault_27_a_server_refuses_a_byte_that_flipped_on_the_way(
    request: pytest.FixtureRequest, bucket: Bucket, proxy: Proxy, proxied: S3, which: str
) -> None:
    file = request.getfixturevalue(which)
    proxy.rule("PUT", NAME, flip=200_000)
    error = refusal(lambda: file.put_to(proxied))
    assert "it changed on the way" in str(error)
    assert not error.permanent
    assert (bucket.keys(), bucket.uploads()) == ([], [])


@pytest.mark.parametrize("which", ["small", "large"])
def test_fault_27_what_a_careless_server_took_is_found_and_removed(
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


def test_fault_27_a_file_that_changed_here_is_not_copied(bucket: Bucket, large: File) -> None:
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
from trustbackup.destinations.s3.backend import S3

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


def test_fault_28_what_a_killed_upload_left_is_aborted_later(
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


def test_fault_28_a_cancelled_upload_leaves_nothing(bucket: Bucket, large: File) -> None:
    def cancel(done: int) -> None:
        if done:
            raise Cancelled

    with bucket.destination() as destination, pytest.raises(Cancelled):
        destination.put(large.path, large.sha256, cancel)
    assert (bucket.keys(), bucket.uploads()) == ([], [])


def test_fault_31_another_content_of_the_same_size_is_not_taken_for_the_copy(
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
