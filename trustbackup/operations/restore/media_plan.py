"""What a restore of uploaded files would do, found out without touching anything."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from trustbackup.contents.media.index import Member, MemberKind, read_index
from trustbackup.contents.media.selection import Selection
from trustbackup.contents.media.walk import Mishaps, walk
from trustbackup.exceptions import RestoreError, UsageError
from trustbackup.operations.backup.media import archives, buckets, what_is_in_buckets
from trustbackup.operations.checks import check_file, check_size
from trustbackup.operations.context import Context
from trustbackup.operations.media_folders import folder_of_part
from trustbackup.operations.object_checks import lacking_objects
from trustbackup.operations.progress import Progress, Reporter, quiet
from trustbackup.operations.restore.environment import judge_environment
from trustbackup.operations.restore.folder_swap import FolderTarget
from trustbackup.operations.restore.guard import refuse_if_busy
from trustbackup.operations.restore.objections import Objections, judge_signature
from trustbackup.operations.restore.source import locate, raw_opener
from trustbackup.phrases import Grouped
from trustbackup.phrases import gettext as _
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.durable import free_bytes
from trustbackup.store.manifest import Part
from trustbackup.store.sealed_manifest import require_open
from trustbackup.store.signature import Signature


@dataclass(frozen=True, kw_only=True)
class MediaRequest:
    """What the operator wants; without anything each folder is exchanged for the backup's."""

    parts: tuple[str, ...] = ()
    """Only these parts, such as ``media``; empty means all."""
    into: Path | None = None
    """Another folder, which is made; the site's are not touched then."""
    beside: bool = True
    """Whether a new folder is built beside the live one, which takes its place; else files are put
    into the live one."""
    trusted: bool = False
    """Whether the operator named its file and vouches for it."""
    environment: str | None = ""
    """The name of the one that the backup is from, as who confirmed it said; None to look only."""
    same_environment: bool = False
    """Whether somebody else looks after that."""


@dataclass(frozen=True, kw_only=True)
class FolderChanges:
    """How many files a restore would bring, change, leave as they are, and take away."""

    added: int = 0
    changed: int = 0
    same: int = 0
    gone: int = 0


@dataclass(frozen=True, kw_only=True)
class FolderPlan:
    """What would become of one folder; ``target`` is None where it goes elsewhere."""

    part: Part
    listing: Part
    target: FolderTarget | None
    changes: FolderChanges
    counted: bool
    """Whether anybody looked what changes."""


@dataclass(frozen=True, kw_only=True)
class MediaPlan:
    """The whole of it. ``refusals`` must be empty for the plan to be carried out."""

    entry: BackupFiles
    request: MediaRequest
    signature: Signature | None
    folders: tuple[FolderPlan, ...]
    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def plan_media_restore(
    reference: str,
    request: MediaRequest,
    report: Reporter = quiet,
    *,
    hashes: bool = True,
    count: bool = True,
    entry: BackupFiles | None = None,
) -> MediaPlan:
    """``reference`` is an id, or the path of a manifest or a file beside it.

    Without ``hashes`` the archives' content is not read, and of a backup whose data is elsewhere
    nothing ever: for a first look, never to restore. Without ``count`` no files are compared; an
    ``entry`` that was looked at already is not hashed again. Raises BackupNotFound, UsageError,
    RestoreError when a file is missing or damaged, Busy.
    """
    context = Context.current()
    entry = entry or locate(context, reference)
    manifest, signature = entry.read_manifest()
    require_open(manifest)
    found = list(archives(manifest))
    if not found and buckets(manifest):
        raise UsageError(
            _("The files of backup %(id)s are versions in a bucket", id=entry.id),
            todo=_(
                "Put them back from the command line: %(command)s",
                command=f"manage.py restore_backup {entry.id}",
            ),
        )
    if not found:
        raise UsageError(
            _("Backup %(id)s holds no uploaded files", id=entry.id),
            todo=_("Leave out the options that are of uploaded files."),
        )
    objections = judge_signature(signature, trusted=request.trusted)
    if request.into is None and not request.same_environment:
        objections += judge_environment(manifest, request.environment)
    if objections.refusals:  # what nobody vouches for is not read
        return MediaPlan(
            entry=entry,
            request=request,
            signature=signature,
            folders=(),
            refusals=objections.refusals,
        )
    folders = []
    is_here = entry.offloaded() is None
    for part, listing in _wanted(request, found, entry):
        if is_here:
            _must_be_whole(entry, part, listing, report, hashes=hashes)
        looks = count and is_here
        plan, against = _plan_folder(context, entry, request, part, listing, report, count=looks)
        folders.append(plan)
        objections += against
    objections += _look_at_room(request, folders)
    objections += Objections(warnings=tuple(what_is_in_buckets(manifest)))
    return MediaPlan(
        entry=entry,
        request=request,
        signature=signature,
        folders=tuple(folders),
        refusals=objections.refusals,
        warnings=objections.warnings,
    )


