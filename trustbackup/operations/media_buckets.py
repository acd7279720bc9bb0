"""Which buckets of uploaded files the site has, and what they are called in backups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trustbackup.conf import Settings
from trustbackup.contents.media.selection import Selection
from trustbackup.exceptions import UsageError
from trustbackup.operations.media_folders import (
    contents_of_site,
    is_bucket,
    open_storage,
    part_of,
    selection_of,
)
from trustbackup.phrases import gettext as _

if TYPE_CHECKING:
    from trustbackup.destinations.s3.versioned import VersionedBucket

_WRITTEN_WITH = ("ServerSideEncryption", "SSEKMSKeyId", "StorageClass")
"""What a storage says of the objects that it writes, and a copy does not take along."""


@dataclass(frozen=True, kw_only=True)
class MediaBucket:
    """A bucket of uploaded files, or a folder in one."""

    name: str
    bucket: VersionedBucket
    selection: Selection

    @property
    def part(self) -> str:
        """The name of its part: ``media``, or ``media-invoices`` for ``invoices``."""
        return part_of(self.name)


def media_buckets(settings: Settings) -> list[MediaBucket]:
    """All that backups of uploaded files hold, by name. Raises UsageError."""
    found = []
    for name, item in sorted(contents_of_site(settings).items()):
        if "STORAGE" in item and is_bucket(storage := open_storage(item["STORAGE"])):
            bucket = _bucket_of(storage)
            found.append(MediaBucket(name=name, bucket=bucket, selection=selection_of(item)))
    return found


def bucket_of_part(settings: Settings, part: str) -> MediaBucket:
    """The bucket whose part has this name. Raises UsageError where the settings have none."""
    found = {bucket.part: bucket for bucket in media_buckets(settings)}
    if part not in found:
        raise UsageError(
            _("There is no bucket of uploaded files for %(part)s", part=part),
            why=_("TRUSTBACKUP['CONTENTS'] has those for %(names)s", names=", ".join(found)),
            todo=_("Name the alias of its storage there."),
        )
    return found[part]


def _bucket_of(storage: Any) -> VersionedBucket:  # noqa: ANN401 - django-storages' own
    from trustbackup.destinations.s3.versioned import VersionedBucket

    prefix = str(storage.location or "").strip("/")
    options = {
        name: str(storage.object_parameters[name])
        for name in _WRITTEN_WITH
        if storage.object_parameters.get(name)
    }
    if storage.default_acl:
        options["ACL"] = str(storage.default_acl)
    return VersionedBucket(
        client=storage.connection.meta.client,
        name=str(storage.bucket_name),
        prefix=f"{prefix}/" if prefix else "",
        options=options,
    )
