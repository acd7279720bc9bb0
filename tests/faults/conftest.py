from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.buckets import Bucket, through
from tests.support.s3_copies import LARGE, File
from tests.support.s3_proxy import Proxy, proxy_to
from trustbackup.destinations.s3.backend import S3


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