def _must_be_whole(
    entry: BackupFiles, part: Part, listing: Part, report: Reporter, *, hashes: bool
) -> None:
    """Raises RestoreError. The list is read anyway, and is small."""
    unread = [each for each in (part, listing) if each.file not in entry.hashes]
    for each in unread:
        is_read = hashes or each is listing
        problem = check_file(entry, each, report) if is_read else check_size(entry, each)
        if problem:
            break
    else:
        problem = lacking_objects(entry, part)
    if problem:
        raise RestoreError(
            _("Backup %(id)s was not restored", id=entry.id),
            why=problem,
            todo=_("Restore another backup, or another copy of it."),
        )


def _wanted(
    request: MediaRequest, found: list[tuple[Part, Part]], entry: BackupFiles
) -> Iterator[tuple[Part, Part]]:
    known = [part.part for part, _listing in found]
    for name in request.parts:
        if name not in known:
            raise UsageError(
                _("Backup %(id)s has no part %(part)r", id=entry.id, part=name),
                todo=_("Choose one of %(known)s.", known=", ".join(known)),
            )
    for part, listing in found:
        if not request.parts or part.part in request.parts:
            yield part, listing


def _plan_folder(
    context: Context,
    entry: BackupFiles,
    request: MediaRequest,
    part: Part,
    listing: Part,
    report: Reporter,
    *,
    count: bool,
) -> tuple[FolderPlan, Objections]:
    objections, target, changes = Objections(), None, FolderChanges()
    if request.into is None:
        target = FolderTarget(folder_of_part(context.settings, part.part))
        refuse_if_busy(context, target.alias)
        if request.beside and (why := target.why_not_swap()):
            objections += Objections.of(why)
        if not request.beside and not target.live.is_dir():
            objections += Objections.of(_("%(path)s is no folder.", path=target.live))
        if count:
            with members_of(entry, listing, report) as members:
                changes = _compare(target.live, members)
    elif os.path.lexists(request.into):
        objections += Objections.of(
            _("%(path)s is there already: name a folder that is not.", path=request.into)
        )
    plan = FolderPlan(part=part, listing=listing, target=target, changes=changes, counted=count)
    return plan, objections


@contextmanager
def members_of(
    entry: BackupFiles, listing: Part, report: Reporter = quiet
) -> Iterator[Iterator[Member]]:
    """The list of a part's files, read from its start."""
    stage = f"reading {listing.file}"
    report(Progress(stage=stage))
    with raw_opener(entry, listing.file, listing, stage, report)() as raw:
        yield read_index(raw)


def _compare(live: Path, members: Iterator[Member]) -> FolderChanges:
    """By size and time alone: whoever plans does not read gigabytes."""
    there = _count_files(live)
    added = changed = same = 0
    for member in members:
        if member.kind is MemberKind.FOLDER:
            continue
        try:
            status = (live / member.path).lstat()
        except OSError:
            added += 1
            continue
        if _is_as(member, live, status):
            same += 1
        else:
            changed += 1
    return FolderChanges(
        added=added, changed=changed, same=same, gone=max(0, there - changed - same)
    )


def _is_as(member: Member, live: Path, status: os.stat_result) -> bool:
    if member.kind is MemberKind.LINK:
        with suppress(OSError):
            return os.readlink(live / member.path) == member.target  # noqa: PTH115 - as it is
        return False
    found = (status.st_size, status.st_mtime_ns)
    return stat.S_ISREG(status.st_mode) and found == (member.size, member.mtime)


def _count_files(live: Path) -> int:
    """What is there and is no folder, also what backups leave out: it would go, too."""
    if not live.is_dir():
        return 0
    found = walk(live, Selection(), Mishaps())
    return sum(1 for each in found if not stat.S_ISDIR(each.status.st_mode))


def _look_at_room(request: MediaRequest, folders: list[FolderPlan]) -> Objections:
    """What is built beside the live folder needs room for all of it."""
    needs: dict[Path, int] = {}
    for plan in folders:
        facts = plan.part.files
        parent = request.into.parent if request.into else plan.target and plan.target.parent
        if facts is not None and parent and (request.beside or request.into):
            needs[parent] = needs.get(parent, 0) + facts.bytes
    objections = Objections()
    for parent, size in needs.items():
        free = free_bytes(parent)
        if free is not None and free < size:
            objections += Objections.of(
                _(
                    "The files need %(size)s bytes, and %(path)s has %(free)s: free some space"
                    " there.",
                    size=Grouped(size),
                    path=parent,
                    free=Grouped(free),
                )
            )
    return objections
