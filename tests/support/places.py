"""A destination of each kind, as its address and the environment say it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support import sshd
from tests.support.backups import more_settings
from tests.support.buckets import Bucket, new_bucket
from tests.support.sites import Site


@dataclass(frozen=True)
class DestinationRef:
    """Where copies are: an address, and what the environment and the settings say of it."""

    url: str
    variables: dict[str, str] = field(default_factory=dict)
    settings: str = ""


def folder(_request: pytest.FixtureRequest, tmp_path: Path) -> DestinationRef:
    return DestinationRef((tmp_path / "another disk").as_uri())


def sftp(request: pytest.FixtureRequest, tmp_path: Path) -> DestinationRef:
    server: sshd.Server = request.getfixturevalue("shared_sshd")
    server.authorize(sshd.new_key(tmp_path / "key", "ed25519"))
    secrets = {
        "TRUSTBACKUP_SFTP_KEY_FILE": str(tmp_path / "key"),
        "TRUSTBACKUP_SFTP_HOST_KEY": server.host_key(),
    }
    where = f"sftp://{server.user.name}@{server.host}:{server.port}/nothing-{tmp_path.name}"
    return DestinationRef(where, secrets)


def sftp_password(request: pytest.FixtureRequest, tmp_path: Path) -> DestinationRef:
    server: sshd.Server = request.getfixturevalue("shared_sshd")
    if not server.user.password:
        pytest.skip("sshd checks passwords only where root runs the tests")
    secrets = {
        "TRUSTBACKUP_SFTP_PASSWORD": server.user.password,
        "TRUSTBACKUP_SFTP_HOST_KEY": server.host_key(),
    }
    where = f"{server.user.name}@{server.host}:{server.port}/{server.home}/{tmp_path.name}"
    return DestinationRef(f"sftp://{where}", secrets)


def s3(request: pytest.FixtureRequest, _path: Path, fixture: str = "bucket") -> DestinationRef:
    bucket: Bucket = request.getfixturevalue(fixture)
    server = bucket.server
    keys = {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key}
    query = f"endpoint={server.endpoint}&region={server.region}"
    return DestinationRef(f"s3://{bucket.name}/copies/shop?{query}", keys)


def s3_moto(request: pytest.FixtureRequest, path: Path) -> DestinationRef:
    return s3(request, path, "moto_bucket")


def s3_locked(request: pytest.FixtureRequest, _path: Path) -> DestinationRef:
    """Object Lock, which moto has: what is deleted stays as an older version."""
    server = request.getfixturevalue("moto_server")
    bucket = new_bucket(server, ObjectLockEnabledForBucket=True)
    keys = {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key}
    query = f"endpoint={server.endpoint}&region={server.region}"
    lock = "lock_mode=GOVERNANCE&lock_days=1"
    return DestinationRef(f"s3://{bucket.name}/copies?{query}&{lock}", keys)


def storage(_request: pytest.FixtureRequest, tmp_path: Path) -> DestinationRef:
    return DestinationRef(
        "storage://offsite/copies",
        {"OFFSITE_FOLDER": str(tmp_path / "storage")},
        "import os\n"
        "STORAGES = {\n"
        "    'default': {'BACKEND': 'django.core.files.storage.FileSystemStorage'},\n"
        "    'staticfiles': {'BACKEND': 'django.contrib.staticfiles.storage.StaticFilesStorage'},\n"
        "    'offsite': {\n"
        "        'BACKEND': 'django.core.files.storage.FileSystemStorage',\n"
        "        'OPTIONS': {'location': os.environ['OFFSITE_FOLDER']},\n"
        "    },\n"
        "}",
    )


def storage_s3(request: pytest.FixtureRequest, path: Path) -> DestinationRef:
    place = s3_moto(request, path)
    bucket: Bucket = request.getfixturevalue("moto_bucket")
    options = {
        "bucket_name": bucket.name,
        "endpoint_url": bucket.server.endpoint,
        "region_name": bucket.server.region,
    }
    usual = storage(request, path).settings.partition("    'offsite'")[0]
    backend = f"{{'BACKEND': 'storages.backends.s3.S3Storage', 'OPTIONS': {options!r}}}"
    return DestinationRef(
        "storage://offsite", place.variables, f"{usual}    'offsite': {backend},\n}}"
    )


KINDS: dict[str, Callable[[pytest.FixtureRequest, Path], DestinationRef]] = {
    "folder": folder,
    "SFTP with a key": sftp,
    "SFTP with a password": sftp_password,
    "S3": s3,
    "S3 at moto": s3_moto,
    "S3 with Object Lock": s3_locked,
    "storage": storage,
    "storage in a bucket": storage_s3,
}


def place_for(
    site: Site, kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> DestinationRef:
    """A new place of this kind, which every later command of the site can reach."""
    place = KINDS[kind](request, tmp_path)
    site.variables.update(place.variables)
    if place.settings:
        more_settings(site, place.settings)
    return place
