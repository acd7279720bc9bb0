"""A bucket of uploaded files as a part of a backup: the list of the versions that are newest now.

Nothing is copied. The list is as good as the bucket's promise to keep its versions.
"""

from __future__ import annotations

from trustbackup.contents.versions import FORMAT, ObjectVersion, write_version
from trustbackup.exceptions import DumpError
from trustbackup.operations.backup.media import Spooled, media_part, open_spool
from trustbackup.operations.media_buckets import MediaBucket
from trustbackup.operations.progress import Progress, Reporter
from trustbackup.phrases import gettext as _
from trustbackup.store import drafts, names
from trustbackup.store.compression import Compression
from trustbackup.store.file_facts import FileFacts
from trustbackup.store.manifest import Part
from trustbackup.store.streams import write_compressed

_TOLD = 1000
"""Objects after which progress is told."""


def dump_versions(
    media: MediaBucket, draft: drafts.Draft, how: Compression, report: Reporter
) -> Part:
    """Raises DumpError where the bucket keeps no versions, DestinationError, FolderError."""
    stage, bucket = f"listing {media.part}", media.bucket
    report(Progress(stage=stage))
    if why := bucket.why_not_versioned():
        raise DumpError(
            _("The files in %(where)s were not backed up", where=str(bucket)),
            why=why,
            todo=_(
                "Enable versioning for the bucket: a backup of it names versions, and copies"
                " nothing."
            ),
        )
    files = size = 0
    with open_spool(draft.folder) as spool:
        for item in bucket.listed():
            path = item.key.removeprefix(bucket.prefix)
            if not item.is_latest or item.is_mark or not path:
                continue
            if not media.selection.takes_whole(path):
                continue
            spool.write(
                write_version(
                    ObjectVersion(
                        key=item.key,
                        version=item.version,
                        etag=item.etag,
                        size=item.size,
                        modified=item.modified,
                    )
                )
            )
            files, size = files + 1, size + item.size
            if not files % _TOLD:
                report(Progress(stage=stage, done=size))
        spool.seek(0)
        name = names.part_name(draft.id, media.part, "jsonl", how.suffix)
        with draft.create(name) as target:
            stored = write_compressed(Spooled(spool), target, how)
    facts = FileFacts(
        name=media.name,
        folder=str(bucket),
        files=files,
        folders=0,
        links=0,
        bytes=size,
        changed=0,
        vanished=0,
        unreadable=0,
        special=0,
        named=(),
        include=media.selection.include,
        exclude=media.selection.exclude,
    )
    return media_part(media.part, name, FORMAT, stored, how, facts)
