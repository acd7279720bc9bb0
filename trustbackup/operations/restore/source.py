"""Where a backup that is to be restored is, and its raw stream."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from trustbackup.exceptions import BackupNotFound, FolderError, RestoreError, file_operation
from trustbackup.operations.checks import check_file
from trustbackup.operations.context import Context
from trustbackup.operations.progress import Progress, Reporter
from trustbackup.phrases import gettext as _
from trustbackup.store import names
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.checked_file import BlockHashes
from trustbackup.store.folder import BackupFolder
from trustbackup.store.manifest import Part
from trustbackup.store.streams import Decompressed, Readable


def locate(context: Context, reference: str) -> BackupFiles:
    """The backup that a reference means: in the backup folder, or at a path."""
    try:
        return context.folder.find(reference)
    except BackupNotFound:
        if os.sep not in reference and not Path(reference).is_file():
            raise
    path = Path(reference).absolute()
    with file_operation(_("Reading"), path):
        path.stat()
    if not path.is_file():
        raise FolderError(
            _("%(path)s is not a file", path=path),
            todo=_("Give the path of a dump or a manifest."),
        )
    parsed = names.parse(path.name)
    folder = BackupFolder(path.parent, context.signer)
    entries = folder.scan() if parsed else {}
    if parsed and parsed.id in entries:
        return entries[parsed.id]
    path = path.resolve()
    folder = BackupFolder(path.parent, context.signer)
    return BackupFiles(folder, path.name, {path.name: path.stat().st_size})


def names_a_file(reference: str) -> bool:
    """Whether somebody looked at what is to be restored: an id or ``latest`` names no file."""
    return os.sep in reference or names.parse(reference) is not None or Path(reference).is_file()


def raw_opener(
    entry: BackupFiles, file: str, part: Part | None, stage: str, report: Reporter
) -> Callable[[], AbstractContextManager[Readable]]:
    """Opens a part's raw dump again and again; it stops at the size it should have.

    It is what was checked, or ManifestError is raised: the file may be another one by now.
    """

    @contextmanager
    def open_raw() -> Iterator[Readable]:
        known = _hashes_of(entry, part, report) if part else None
        with Decompressed(entry.root / file, known) as raw:
            yield _ProgressReader(raw, stage, part.raw_bytes if part else 0, report)

    return open_raw


def _hashes_of(entry: BackupFiles, part: Part, report: Reporter) -> BlockHashes:
    if part.file not in entry.hashes and (problem := check_file(entry, part, report)):
        raise RestoreError(
            _("Backup %(id)s was not restored", id=entry.id),
            why=problem,
            todo=_("Restore another backup, or another copy of it."),
        )
    return entry.hashes[part.file]


class _ProgressReader:
    """A stream that reports what was read of it, and stops at the size it should have."""

    def __init__(self, raw: Decompressed, stage: str, total: int, report: Reporter) -> None:
        self.raw, self.stage, self.total, self.report = raw, stage, total, report
        self.done = 0

    def read(self, size: int = -1, /) -> bytes:
        block = self.raw.read(size)
        self.done += len(block)
        if self.total and (self.done > self.total or (not block and self.done < self.total)):
            raise RestoreError(
                _("%(file)s was not restored", file=self.raw.path.name),
                why=_(
                    "it unpacks to %(size)d bytes or more, and should to %(expected)d",
                    size=self.done,
                    expected=self.total,
                ),
                todo=_("Restore another backup."),
            )
        self.report(Progress(stage=self.stage, done=self.done, total=self.total))
        return block
