"""Check that a backup is what its manifest says, byte for byte."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from django.db import connections

from trustbackup.databases.base import Database
from trustbackup.databases.registry import recognise_engine
from trustbackup.exceptions import (
    FolderError,
    ManifestError,
    TrustbackupError,
    UsageError,
    file_operation,
)
from trustbackup.operations.context import Context
from trustbackup.operations.object_checks import check_objects
from trustbackup.operations.progress import Progress, Reporter, quiet
from trustbackup.phrases import gettext as _
from trustbackup.store import catalog, record
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.checked_file import hashes_of
from trustbackup.store.manifest import Manifest, Part
from trustbackup.store.objects import FORMAT
from trustbackup.store.sealed_manifest import require_open
from trustbackup.store.signature import Signature
from trustbackup.store.streams import BLOCK, Decompressed

logger = logging.getLogger(__name__)
SIGNED = {
    Signature.UNKNOWN: _("The manifest was signed by an unknown key."),
    Signature.ALTERED: _("The manifest was altered since it was signed."),
}
"""What is wrong with a signature that is not ours."""


@dataclass(frozen=True, kw_only=True)
class VerifyResult:
    """How a check ended: ``ok`` only when nothing at all is wrong."""

    id: str
    problems: tuple[str, ...]
    signature: str

    @property
    def ok(self) -> bool:
        return not self.problems


def verify_entry(context: Context, entry: BackupFiles, report: Reporter = quiet) -> VerifyResult:
    """Check a backup's files here: signature, sizes, hashes. The outcome is written beside it."""
    if not entry.has_manifest:
        problems = [catalog.UNVERIFIED]
        problems += inspect_foreign(context, entry, report)
        return VerifyResult(id=entry.id, problems=tuple(problems), signature="")
    try:
        manifest, signature = entry.read_manifest()
    except TrustbackupError as error:
        return VerifyResult(id=entry.id, problems=(str(error),), signature="")
    began = time.monotonic()
    problems = check_files(entry, manifest, report)
    if signature is not Signature.OURS:
        problems.insert(0, SIGNED[signature])
    verdict = VerifyResult(id=entry.id, problems=tuple(problems), signature=signature.value)
    note_check(entry, verdict)
    logger.info(
        "Backup %s was checked: %s, %d bytes, %.1f s.",
        entry.id,
        "good" if verdict.ok else "not good",
        manifest.bytes,
        time.monotonic() - began,
    )
    return verdict


def note_check(entry: BackupFiles, verdict: VerifyResult) -> None:
    """Write down beside a backup how its check ended."""
    check = record.Check(at=datetime.now(UTC), ok=verdict.ok, problems=verdict.problems)
    # A read-only copy can be checked all the same; only the note about it is lost.
    with suppress(FolderError):
        entry.folder.change(entry.id, lambda noted: replace(noted, checked=check))


def require_identity(entry: BackupFiles) -> None:
    """Look whether the identities in use open each part of a backup, by the files' beginnings.

    Raises IdentityNeeded, ManifestError, FolderError.
    """
    manifest, _signature = entry.read_manifest()
    require_open(manifest)
    for part in manifest.parts if manifest.recipients else ():
        with file_operation(_("Reading"), part.file), Decompressed(entry.root / part.file):
            pass


def check_files(entry: BackupFiles, manifest: Manifest, report: Reporter = quiet) -> list[str]:
    """A sentence for each data file that is missing, not whole, or changed, objects among them."""
    problems = []
    for part in manifest.parts:
        problem = check_file(entry, part, report)
        if not problem and part.format == FORMAT:
            problem = check_objects(entry, part, report)
        problems.append(problem)
    return [problem for problem in problems if problem]


def check_file(entry: BackupFiles, part: Part, report: Reporter = quiet) -> str:
    """A sentence when a part's file is missing, not whole, or changed; "" when it is good.

    What was read of a good one is kept in ``entry.hashes``.
    """
    return check_size(entry, part) or _check_hash(entry, part, report)


def check_size(entry: BackupFiles, part: Part) -> str:
    """The same without reading it."""
    size = entry.files.get(part.file)
    if size is None:
        return missing(part)
    return wrong_size(part, size) if size != part.bytes else ""


def missing(part: Part) -> str:
    return _("%(file)s is missing.", file=part.file)


def wrong_size(part: Part, size: int) -> str:
    return _(
        "%(file)s has %(size)d bytes instead of %(expected)d.",
        file=part.file,
        size=size,
        expected=part.bytes,
    )


def _check_hash(entry: BackupFiles, part: Part, report: Reporter) -> str:
    stage = f"checking {part.file}"
    try:
        with file_operation(_("Reading"), part.file):
            found = hashes_of(entry.root / part.file, _follow(report, stage, part.bytes))
    except FolderError as error:
        return str(error)
    if found.sha256 != part.sha256:
        return _("%(file)s is corrupt: its SHA-256 is not the one in the manifest.", file=part.file)
    entry.hashes[part.file] = found
    return ""


def _follow(report: Reporter, stage: str, total: int) -> Callable[[int], None]:
    return lambda done: report(Progress(stage=stage, done=done, total=total))


def inspect_foreign(context: Context, entry: BackupFiles, report: Reporter = quiet) -> list[str]:
    """What is wrong with dumps that came without a manifest: read through, not trusted."""
    problems = []
    for name in entry.data_files or list(entry.files):
        report(Progress(stage=f"reading {name}"))
        try:
            database, format_ = format_of(context, entry.root / name)
            with Decompressed(entry.root / name) as raw:
                found = database.inspect(raw, format_)
                # To the end: a file that was cut short may begin well.
                while raw.read(BLOCK):
                    pass
        except (TrustbackupError, OSError) as error:
            problems.append(str(error))
            continue
        if found:
            problems.append(_("%(file)s: %(problem)s.", file=name, problem=found))
    return problems


def format_of(context: Context, path: Path) -> tuple[Database, str]:
    """The site's first database that could have made a dump, and the dump's format.

    By the dump's first bytes, never by its name. Raises ManifestError.
    """
    with file_operation(_("Reading"), path), Decompressed(path) as raw:
        head = raw.read(512)
    for alias in connections:
        try:
            database = context.database(alias)
        except UsageError:
            continue
        for format_, (offset, magic) in database.formats.items():
            if head[offset : offset + len(magic)] == magic:
                return database, format_
    why, todo = _other(head)
    raise ManifestError(
        _("%(file)s is no dump that this site can read", file=path.name), why=why, todo=todo
    )


def _other(head: bytes) -> tuple[str, str]:
    """What else a file may be, and what to do with that."""
    if head.startswith(b"PK\x03\x04"):
        return _("it is a zip archive"), _("Unpack it, and give one of its files.")
    if engine := recognise_engine(head):
        return (
            _("it holds a %(engine)s database", engine=engine.label),
            _("Restore it on a site with that engine."),
        )
    if not head:
        return _("it is empty"), _("Choose another file.")
    if head[:1].isascii() and b"\x00" not in head:
        return (
            _("it is text, perhaps SQL, which could run anything"),
            _("Make a dump with pg_dump -Fc, or run the text yourself if you trust it."),
        )
    return (
        _("its first bytes are those of no engine in DATABASES"),
        _("Choose a dump of this site's database."),
    )
