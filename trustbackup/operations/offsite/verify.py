"""Checks of backups wherever their data is: here, or at a destination."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from django.db import DatabaseError

from trustbackup.destinations.base import DestinationBackend, DestinationError, TooLong
from trustbackup.exceptions import BackupNotFound, Busy, ManifestError, TrustbackupError
from trustbackup.models import Copy
from trustbackup.operations.checks import (
    SIGNED,
    VerifyResult,
    missing,
    note_check,
    verify_entry,
    wrong_size,
)
from trustbackup.operations.context import Context
from trustbackup.operations.object_checks import reading_each_once
from trustbackup.operations.offsite.hydrate import _unknown, refs_with_copy
from trustbackup.operations.offsite.objects import check_objects_there
from trustbackup.operations.offsite.remote import (
    RemoteBackup,
    find_remote,
    list_remote,
    read_blocks,
    read_manifest,
)
from trustbackup.operations.offsite.targets import DestinationRef
from trustbackup.operations.progress import Progress, Reporter, quiet
from trustbackup.phrases import gettext as _
from trustbackup.phrases import joined
from trustbackup.store import catalog, names
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.manifest import Manifest
from trustbackup.store.objects import FORMAT
from trustbackup.store.signature import Signature

# ------------------------------------------------------------------------------ checks


def verify_backup(reference: str, report: Reporter = quiet) -> VerifyResult:
    """Check one backup, wherever its data is: signature, sizes, hashes.

    The outcome is written beside it. ``reference`` is an id, ``latest`` or a file name. Raises
    BackupNotFound.
    """
    context = Context.current()
    return _verify(context, context.folder.find(reference), report)


def verify_all(report: Reporter = quiet) -> list[VerifyResult]:
    """Check every backup in the folder, oldest first."""
    context = Context.current()
    entries = context.folder.scan()
    verdicts = []
    with reading_each_once():
        for key in sorted(entries, key=names.order):
            # One that was deleted meanwhile is none to say anything about.
            with suppress(BackupNotFound):
                verdicts.append(_verify_one(context, entries[key], report))
    return verdicts


def _verify_one(context: Context, entry: BackupFiles, report: Reporter) -> VerifyResult:
    try:
        return _verify(context, entry, report)
    except Busy as error:
        # That nobody could look says nothing about the backup: it is not written down.
        return VerifyResult(id=entry.id, problems=(str(error),), signature="")


def _verify(context: Context, entry: BackupFiles, report: Reporter) -> VerifyResult:
    with entry.in_use() as held:
        return _verify_held(context, held, report)


def _verify_held(context: Context, entry: BackupFiles, report: Reporter) -> VerifyResult:
    offloaded = entry.offloaded()
    if offloaded is None:
        return verify_entry(context, entry, report)
    problem: str = _unknown(offloaded)
    for ref in refs_with_copy(entry.id, offloaded):
        try:
            (verdict,) = verify_at(ref, [entry.id], report)
        except TrustbackupError as error:
            problem = str(error)
            continue
        note_check(entry, verdict)
        return verdict
    # That nobody could look says nothing about the backup: it is not written down.
    return VerifyResult(id=entry.id, problems=(problem,), signature="")


def verify_at(
    ref: DestinationRef, references: Sequence[str], report: Reporter = quiet
) -> list[VerifyResult]:
    """Read copies back, whole, and compare them with their manifests; "all" means all.

    Raises BackupNotFound, and DestinationError or Cancelled when a copy can't be read to its
    end: that says nothing about it, and its state stays as it was.
    """
    context = Context.current()
    with ref.open() as destination:
        if list(references) == ["all"]:
            there = list_remote(destination)
            remotes = [there[key] for key in sorted(there, key=names.order)]
        else:
            signer = context.signer
            remotes = [find_remote(destination, one, signer) for one in references]
        with reading_each_once():
            return [verify_remote(context, destination, remote, ref, report) for remote in remotes]


def verify_remote(
    context: Context,
    destination: DestinationBackend,
    remote: RemoteBackup,
    ref: DestinationRef,
    report: Reporter,
) -> VerifyResult:
    """The same for one copy that was listed; how it ended is written into the index."""
    problems: list[str] = []
    signature = ""
    if not remote.has_manifest:
        problems = [catalog.UNVERIFIED]
    else:
        try:
            found, signed = read_manifest(destination, remote, context.signer)
            signature = signed.value
            if signed is not Signature.OURS:
                problems.append(SIGNED[signed])
            problems += _read_through(destination, remote, found, ref.name, report)
        except ManifestError as error:
            problems.append(str(error))
        except DestinationError:
            if destination.stat(names.manifest_name(remote.id)) is not None:
                raise
            problems.append(catalog.UNVERIFIED)
    verdict = VerifyResult(id=remote.id, problems=tuple(problems), signature=signature)
    _note(ref, verdict, remote)
    return verdict


def _read_through(
    destination: DestinationBackend,
    remote: RemoteBackup,
    found: Manifest,
    name: str,
    report: Reporter,
) -> list[str]:
    """Read all data files there; a sentence for each that is missing or not the manifest's.

    Raises DestinationError when they can't be read, which says nothing about them.
    """
    problems: list[str] = []
    done = 0
    for part in found.parts:
        size = remote.files.get(part.file)
        if size is None:
            problems.append(missing(part))
            continue
        if size != part.bytes:
            problems.append(wrong_size(part, size))
            continue
        digest = hashlib.sha256()
        try:
            for block in read_blocks(destination, part.file, size):
                digest.update(block)
                done += len(block)
                report(Progress(stage=f"reading {name}", done=done, total=found.bytes))
        except TooLong as error:
            problems.append(str(error))
            continue
        except DestinationError:
            if destination.stat(part.file) is not None:
                raise
            problems.append(missing(part))
            continue
        if digest.hexdigest() != part.sha256:
            problems.append(
                _("%(file)s is corrupt: its SHA-256 is not the manifest's.", file=part.file)
            )
        elif part.format == FORMAT and (
            problem := check_objects_there(destination, part, name, report)
        ):
            problems.append(problem)
    return problems


def _note(ref: DestinationRef, verdict: VerifyResult, remote: RemoteBackup) -> None:
    if ref.row is None:
        return
    now = datetime.now(UTC)
    state = Copy.State.VERIFIED if verdict.ok else Copy.State.FAILED
    values = {
        "state": state,
        "bytes": remote.bytes,
        "changed": now,
        "problem": joined(verdict.problems),
        "permanent": False,
    }
    if verdict.ok:
        values["verified_at"] = now
    try:
        Copy.objects.update_or_create(identifier=remote.id, destination=ref.row, defaults=values)
    except DatabaseError:
        return
