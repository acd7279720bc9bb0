"""Take backups over that were made elsewhere: checked in private first, then published.

What came is all good or none of it is taken over. With a manifest every file must be what
that says, to the byte; without one a dump is looked at by its first bytes, read to its end,
and listed as unverified. What has a name of ours keeps it, so that it is known again.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trustbackup.exceptions import FolderError, UsageError, file_operation
from trustbackup.operations.checks import check_files
from trustbackup.operations.context import Context
from trustbackup.operations.progress import Progress, Reporter, quiet
from trustbackup.operations.transfer.candidates import IncomingBackup, assemble
from trustbackup.operations.transfer.unpack import unpack
from trustbackup.phrases import gettext as _
from trustbackup.store import catalog, durable, names, record, staging
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.eviction import restore_data
from trustbackup.store.folder import BackupFolder
from trustbackup.store.staging import Received, StagingArea
from trustbackup.store.streams import BLOCK, sha256_of

logger = logging.getLogger(__name__)
_LONGEST = 600.0
"""Seconds that a run may work on what was uploaded, and besides as long as it takes at"""
_SLOWEST = 1e6
"""bytes a second."""


@dataclass(frozen=True, kw_only=True)
class AdoptResult:
    """A backup that was taken over, or that was here already with the same content."""

    id: str
    new: bool
    bytes: int
    signature: str
    """Who signed its manifest, in words; "" when it has none and is unverified."""
    files: tuple[str, ...]


def adopt_received(area: StagingArea, report: Reporter = quiet) -> list[AdoptResult]:
    """Publish the backups among the files in ``area``: dumps, manifests, bundles.

    Raises UsageError, ManifestError, FolderError or Busy; nothing was taken over then, unless
    publishing itself failed midway, which leaves whole backups only.
    """
    context = Context.current()
    if not area.received:
        raise UsageError(_("No file was given"), todo=_("Choose a dump, a manifest or a bundle."))
    began = time.monotonic()
    files = []
    for received in list(area.received):
        report(Progress(stage=f"unpacking {received.name}"))
        files += unpack(area, received, report)
    candidates = assemble(context, files, report)
    entries = context.folder.scan()
    lacking, here = [], []
    for candidate in candidates:
        # What is here stays as it is while it is compared.
        with _held(entries.get(candidate.id)) as entry:
            lacking.append(_lacks(candidate, entry))
            here.append(lacking[-1] or _is_here(candidate, entry))
    report(Progress(stage="publishing"))
    adopted = []
    for candidate, known, lacks in zip(candidates, here, lacking, strict=True):
        identifier, stored = candidate.id, tuple(sorted(candidate.files))
        if lacks:
            restore_data(entries[candidate.id], candidate.files)
        elif not known:
            identifier, stored = _publish(context, candidate)
            seconds = time.monotonic() - began
            logger.info(
                "Backup %s was taken over: %d bytes, %.1f s.", identifier, candidate.bytes, seconds
            )
        adopted.append(
            AdoptResult(
                id=identifier,
                new=lacks or not known,
                bytes=candidate.bytes,
                signature=candidate.signature.value if candidate.signature else "",
                files=stored,
            )
        )
    catalog.synchronise(context.folder)
    return adopted


def adopt_handed_over(name: str, report: Reporter = quiet) -> list[AdoptResult]:
    """The same for what a request received and handed over (``staging.resume``)."""
    with staging.resume(Context.current().settings.backup_dir, name) as area:
        size = sum(received.size for received in area.received)
        return adopt_received(area, within(_LONGEST + size / _SLOWEST, report))


def within(seconds: float, report: Reporter = quiet) -> Reporter:
    """A reporter that raises UsageError when it takes longer, whatever was sent."""
    until = time.monotonic() + seconds

    def reporter(progress: Progress) -> None:
        report(progress)
        if time.monotonic() > until:
            raise UsageError(
                _("What was sent was not taken over"),
                why=_("checking it took longer than %(count)d seconds", count=round(seconds)),
                todo=_("Bring it to the server, and take it over with adopt_backup."),
            )

    return reporter


def adopt_paths(paths: Sequence[str], report: Reporter = quiet) -> list[AdoptResult]:
    """The same for files of this machine, which are copied.

    The manifest of a dump, and the dumps of a manifest, come along from the same folder.
    """
    context = Context.current()
    with staging.begin(context.settings.backup_dir) as area:
        for path in dict.fromkeys(_with_companions(context, paths)):
            report(Progress(stage=f"copying {path.name}"))
            with (
                file_operation(_("Reading"), path),
                path.open("rb", buffering=0) as file,
                area.receive(path.name) as target,
            ):
                while block := file.read(BLOCK):
                    target.write(block)
        return adopt_received(area, report)


def _with_companions(context: Context, paths: Iterable[str]) -> Iterator[Path]:
    for text in paths:
        path = Path(text).absolute()
        with file_operation(_("Reading"), path):
            if not path.is_file():
                path.stat()  # says what is wrong, if it is not there
                raise FolderError(
                    _("%(path)s is not a file", path=path),
                    todo=_("Give dumps, manifests, bundles."),
                )
        yield path
        if parsed := names.parse(path.name):
            entry = BackupFolder(path.parent, context.signer).scan().get(parsed.id)
            yield from (path.parent / name for name in sorted(entry.files if entry else ()))


@contextlib.contextmanager
def _held(entry: BackupFiles | None) -> Iterator[BackupFiles | None]:
    if entry is None:
        yield None
        return
    with entry.in_use() as held:
        yield held


def _lacks(candidate: IncomingBackup, entry: BackupFiles | None) -> bool:
    """Whether the same backup is here without its data, or with a part of it."""
    if entry is None or not candidate.manifest or not _same_bytes(candidate.manifest, entry):
        return False
    return bool(entry.missing(entry.read_manifest()[0]))


def _is_here(candidate: IncomingBackup, entry: BackupFiles | None) -> bool:
    """Whether the same backup is here, whole. Raises UsageError when it is another one."""
    if entry is None:
        return False
    if candidate.manifest:
        same = _same_manifest(candidate.manifest, entry)
    else:
        same = all(_same_file(entry, *item) for item in candidate.files.items())
    if not same:
        raise UsageError(
            _("Backup %(id)s was not taken over", id=entry.id),
            why=_("another one of that name is here, with other content"),
            todo=_("Delete or move the one that is here, then try again."),
        )
    return True


def _same_manifest(data: bytes, entry: BackupFiles) -> bool:
    return _same_bytes(data, entry) and not check_files(entry, entry.read_manifest()[0])


def _same_bytes(data: bytes, entry: BackupFiles) -> bool:
    if not entry.has_manifest:
        return False
    name = names.manifest_name(entry.id)
    with durable.open_regular(entry.root / name) as file, file_operation(_("Reading"), name):
        return file.read(len(data) + 1) == data


def _same_file(entry: BackupFiles, name: str, received: Received) -> bool:
    if entry.files.get(name) != received.size:
        return False
    with file_operation(_("Reading"), name):
        return sha256_of(entry.root / name) == received.sha256


def _publish(context: Context, candidate: IncomingBackup) -> tuple[str, tuple[str, ...]]:
    folder = context.folder
    begun = folder.draft_as(candidate.id) if candidate.id else folder.draft(datetime.now(UTC))
    with begun as draft:
        files = dict(candidate.files)
        if not candidate.id:
            (received,) = files.values()
            name = names.part_name(draft.id, "default", candidate.kind, candidate.suffix)
            files = {name: received}
        for name, received in files.items():
            draft.take(received.path, name)
        if candidate.record:
            with draft.create(names.record_name(draft.id)) as file:
                file.write(record.render(draft.id, candidate.record, context.signer))
        draft.publish(candidate.manifest or None)
    return draft.id, tuple(sorted(files))
