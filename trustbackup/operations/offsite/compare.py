"""What differs between the backup folder and a destination."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db import DatabaseError

from trustbackup.destinations.base import DestinationBackend, NotMadeYet
from trustbackup.exceptions import FolderError, ManifestError
from trustbackup.models import Backup, Copy
from trustbackup.operations.context import Context
from trustbackup.operations.offsite.copy import CopyResult
from trustbackup.operations.offsite.objects import lacking_there, names_objects, sizes_there
from trustbackup.operations.offsite.remote import (
    Looked,
    RemoteBackup,
    list_remote,
    look_at_all,
    not_looked_at,
)
from trustbackup.operations.offsite.targets import DestinationRef
from trustbackup.phrases import gettext as _
from trustbackup.phrases import ngettext
from trustbackup.store import catalog, names
from trustbackup.store.backup_files import BackupFiles

WITH_FILES = ("media", "full")
"""The types of backups that may name objects."""


@dataclass(kw_only=True)
class SyncResult:
    """Ids of whole backups, oldest first, and what was done about them."""

    destination: str
    only_here: list[str] = field(default_factory=list)
    unwanted: list[str] = field(default_factory=list)
    """Only here, and the destination's rules of retention would let them go again at once: they
    are copied when somebody names them."""
    only_there: list[str] = field(default_factory=list)
    both: list[str] = field(default_factory=list)
    differing: dict[str, str] = field(default_factory=dict)
    """Id → a sentence: both have it, and they are not the same backup."""
    incomplete: dict[str, str] = field(default_factory=dict)
    """Id → a sentence: the copy lacks files of its manifest, or was found bad; a push mends it."""
    unfinished: list[str] = field(default_factory=list)
    """Files are there, and no manifest: no copy yet."""
    offloaded: list[str] = field(default_factory=list)
    """Their data was dropped here on purpose, and is at another destination than this one."""
    copied: list[CopyResult] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    renewed: list[str] = field(default_factory=list)
    """Their record there says now what is known here: protected, checked, drilled."""
    notes: list[str] = field(default_factory=list)
    """What went wrong with records, which stops no copy from being good."""
    errors: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not (self.errors or self.differing or self.incomplete)


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What was found, and what it was found from: the files there and those here, by id."""

    found: SyncResult
    there: Mapping[str, RemoteBackup]
    here: Mapping[str, BackupFiles]


def compare(context: Context, ref: DestinationRef, backups: Collection[str] = ()) -> Compared:
    """Look at both, change nothing but the index of copies. Raises DestinationError.

    A folder that the first copy is going to make counts as empty. ``backups`` are the ids of
    those that matter; none means all.
    """
    there: dict[str, RemoteBackup] = {}
    rows = catalog.synchronise(context.folder)
    here = context.folder.scan()
    found = SyncResult(destination=ref.name)
    looked = Looked()
    began = datetime.now(UTC)
    with ref.open() as destination:
        address = destination.address
        with contextlib.suppress(NotMadeYet):
            there = list_remote(destination)
        whole = {key: remote for key, remote in there.items() if remote.has_manifest}
        looked = look_at_all(destination, whole, context.signer, here, backups)
        _look_at_objects(destination, looked, rows, here)
    problems = looked.problems
    if looked.unread:
        found.errors.append(not_looked_at(ref.name, looked.unread))
    bad = {**problems, **_found_bad(ref, problems)}
    for key in sorted({*here, *there}.difference(looked.unread), key=names.order):
        if not backups or key in backups:
            row = rows.get(key)
            offloaded = row if row and row.state == Backup.State.OFFLOADED else None
            noted_here = offloaded is not None and offloaded.offloaded_to in (ref.name, address)
            theirs = there.get(key)
            _sort_in(found, here.get(key), theirs, offloaded, noted_here=noted_here)
            if bad.get(key) and key not in found.differing:
                found.incomplete[key] = bad[key]
    _index(ref, there, looked, began)
    return Compared(found=found, there=there, here=here)


