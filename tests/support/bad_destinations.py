"""Destinations that something is wrong with, and what is to be said of it."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support import mounts, sshd
from tests.support.buckets import Bucket, through
from tests.support.certificates import self_signed
from tests.support.proxy import reset_after, running_proxy
from tests.support.s3_proxy import Rule, proxy_to

SIZE = 8 << 20


@dataclass(frozen=True, kw_only=True)
class Bad:
    """A destination as the form, a saved row and an address say it, and what is said of it."""

    kind: str
    options: dict[str, Any]
    secrets: dict[str, str] = field(default_factory=dict)
    url: str
    variables: dict[str, str] = field(default_factory=dict)
    said: tuple[str, ...]
    """In the sentence about the connection test, and about a copy."""
    step: str
    """The one of the connection test that fails."""
    passes: bool = False
    """Trying again may help: a copy is tried again before it fails."""

    @property
    def form(self) -> dict[str, Any]:
        return {"name": "bad", "automatic": "on", **self.options, **self.secrets}


def in_bucket(place: Bucket, *said: str, step: str, **changes: Any) -> Bad:
    server = place.server
    options = {"bucket": place.name, "endpoint": server.endpoint, "region": server.region}
    secret = changes.pop("secret_key", server.secret_key)
    passes = changes.pop("passes", False)
    options.update(changes, access_key=server.access_key)
    query = urlencode({key: options[key] for key in ("endpoint", "region")})
    return Bad(
        kind="s3",
        options=options,
        secrets={"secret_key": secret},
        url=f"s3://{options['bucket']}/?{query}",
        variables={
            "AWS_ACCESS_KEY_ID": server.access_key,
            "AWS_SECRET_ACCESS_KEY": secret,
        },
        said=said,
        step=step,
        passes=passes,
    )


def bucket_of(request: pytest.FixtureRequest) -> Bucket:
    bucket: Bucket = request.getfixturevalue("bucket")
    return bucket


MOVED = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>PermanentRedirect</Code>'
    b"<Message>The bucket must be addressed at another endpoint.</Message></Error>"
)


def another_region(request: pytest.FixtureRequest, _path: Path) -> Iterator[Bad]:
    """As Amazon answers; no server of the tests' own does."""
    bucket = bucket_of(request)
    headers = {"x-amz-bucket-region": "eu-central-1"}
    with proxy_to(bucket.server.endpoint) as proxy:
        for method in ("GET", "HEAD", "PUT", "POST"):
            proxy.rules.append(Rule(method, status=301, body=MOVED, headers=headers))
        yield in_bucket(
            through(bucket, proxy.endpoint),
            "is in another region",
            "Set the region",
            step="sign-in",
        )


def wrong_secret(request: pytest.FixtureRequest, _path: Path) -> Iterator[Bad]:
    yield in_bucket(
        bucket_of(request), "secret key does not belong", step="sign-in", secret_key="wrong"
    )


def missing_bucket(request: pytest.FixtureRequest, _path: Path) -> Iterator[Bad]:
    bucket = "there-is-none"
    yield in_bucket(bucket_of(request), "no bucket 'there-is-none'", step="sign-in", bucket=bucket)


def self_signed_certificate(request: pytest.FixtureRequest, path: Path) -> Iterator[Bad]:
    bucket = bucket_of(request)
    context, _certificate = self_signed(path)
    with proxy_to(bucket.server.endpoint, context) as proxy:
        yield in_bucket(
            through(bucket, proxy.endpoint), "not trusted", "AWS_CA_BUNDLE", step="sign-in"
        )
        assert proxy.requests == [], "nothing may be said to it"


def plain_http(request: pytest.FixtureRequest, _path: Path) -> Iterator[Bad]:
    bucket = bucket_of(request)
    endpoint = bucket.server.endpoint.removeprefix("http://")
    yield in_bucket(through(bucket, endpoint), "does not speak TLS", "http://", step="sign-in")


