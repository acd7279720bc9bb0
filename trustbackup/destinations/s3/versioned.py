"""A bucket that keeps versions: what is in it, whether a version is there, and putting it back.

It is a site's own bucket, talked to by the client of the site's own storage, and no destination.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from trustbackup.destinations.base import DestinationError
from trustbackup.destinations.s3.config import S3Config
from trustbackup.destinations.s3.errors import status_of, to_destination_error
from trustbackup.phrases import gettext as _

LARGEST_COPY = 5 << 30
"""Bytes that a server copies by one request; more go in parts."""
_KEPT_HEADERS = (
    "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType",
    "Metadata",
)  # fmt: skip
"""What a copy in parts forgets unless it is said again."""
_NOT_FOUND = 404
_NO_SUCH_VERSION = 400
"""What servers answer to a version that they don't know the shape of."""


class Listed(NamedTuple):
    """One version in a bucket, or a mark that the object was deleted (``is_mark``)."""

    key: str
    version: str
    is_latest: bool
    is_mark: bool
    etag: str
    size: int
    modified: str


@dataclass(frozen=True)
class VersionedBucket:
    """``prefix`` is "" or ends in a slash; ``options`` go with every copy (ACL, encryption)."""

    client: Any = field(repr=False)
    name: str
    prefix: str
    options: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"s3://{self.name}/{self.prefix}"

    def why_not_versioned(self) -> str:
        """A sentence where the bucket does not keep versions; "". Raises DestinationError."""
        with self._translated(_("Bucket %(name)s was not read", name=self.name)):
            status = self.client.get_bucket_versioning(Bucket=self.name).get("Status", "")
        if status == "Enabled":
            return ""
        if status:
            return _("versioning of bucket %(name)s was switched off", name=self.name)
        return _("bucket %(name)s does not keep versions", name=self.name)

    def listed(self) -> Iterator[Listed]:
        """Every version of every object below the prefix. Raises DestinationError."""
        with self._translated(_("Bucket %(name)s was not listed", name=self.name)):
            pages = self.client.get_paginator("list_object_versions")
            for page in pages.paginate(Bucket=self.name, Prefix=self.prefix):
                for item in page.get("Versions", ()):
                    yield Listed(
                        item["Key"],
                        item["VersionId"],
                        item["IsLatest"],
                        is_mark=False,
                        etag=item["ETag"].strip('"'),
                        size=item["Size"],
                        modified=f"{item['LastModified']:%Y-%m-%dT%H:%M:%SZ}",
                    )
                for item in page.get("DeleteMarkers", ()):
                    key, version, is_latest = item["Key"], item["VersionId"], item["IsLatest"]
                    yield Listed(
                        key, version, is_latest, is_mark=True, etag="", size=0, modified=""
                    )

    def has(self, key: str, version: str, size: int, etag: str) -> bool:
        """Whether this version is there, may be read, and is as it was.

        Nothing of its content is read. Raises DestinationError.
        """
        with self._translated(_("%(name)s was not looked at", name=key)):
            try:
                found = self.client.head_object(Bucket=self.name, Key=key, VersionId=version)
            except ClientError as error:
                if status_of(error) in (_NOT_FOUND, _NO_SUCH_VERSION):
                    return False
                raise
        return bool(found["ContentLength"] == size and found["ETag"].strip('"') == etag)

    def make_newest(self, key: str, version: str, size: int) -> None:
        """Make a version the newest one, on the server's side. Raises DestinationError."""
        source = {"Bucket": self.name, "Key": key, "VersionId": version}
        with self._translated(_("%(name)s was not put back", name=key)):
            if size < LARGEST_COPY:
                self.client.copy_object(
                    Bucket=self.name, Key=key, CopySource=source, **self.options
                )
                return
            head = self.client.head_object(Bucket=self.name, Key=key, VersionId=version)
            said = {name: head[name] for name in _KEPT_HEADERS if head.get(name)}
            self.client.copy(source, self.name, key, ExtraArgs={**said, **self.options})

    def mark_deleted(self, key: str) -> None:
        """Delete an object, whose versions stay. Raises DestinationError."""
        with self._translated(_("%(name)s was not deleted", name=key)):
            self.client.delete_object(Bucket=self.name, Key=key)

    def _translated(self, what: str) -> AbstractContextManager[None]:
        try:
            config = S3Config(bucket=self.name, endpoint=str(self.client.meta.endpoint_url))
        except DestinationError:  # a name that no bucket has: the server says so, too
            config = S3Config(bucket="bucket")
        return to_destination_error(what, config)
