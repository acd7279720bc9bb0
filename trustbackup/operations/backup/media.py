"""Folders of uploaded files as parts of a backup: an archive of each, and the list of its files."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import IO, Protocol

import django

from trustbackup.contents.media.archive import FolderArchive
from trustbackup.contents.media.index import MemberKind
from trustbackup.contents.media.walk import Mishap, Mishaps, readable
from trustbackup.contents.versions import FORMAT as VERSIONS
from trustbackup.exceptions import TrustbackupError, UsageError, file_operation
from trustbackup.operations.media_folders import LIST, MediaFolder
from trustbackup.operations.progress import Progress, Reporter
from trustbackup.phrases import gettext as _
from trustbackup.phrases import ngettext
from trustbackup.store import drafts, names
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.compression import Compression
from trustbackup.store.file_facts import FileFacts
from trustbackup.store.manifest import Manifest, Part
from trustbackup.store.streams import Readable, Written, write_compressed

MEDIA_KIND = "media"
"""The type of a backup that holds uploaded files."""
_SAID = 3
"""Names that a sentence says."""
OnList = Callable[[Readable], object]
"""Gets a folder's list as a stream, not compressed and not encrypted."""


def no_one(_list: Readable) -> None:
    """Where nobody wants to read the list."""


def dump_folder(
    folder: MediaFolder,
    draft: drafts.Draft,
    how: Compression,
    report: Reporter,
    on_list: OnList,
) -> tuple[Part, Part]:
    """The archive of a folder, and the list of its files, which ``on_list`` gets to read.

    Raises DumpError, FolderError.
    """
    stage = f"reading {folder.part}"
    report(Progress(stage=stage))
    archive_name = names.part_name(draft.id, folder.part, "tar", how.suffix)
    with open_spool(draft.folder) as spool:
        with file_operation(_("Reading the state of"), draft.root):
            backups = draft.root.stat()
        archive = FolderArchive(folder.path, folder.selection, spool, backups)
        with closing(archive), draft.create(archive_name) as target:
            stored = write_compressed(
                archive,
                target,
                how,
                lambda done: report(Progress(stage=stage, done=done)),
                is_packed=lambda: archive.packed,
            )
        spool.seek(0)
        list_name = names.part_name(draft.id, folder.part + LIST, "jsonl", how.suffix)
        with draft.create(list_name) as target:
            listed = write_compressed(Spooled(spool), target, how)
        spool.seek(0)
        on_list(spool)
    facts = facts_of_folder(folder, archive)
    return (
        media_part(folder.part, archive_name, "tar", stored, how, facts),
        media_part(folder.part + LIST, list_name, "jsonl", listed, how, None),
    )


class Read(Protocol):
    """What became of a folder that was read."""

    mishaps: Mishaps
    counts: Counter[MemberKind]
    bytes: int


def facts_of_folder(folder: MediaFolder, archive: Read) -> FileFacts:
    """What the manifest says of it."""
    count = archive.mishaps.counts
    return FileFacts(
        name=folder.name,
        folder=readable(str(folder.path)),
        files=archive.counts[MemberKind.FILE],
        folders=archive.counts[MemberKind.FOLDER],
        links=archive.counts[MemberKind.LINK],
        bytes=archive.bytes,
        changed=count[Mishap.CHANGED],
        vanished=count[Mishap.VANISHED],
        unreadable=count[Mishap.UNREADABLE],
        special=count[Mishap.SPECIAL],
        named=tuple(f"{mishap}: {path}" for mishap, path in archive.mishaps.names),
        include=folder.selection.include,
        exclude=folder.selection.exclude,
    )


def media_part(
    part: str, file: str, format_: str, stored: Written, how: Compression, facts: FileFacts | None
) -> Part:
    """A part that holds no database."""
    return Part(
        part=part,
        file=file,
        bytes=stored.size,
        raw_bytes=stored.raw_size,
        sha256=stored.sha256,
        plain_bytes=stored.plain_size,
        plain_sha256=stored.plain_sha256,
        compression=how.name,
        format=format_,
        engine="",
        connector="",
        server_version="",
        tool_version=f"Django {django.get_version()}",
        database="",
        encoding="UTF-8",
        files=facts,
    )


def open_spool(folder: Path) -> IO[bytes]:
    """A file without a name, which goes with its process."""
    with file_operation(_("Creating"), folder):
        return tempfile.TemporaryFile(dir=folder)


class Spooled:
    """The spool as a source."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def readinto(self, buffer: memoryview, /) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def archives(manifest: Manifest) -> Iterator[tuple[Part, Part]]:
    """The archives of a backup, each with its list. Raises UsageError where one has none.

    What lies in a bucket (``buckets``) is none.
    """
    for part in manifest.parts:
        if part.files is not None and part.format != VERSIONS:
            listing = manifest.part(part.part + LIST)
            if listing is None:
                raise UsageError(
                    _("Backup %(id)s can't be restored", id=manifest.id),
                    why=_("it has no list of the files in %(file)s", file=part.file),
                    todo=_("Unpack that with tar, or use another backup."),
                )
            yield part, listing


def buckets(manifest: Manifest) -> list[Part]:
    """The parts whose files stay where they are, as versions in a bucket."""
    return [part for part in manifest.parts if part.format == VERSIONS]


def holds_media(entry: BackupFiles) -> bool:
    """Whether a backup is uploaded files alone; False where its manifest can't be read."""
    with suppress(TrustbackupError):
        return entry.has_manifest and entry.read_manifest()[0].kind == MEDIA_KIND
    return False


def refuse_media(entry: BackupFiles) -> None:
    """Raises UsageError for uploaded files alone, where a database is to be restored."""
    if holds_media(entry):
        raise UsageError(
            _("Backup %(id)s holds uploaded files, and no database", id=entry.id),
            todo=_(
                "Restore it from the command line: %(command)s",
                command=f"manage.py restore_backup {entry.id}",
            ),
        )


def what_is_lacking(manifest: Manifest) -> list[str]:
    """A sentence for each part of a full backup that could not be read."""
    lacking = manifest.full.lacking if manifest.full else {}
    return [
        _("The backup has no %(part)s: %(why)s", part=part, why=why)
        for part, why in lacking.items()
    ]


def what_is_in_buckets(manifest: Manifest) -> list[str]:
    """A sentence for each part that no page puts back."""
    return [
        _(
            "%(part)s is in a bucket: the command restore_backup puts it back, the page does not.",
            part=part.part,
        )
        for part in buckets(manifest)
    ]


def what_is_amiss(manifest: Manifest) -> list[str]:
    """A sentence for each part that a full backup lacks, and for each folder with files that are
    not as they are on the disk."""
    sentences = what_is_lacking(manifest)
    for part in manifest.parts:
        facts = part.files
        if facts is not None and facts.amiss:
            named = [name for name in facts.named if not name.startswith(f"{Mishap.SPECIAL}:")]
            shown = ", ".join(named[:_SAID])
            sentences.append(
                ngettext(
                    "%(number)d file of %(part)s changed, vanished or could not be read:"
                    " %(names)s.",
                    "%(number)d files of %(part)s changed, vanished or could not be read:"
                    " %(names)s.",
                    facts.amiss,
                    part=part.part,
                    names=shown + (" …" if facts.amiss > _SAID else ""),
                )
            )
    return sentences
