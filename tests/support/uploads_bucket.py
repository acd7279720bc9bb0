"""A site whose uploaded files are in a bucket that keeps versions."""

from __future__ import annotations

from typing import Any

from tests.support.backups import more_settings
from tests.support.buckets import Bucket
from tests.support.sites import Site


def keep_versions(bucket: Bucket, status: str = "Enabled") -> None:
    bucket.client.put_bucket_versioning(
        Bucket=bucket.name, VersioningConfiguration={"Status": status}
    )


def put(bucket: Bucket, name: str, content: bytes, **more: Any) -> str:
    """Upload below uploads/; the version's id."""
    found = bucket.client.put_object(
        Bucket=bucket.name, Key=f"uploads/{name}", Body=content, **more
    )
    return str(found.get("VersionId", ""))


def delete(bucket: Bucket, name: str, **more: Any) -> None:
    bucket.client.delete_object(Bucket=bucket.name, Key=f"uploads/{name}", **more)


def state(bucket: Bucket) -> dict[str, bytes]:
    """What is there now, by the keys."""
    keys = bucket.keys()
    return {key: bucket.content(key) for key in keys}


def use_bucket(site: Site, bucket: Bucket, contents: str = "", **options: Any) -> None:
    """Let the site's files be in it, below uploads/."""
    values = {
        "bucket_name": bucket.name,
        "location": "uploads",
        "endpoint_url": bucket.server.endpoint,
        "region_name": bucket.server.region,
        "access_key": bucket.server.access_key,
        "secret_key": bucket.server.secret_key,
        **options,
    }
    uploads = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": values}
    contents = contents or "{'media': {'STORAGE': 'uploads'}}"
    more_settings(
        site,
        f"STORAGES = {{**globals().get('STORAGES', {{}}), 'uploads': {uploads!r},"
        " 'staticfiles': {'BACKEND': 'django.contrib.staticfiles.storage.StaticFilesStorage'},"
        " 'default': {'BACKEND': 'django.core.files.storage.FileSystemStorage'}}\n"
        f"TRUSTBACKUP['CONTENTS'] = {contents}",
    )
