"""Buckets of the S3 servers that tests use, and what lies in them, seen by boto3 alone."""

from __future__ import annotations

import http.client
import secrets
import sys
import tempfile
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from tests.support import servers
from tests.support.ports import free_port
from trustbackup.destinations.s3.backend import S3
from trustbackup.destinations.s3.config import S3Config


@dataclass(frozen=True, kw_only=True)
class S3Server:
    """A running server; plain values, so that the processes of a run can share it."""

    endpoint: str
    region: str
    access_key: str
    secret_key: str
    reader: tuple[str, str] = ("", "")
    """Keys that may only read."""
    nobody: tuple[str, str] = ("", "")
    """Keys that are right, and may do nothing."""

    @cache  # noqa: B019 - as long as the process lives
    def client(self) -> Any:
        """boto3's own client; it takes half a second to make."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
        )


@dataclass(frozen=True)
class Bucket:
    """A bucket of a test's own."""

    server: S3Server
    name: str
    client: Any

    def config(self, **changes: Any) -> S3Config:
        values = {
            "bucket": self.name,
            "prefix": "copies/shop",
            "endpoint": self.server.endpoint,
            "region": self.server.region,
            "access_key": self.server.access_key,
            "secret_key": self.server.secret_key,
        }
        return S3Config(**{**values, **changes})

    def destination(self, **changes: Any) -> S3:
        return S3(self.config(**changes))

    def keys(self) -> list[str]:
        """All keys in it, by name."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def content(self, key: str) -> bytes:
        with self.client.get_object(Bucket=self.name, Key=key)["Body"] as body:
            content: bytes = body.read()
        return content

    def fill(self, keys: Iterable[str]) -> None:
        """Many small objects at moto, which asks for no signature: a tenth of boto3's time."""
        parts = urlsplit(self.server.endpoint)
        connection = http.client.HTTPConnection(parts.netloc, timeout=60)
        try:
            for key in keys:
                path = quote(f"/{self.name}/{key}")
                headers = {"Authorization": "AWS4-HMAC-SHA256 Credential=moto/-/-/s3/-"}
                connection.request("PUT", path, b"x", headers)
                with connection.getresponse() as answer:
                    assert answer.status == 200, answer.read()
                    answer.read()
        finally:
            connection.close()

    def uploads(self) -> list[str]:
        """Keys of the multipart uploads that are under way, or were left."""
        found = self.client.list_multipart_uploads(Bucket=self.name)
        return [item["Key"] for item in found.get("Uploads", [])]


def new_bucket(server: S3Server, **options: Any) -> Bucket:
    """A bucket of a new name; it goes with its server."""
    bucket = Bucket(server, f"copies-{secrets.token_hex(4)}", server.client())
    bucket.client.create_bucket(Bucket=bucket.name, **options)
    return bucket


def through(bucket: Bucket, endpoint: str) -> Bucket:
    """The same bucket, reached another way."""
    return replace(bucket, server=replace(bucket.server, endpoint=endpoint))


def start_moto(parent: Path) -> dict[str, Any]:
    """Start moto's server in a process of its own, which keeps all objects in its memory."""
    folder = Path(tempfile.mkdtemp(prefix="moto-", dir=parent))
    for attempts_left in (2, 1, 0):
        port = free_port()
        endpoint = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        servers.start(folder, "moto", command)
        try:
            servers.wait_for(folder, "moto", partial(_answers, endpoint))
        except RuntimeError:
            if not attempts_left:
                raise
        else:
            return {
                "endpoint": endpoint,
                "region": "us-east-1",
                "access_key": "moto",
                "secret_key": "moto",
            }
    raise AssertionError("unreachable")


def _answers(endpoint: str) -> bool:
    with urllib.request.urlopen(f"{endpoint}/moto-api/", timeout=5) as answer:
        return bool(answer.status == 200)
