"""The drill of a bucket's versions: each is looked at, and none is read."""

from __future__ import annotations

import time
from collections.abc import Iterator

from trustbackup.contents.versions import ObjectVersion
from trustbackup.exceptions import TrustbackupError
from trustbackup.operations.backup.media import archives, buckets
from trustbackup.operations.context import Context
from trustbackup.operations.media_buckets import bucket_of_part
from trustbackup.operations.progress import Progress, Reporter
from trustbackup.operations.restore.bucket_plan import has_content_of, lost_versions, versions_of
from trustbackup.operations.restore.in_parallel import in_parallel
from trustbackup.operations.restore.media_drill import FolderDrill
from trustbackup.phrases import gettext as _
from trustbackup.phrases import ngettext
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.manifest import Manifest, Part


def file_drills(
    context: Context, entry: BackupFiles, manifest: Manifest, report: Reporter
) -> Iterator[FolderDrill | BucketDrill]:
    """One for each part that is uploaded files, wherever these are. Raises UsageError."""
    for part, listing in archives(manifest):
        yield FolderDrill(context, entry, part, listing, report)
    for part in buckets(manifest):
        yield BucketDrill(context, entry, part, report)


class BucketDrill:
    """The drill of one bucket. ``problems`` and ``notes`` are filled by ``run``."""

    def __init__(self, context: Context, entry: BackupFiles, part: Part, report: Reporter) -> None:
        self.context, self.entry, self.part, self.report = context, entry, part, report
        self.problems: list[str] = []
        self.notes: list[str] = []

    def run(self) -> float:
        """Ask for each version; the seconds that took."""
        began = time.monotonic()
        try:
            self._look()
        except TrustbackupError as error:
            self.problems.append(str(error))
        return time.monotonic() - began

    def _look(self) -> None:
        media = bucket_of_part(self.context.settings, self.part.part)
        bucket, stage = media.bucket, f"looking at {self.part.part}"
        if why := bucket.why_not_versioned():
            self.problems.append(
                _(
                    "%(part)s is not safe: %(why)s. Enable versioning for it.",
                    part=self.part.part,
                    why=why,
                )
            )

        def is_there(item: ObjectVersion) -> bool:
            return bucket.has(item.key, item.version, item.size, item.etag)

        done, count = 0, 0
        lost: dict[str, ObjectVersion] = {}
        total = self.part.files.bytes if self.part.files else 0
        with versions_of(self.entry, self.part, media, self.report) as versions:
            for item, there in in_parallel(is_there, versions):
                done, count = done + item.size, count + 1
                self.report(Progress(stage=stage, done=done, total=total))
                if not there:
                    lost[item.key] = item
        if lost:
            for other in bucket.listed():
                if other.key in lost and has_content_of(other, lost[other.key]):
                    del lost[other.key]
        if lost:
            self.problems.append(lost_versions(self.part, lost))
        self.notes.append(
            ngettext(
                "%(part)s: the bucket was asked for %(number)d version, whose content was not"
                " read.",
                "%(part)s: the bucket was asked for %(number)d versions, whose contents were not"
                " read.",
                count,
                part=self.part.part,
            )
        )
