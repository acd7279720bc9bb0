"""Folders of uploaded files as parts of a backup: objects beside it, and lists that name them."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO

from trustbackup.contents.media.incremental import Before, FolderObjects, live_bytes
from trustbackup.contents.media.packs import ObjectWriter
from trustbackup.exceptions import TrustbackupError, file_operation
from trustbackup.operations.backup.media import facts_of_folder, media_part, open_spool
from trustbackup.operations.checks import check_file
from trustbackup.operations.media_folders import LIST, MediaFolder
from trustbackup.operations.object_checks import damaged_objects, objects_of
from trustbackup.operations.progress import Progress, Reporter
from trustbackup.phrases import gettext as _
from trustbackup.store import drafts, names
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.compression import Compression
from trustbackup.store.folder import BackupFolder
from trustbackup.store.manifest import Part
from trustbackup.store.objects import FORMAT, ObjectStore, StoredObject, write_object_line
from trustbackup.store.signature import Signature
from trustbackup.store.streams import Decompressed, write_compressed

logger = logging.getLogger(__name__)
WASTE = 1.25
"""Bytes in objects for each byte that files have: from there on packs are looked at."""
MOST_MOVED = 256 << 20
"""Bytes that a backup takes out of packs that are hardly of use any more."""


def dump_folder_as_objects(
    folder: MediaFolder,
    backups: BackupFolder,
    draft: drafts.Draft,
    how: Compression,
    report: Reporter,
    *,
    read_all: bool = False,
) -> tuple[Part, Part]:
    """The list of a folder's objects, and the list of its files with their places.

    For who is ``naming_objects`` until the manifest is there. With ``read_all``
    every file is read again, and every object that was written before. Raises DumpError,
    FolderError.
    """
    stage, store = f"reading {folder.part}", ObjectStore(draft.root)
    report(Progress(stage=stage))
    with file_operation(_("Reading the state of"), draft.root):
        root = draft.root.stat()
    with (
        open_spool(draft.folder) as spool,
        _backup_before(backups, folder.part, report, read_all=read_all) as known,
    ):
        writer = ObjectWriter(store, draft.folder, known.gone)
        with writer:
            read = FolderObjects(
                folder.path,
                folder.selection,
                spool,
                writer,
                known.before,
                root,
                read_all=read_all,
            )
            read.run(lambda done: report(Progress(stage=stage, done=done)))
        spool.seek(0)
        list_name = names.part_name(draft.id, folder.part + LIST, "jsonl", how.suffix)
        with draft.create(list_name) as target:
            listed = write_compressed(_Named(spool, writer), target, how)
        named = {sha256: known.objects[sha256] for sha256 in map(bytes.decode, read.reused)}
    _freshen(store, named)
    with open_spool(draft.folder) as spool:
        for stored in sorted({**named, **writer.written}.values(), key=lambda each: each.sha256):
            spool.write(write_object_line(stored))
        spool.seek(0)
        objects_name = names.part_name(draft.id, folder.part, "jsonl", how.suffix)
        with draft.create(objects_name) as target:
            objects = write_compressed(_Named(spool, writer), target, how)
    logger.info(
        "%s: %d bytes of files were read, %d bytes are new in %s.",
        folder.part,
        read.read_bytes,
        writer.new_bytes,
        store.folder,
    )
    facts = facts_of_folder(folder, read)
    return (
        media_part(folder.part, objects_name, FORMAT, objects, how, facts),
        media_part(folder.part + LIST, list_name, "jsonl", listed, how, None),
    )


@dataclass
class _Known:
    """What the backup before tells; nothing where there is none."""

    before: Before
    objects: dict[str, StoredObject] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)


@contextmanager
def _backup_before(
    backups: BackupFolder, part: str, report: Reporter, *, read_all: bool
) -> Iterator[_Known]:
    """The newest backup of this site that has the part as objects, and whose lists are whole."""
    file = names.parse(names.part_name("1970-01-01_00-00-00", part, "jsonl", ""))
    entries = backups.scan()
    known = None
    with ExitStack() as stack:
        for key in sorted(entries, key=names.order, reverse=True):
            parsed = map(names.parse, entries[key].data_files)
            if not any(each and file and each.part == file.part for each in parsed):
                continue
            with suppress(TrustbackupError), ExitStack() as held:
                entry = held.enter_context(entries[key].in_use())
                known = _read_known(held, entry, part, report, read_all=read_all)
                if known is not None:
                    stack.push(held.pop_all())
                    break
        yield known or _Known(Before(None))


def _read_known(
    stack: ExitStack, entry: BackupFiles, part: str, report: Reporter, *, read_all: bool
) -> _Known | None:
    """Raises TrustbackupError."""
    manifest, signature = entry.read_manifest()
    listed, index = manifest.part(part), manifest.part(part + LIST)
    is_ours = signature is Signature.OURS
    if not is_ours or listed is None or index is None or listed.format != FORMAT:
        return None
    if check_file(entry, listed) or check_file(entry, index):
        return None
    store = ObjectStore(entry.root)
    objects = {stored.sha256: stored for stored in objects_of(entry, listed)}
    gone = {stored.sha256 for stored in store.lacking(objects.values())}
    if read_all:
        whole = [stored for stored in objects.values() if stored.sha256 not in gone]
        gone |= {stored.sha256 for stored in damaged_objects(store, whole, report)}

    def open_index() -> Decompressed:
        path = entry.root / index.file
        return stack.enter_context(Decompressed(path, entry.hashes[index.file]))

    there = {sha256: stored.bytes for sha256, stored in objects.items() if sha256 not in gone}
    # Going through the list takes a tenth of an unchanged backup's time.
    if listed.files is not None and sum(there.values()) > listed.files.bytes * WASTE:
        gone |= sparse_packs(there, live_bytes(open_index()))
    return _Known(Before(open_index, gone), objects, gone)


def sparse_packs(
    there: Mapping[str, int], live: Mapping[str, int], most: int = MOST_MOVED
) -> set[str]:
    """Packs of which less than half is of use to the files of the backup before.

    What is of use is read again and goes into new ones, so that these go with the last backup
    that names them: those with the least first, ``most`` bytes at a time. Sizes are by SHA-256.
    """
    found, moved = set(), 0
    for sha256, size in sorted(there.items(), key=lambda item: live.get(item[0], 0) / item[1]):
        used = live.get(sha256, 0)
        moved += used
        if used * 2 >= size or moved > most:
            break
        found.add(sha256)
    return found


def _freshen(store: ObjectStore, named: dict[str, StoredObject]) -> None:
    """Who sweeps from another machine, which knows of no lock of ours, spares what is young."""
    for sha256 in named:
        with suppress(OSError):
            os.utime(store.path(sha256))


class _Named:
    """The spool as a source, with the names of objects in the stead of their places."""

    def __init__(self, file: IO[bytes], writer: ObjectWriter) -> None:
        self._file, self._writer = file, writer
        self._left = memoryview(b"")

    def readinto(self, buffer: memoryview, /) -> int:
        if not self._left:
            lines = self._file.readlines(len(buffer))
            self._left = memoryview(b"".join(map(self._writer.name_places, lines)))
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count