def s3_that_closes(request: pytest.FixtureRequest, _path: Path) -> Iterator[Bad]:
    bucket = bucket_of(request)
    with proxy_to(bucket.server.endpoint) as proxy:
        proxy.rules.append(Rule("PUT", cut_body=5))
        yield in_bucket(through(bucket, proxy.endpoint), "connection", step="write", passes=True)


def at_sshd(server: sshd.Server, path: Path, *said: str, step: str, **changes: Any) -> Bad:
    server.authorize(sshd.new_key(path / "key", "ed25519"))
    passes = changes.pop("passes", False)
    options = {
        "host": server.host,
        "port": server.port,
        "user": server.user.name,
        "folder": "copies",
        "host_key": server.host_key(),
        "timeout": 20,
        **changes,
    }
    return Bad(
        kind="sftp",
        options=options,
        secrets={"private_key": (path / "key").read_text()},
        url=f"sftp://{options['user']}@{options['host']}:{options['port']}/copies",
        variables={
            "TRUSTBACKUP_SFTP_KEY_FILE": str(path / "key"),
            "TRUSTBACKUP_SFTP_HOST_KEY": server.host_key(),
        },
        said=said,
        step=step,
        passes=passes,
    )


def sftp_that_closes(request: pytest.FixtureRequest, path: Path) -> Iterator[Bad]:
    server: sshd.Server = request.getfixturevalue("new_sshd")()
    with running_proxy(server.port) as proxy:
        # Signing in needs some 6 KB; what is cut is the first answer after it.
        proxy.up = reset_after(4500)
        yield at_sshd(server, path, "connection was lost", step="", port=proxy.port, passes=True)


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    try:
        with mounts.mounted_tmpfs(folder, 64 << 10):
            yield folder
    except mounts.MountRefusedError as error:
        pytest.skip(f"no small file system to fill: {error}")


def fill(folder: Path) -> None:
    with contextlib.suppress(OSError), (folder / "ballast").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def sftp_full(request: pytest.FixtureRequest, path: Path) -> Iterator[Bad]:
    server: sshd.Server = request.getfixturevalue("new_sshd")()
    with small_disk(server.home / "copies") as folder:
        shutil.chown(folder, server.user.name)
        fill(folder)
        yield at_sshd(server, path, "no space", "Free some space", step="write")


def sftp_read_only(request: pytest.FixtureRequest, path: Path) -> Iterator[Bad]:
    server: sshd.Server = request.getfixturevalue("new_sshd")()
    with small_disk(server.home / "copies") as folder:
        shutil.chown(folder, server.user.name)
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        yield at_sshd(server, path, "read-only", step="folder")


def in_folder(folder: Path, *said: str, step: str) -> Bad:
    return Bad(
        kind="folder", options={"path": str(folder)}, url=folder.as_uri(), said=said, step=step
    )


def folder_full(_request: pytest.FixtureRequest, path: Path) -> Iterator[Bad]:
    with small_disk(path / "disk") as disk:
        (disk / "copies" / ".uploads").mkdir(parents=True)
        fill(disk)
        yield in_folder(disk / "copies", "No space left", "Free some space", step="write")


def folder_read_only(_request: pytest.FixtureRequest, path: Path) -> Iterator[Bad]:
    with small_disk(path / "disk") as disk:
        (disk / "copies" / ".uploads").mkdir(parents=True)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        yield in_folder(disk / "copies", "Read-only file system", "writable", step="write")


Case = Callable[[pytest.FixtureRequest, Path], Iterator[Bad]]
CASES: dict[str, Case] = {
    "another region": another_region,
    "wrong secret": wrong_secret,
    "missing bucket": missing_bucket,
    "self-signed": self_signed_certificate,
    "plain http": plain_http,
    "S3 that closes": s3_that_closes,
    "SFTP that closes": sftp_that_closes,
    "SFTP full": sftp_full,
    "SFTP read-only": sftp_read_only,
    "folder full": folder_full,
    "folder read-only": folder_read_only,
}
