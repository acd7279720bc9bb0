"""What putting a bucket's versions back would do, found out without a change.

The bucket is listed once, with all its versions; nothing of their contents is read. Memory grows
with the number of objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trustbackup.contents.versions import ObjectVersion, read_versions
from trustbackup.exceptions import UsageError
from trustbackup.operations.backup.media import buckets
from trustbackup.operations.context import Context
from trustbackup.operations.media_buckets import MediaBucket, bucket_of_part
from trustbackup.operations.progress import Progress, Reporter, quiet
from trustbackup.operations.restore.environment import judge_environment
from trustbackup.operations.restore.media_files import Overwrite
from trustbackup.operations.restore.objections import Objections, judge_signature
from trustbackup.operations.restore.source import raw_opener
from trustbackup.phrases import gettext as _
from trustbackup.phrases import ngettext
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.manifest import Part
from trustbackup.store.sealed_manifest import require_open

if TYPE_CHECKING:
    from trustbackup.destinations.s3.versioned import Listed

_SAID = 3
"""Names that a sentence says."""


@dataclass(frozen=True, kw_only=True)
class BucketRequest:
    """What the operator wants; without anything each bucket becomes as the backup says."""

    parts: tuple[str, ...] = ()
    """Only these parts; empty means all."""
    paths: tuple[str, ...] = ()
    """Only these files and folders, below the part's own; empty means all."""
    overwrite: Overwrite | None = None
    """What becomes of files that are there; None takes away what the backup has not, too."""
    trusted: bool = False
    """Whether the operator named its file and vouches for it."""
    environment: str = ""
    """The name of the one that the backup is from, as who confirmed it said."""


@dataclass(frozen=True, kw_only=True)
class BucketPart:
    """What would become of one bucket."""

    part: Part
    media: MediaBucket
    missing: tuple[ObjectVersion, ...] = ()
    """Deleted since; they come back."""
    changed: tuple[ObjectVersion, ...] = ()
    """There with another content, which becomes an older version."""
    surplus: tuple[str, ...] = ()
    """Keys that the backup has not; they are deleted, and their versions stay."""
    same: int = 0
    lost: tuple[str, ...] = ()
    """Keys whose version the bucket has no longer; these can't be put back."""


@dataclass(frozen=True, kw_only=True)
class BucketPlan:
    """The whole of it. ``refusals`` must be empty for the plan to be carried out."""

    entry: BackupFiles
    request: BucketRequest
    buckets: tuple[BucketPart, ...] = ()
    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def plan_bucket_restore(
    entry: BackupFiles, request: BucketRequest, report: Reporter = quiet
) -> BucketPlan:
    """Raises UsageError, RestoreError for a damaged list, ManifestError, DestinationError."""
    context = Context.current()
    manifest, signature = entry.read_manifest()
    require_open(manifest)
    objections = judge_signature(signature, trusted=request.trusted)
    objections += judge_environment(manifest, request.environment)
    if objections.refusals:  # what nobody vouches for is not read
        return BucketPlan(entry=entry, request=request, refusals=objections.refusals)
    found = []
    for part in buckets(manifest):
        if not request.parts or part.part in request.parts:
            media = bucket_of_part(context.settings, part.part)
            objections += _look_at(part, media)
            with versions_of(entry, part, media, report) as versions:
                found.append(_compare(part, media, versions, request, report))
            objections += _look_at_lost(found[-1], request)
    if request.paths and not any(each.missing or each.changed or each.same for each in found):
        raise UsageError(
            _("Backup %(id)s was not restored", id=entry.id),
            why=_("it has nothing at %(path)s", path=", ".join(request.paths)),
        )
    return BucketPlan(
        entry=entry,
        request=request,
        buckets=tuple(found),
        refusals=objections.refusals,
        warnings=objections.warnings,
    )