def _look_at_objects(
    destination: DestinationBackend,
    looked: Looked,
    rows: Mapping[str, Backup],
    here: Mapping[str, BackupFiles],
) -> None:
    """Copies that lack objects are not complete; told of those whose lists are here, too."""
    there: dict[str, int] | None = None
    for key, problem in looked.problems.items():
        row, entry = rows.get(key), here.get(key)
        if problem or row is None or entry is None or row.kind not in WITH_FILES:
            continue
        try:
            found, _signature = entry.read_manifest()
            if not names_objects(found) or entry.missing(found):
                continue
            there = sizes_there(destination) if there is None else there
            lacking = lacking_there(entry, found, there)
        except (ManifestError, FolderError):
            continue
        if lacking:
            looked.problems[key] = ngettext(
                "%(number)d object of it is not there.",
                "%(number)d objects of it are not there.",
                len(lacking),
            )


def _sort_in(
    found: SyncResult,
    mine: BackupFiles | None,
    theirs: RemoteBackup | None,
    offloaded: Backup | None,
    *,
    noted_here: bool,
) -> None:
    if theirs is not None and not theirs.has_manifest:
        found.unfinished.append(theirs.id)
        theirs = None
    if mine is not None and mine.has_manifest and theirs is None:
        if noted_here:
            found.differing[mine.id] = _(
                "its data was dropped here because it was there, and it is not there any more."
            )
        elif offloaded is not None:
            found.offloaded.append(mine.id)
        else:
            found.only_here.append(mine.id)
    elif theirs is not None and (mine is None or not mine.has_manifest):
        found.only_there.append(theirs.id)
    elif mine is not None and theirs is not None:
        found.both.append(mine.id)
        if sentence := _differs(mine, theirs):
            found.differing[mine.id] = sentence


def _differs(mine: BackupFiles, theirs: RemoteBackup) -> str:
    """A sentence when it is another backup's manifest; "" when only data may be missing there."""
    name = names.manifest_name(mine.id)
    size, there = mine.files[name], theirs.files[name]
    if size == there:
        return ""
    return _(
        "%(file)s has %(here)d bytes here and %(there)d there.", file=name, here=size, there=there
    )


def _found_bad(ref: DestinationRef, problems: Mapping[str, str]) -> dict[str, str]:
    """Copies whose files are all there, and whose last copy or check failed: id → why."""
    if ref.row is None:
        return {}
    try:
        failed = list(Copy.objects.filter(destination=ref.row, state=Copy.State.FAILED))
    except DatabaseError:
        return {}
    return {
        copy.identifier: copy.problem
        for copy in failed
        if copy.problem and not problems.get(copy.identifier, "-")
    }


def _index(
    ref: DestinationRef,
    there: Mapping[str, RemoteBackup],
    looked: Looked,
    looked_at: datetime,
) -> None:
    """Make the rows of copies what the destination says: it is the truth, they are its index.

    What another process has noted since the look began is newer than what was seen.
    """
    if ref.row is None:
        return
    done, problems = Copy.THERE, looked.problems
    seen = {*problems, *looked.unread}
    try:
        known = {copy.identifier: copy for copy in Copy.objects.filter(destination=ref.row)}
        newer = {key for key, copy in known.items() if copy.changed >= looked_at}
        gone = [key for key, copy in known.items() if copy.state in done and key not in seen]
        older = Copy.objects.filter(destination=ref.row, changed__lt=looked_at)
        older.filter(identifier__in=gone).delete()
        for key, problem in problems.items():
            if key in newer:
                continue
            state = known[key].state if key in known else ""
            # That it is listed does not mend a copy that was found bad.
            if problem or state not in (*done, Copy.State.FAILED):
                Copy.objects.update_or_create(
                    identifier=key,
                    destination=ref.row,
                    defaults={
                        "state": Copy.State.FAILED if problem else Copy.State.STORED,
                        "bytes": there[key].bytes,
                        "changed": datetime.now(UTC),
                        "tries": 0,
                        "problem": problem,
                        "permanent": False,
                    },
                )
    except DatabaseError:
        return