@contextmanager
def versions_of(
    entry: BackupFiles, part: Part, media: MediaBucket, report: Reporter
) -> Iterator[Iterator[ObjectVersion]]:
    """The list of a part, read from its start. Raises UsageError for that of another bucket."""
    where = part.files.folder if part.files else ""
    if where != str(media.bucket):
        raise UsageError(
            _("%(part)s can't be put back into %(where)s", part=part.part, where=str(media.bucket)),
            why=_("its versions are in %(where)s", where=where),
            todo=_("Let the storage in STORAGES name that bucket, or copy them with aws s3api."),
        )
    stage = f"reading {part.file}"
    with raw_opener(entry, part.file, part, stage, report)() as raw:
        yield read_versions(raw, media.bucket.prefix)


def _look_at(part: Part, media: MediaBucket) -> Objections:
    why = media.bucket.why_not_versioned()
    if not why:
        return Objections()
    return Objections.of(
        _(
            "%(part)s can't be put back safely: %(why)s, so that what is replaced would be lost."
            " Enable versioning for it, then try again.",
            part=part.part,
            why=why,
        )
    )


def _look_at_lost(found: BucketPart, request: BucketRequest) -> Objections:
    if not found.lost:
        return Objections()
    only_warn = request.overwrite is Overwrite.NEVER
    return Objections.of(lost_versions(found.part, found.lost), only_warn=only_warn)


def lost_versions(part: Part, keys: Iterable[str]) -> str:
    """A sentence on versions that a bucket has no longer."""
    keys = list(keys)
    names = ", ".join(map(repr, keys[:_SAID])) + (" …" if len(keys) > _SAID else "")
    return ngettext(
        "%(number)d version that %(part)s names is not in the bucket any more: %(names)s.",
        "%(number)d versions that %(part)s names are not in the bucket any more: %(names)s.",
        len(keys),
        part=part.part,
        names=names,
    )


def _compare(
    part: Part,
    media: MediaBucket,
    versions: Iterator[ObjectVersion],
    request: BucketRequest,
    report: Reporter,
) -> BucketPart:
    bucket = media.bucket
    wanted = {
        item.key: item
        for item in versions
        if is_wanted(item.key.removeprefix(bucket.prefix), request.paths)
    }
    there: dict[str, Listed] = {}
    there_as: dict[str, str] = {}
    surplus: list[str] = []
    for number, item in enumerate(bucket.listed()):
        if not number % 1000:
            report(Progress(stage=f"listing {part.part}", done=number))
        named = wanted.get(item.key)
        if named is not None:
            if item.version == named.version or has_content_of(item, named):
                exact = item.version == named.version
                there_as[item.key] = item.version if exact else there_as.get(item.key, item.version)
            if item.is_latest and not item.is_mark:
                there[item.key] = item
        elif (
            request.overwrite is None
            and item.is_latest
            and not item.is_mark
            and media.selection.takes_whole(item.key.removeprefix(bucket.prefix))
        ):
            surplus.append(item.key)
    missing: list[ObjectVersion] = []
    changed: list[ObjectVersion] = []
    lost: list[str] = []
    same = 0
    for key, named in wanted.items():
        live = there.get(key)
        if live is not None and _stays(named, live, request.overwrite):
            same += 1
        elif key not in there_as:
            lost.append(key)
        else:
            found = replace(named, version=there_as[key])
            (missing if live is None else changed).append(found)
    return BucketPart(
        part=part,
        media=media,
        missing=tuple(missing),
        changed=tuple(changed),
        surplus=tuple(surplus),
        same=same,
        lost=tuple(lost),
    )


def has_content_of(item: Listed, named: ObjectVersion) -> bool:
    """Whether this version is as good: Swift calls the one that was "null" anew when another
    takes its place."""
    return not item.is_mark and (item.etag, item.size) == (named.etag, named.size)


def _stays(named: ObjectVersion, live: Listed, overwrite: Overwrite | None) -> bool:
    if has_content_of(live, named):
        return True
    if overwrite is Overwrite.OLDER:
        return live.modified > named.modified
    return overwrite is Overwrite.NEVER


def is_wanted(path: str, paths: tuple[str, ...]) -> bool:
    """Whether one of these is a file's path, or a folder on its way; all for none."""
    names = [each.strip("/") for each in paths]
    return not names or any(path == each or path.startswith(f"{each}/") for each in names)
