"""Objects at destinations: what a copy lacks is sent, what is missing here is fetched.

An object's name tells its content, so one that is there with its size is not sent again. They
arrive before the manifest of the copy that names them. Whoever sends shares a lock with no one who
removes objects at that destination.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from trustbackup.destinations.base import DestinationBackend, DestinationError, NotMadeYet
from trustbackup.destinations.uploads import OtherContent
from trustbackup.exceptions import ManifestError
from trustbackup.operations.object_checks import is_known_good, note_good, objects_of, said_of
from trustbackup.operations.offsite.remote import has_copy_of, read_blocks
from trustbackup.operations.progress import Progress, Reporter
from trustbackup.phrases import gettext as _
from trustbackup.store import locks, names
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.compression import DAMAGE, sniff_compression
from trustbackup.store.durable import DurableFile, prepare_root
from trustbackup.store.manifest import Manifest, Part
from trustbackup.store.objects import (
    FORMAT,
    ObjectStore,
    StoredObject,
    naming_objects,
    read_object_list,
)
from trustbackup.store.streams import Decompressed

_LARGEST_LIST = 256 << 20
"""Bytes of a list of objects, packed or not: it has room for two million."""


def names_objects(found: Manifest) -> bool:
    """Whether files of a backup lie in objects."""
    return any(part.format == FORMAT for part in found.parts)


def sending_objects(root: Path, name: str) -> AbstractContextManager[None]:
    """While this is held, nobody removes objects at the destination of this name. FolderError."""
    prepare_root(root)
    (root / locks.RESTORES).mkdir(mode=0o700, exist_ok=True)
    return locks.shared(locks.objects_lock_at(root, name), wait=locks.FOREVER)


@contextmanager
def bringing_objects(root: Path, found: Manifest) -> Iterator[None]:
    """While this is held, objects can be brought here for a backup. Raises FolderError."""
    if not names_objects(found):
        yield
        return
    with naming_objects(root):
        yield


def sizes_there(destination: DestinationBackend) -> dict[str, int]:
    """The objects at a destination by their SHA-256, with their sizes. Raises DestinationError."""
    there: dict[str, int] = {}
    with suppress(NotMadeYet):
        for stored in destination.list_objects():
            if sha256 := names.parse_object(stored.name):
                there[sha256] = stored.size
    return there


def send_objects(
    entry: BackupFiles,
    found: Manifest,
    destination: DestinationBackend,
    name: str,
    report: Reporter,
) -> int:
    """Send what the destination lacks of a backup's objects; the bytes that were sent.

    Raises ManifestError, DestinationError, FolderError, Cancelled.
    """
    wanted = _all_of(entry, found)
    if not wanted:
        return 0
    there, store = sizes_there(destination), ObjectStore(entry.root)
    lacking = [stored for stored in wanted.values() if there.get(stored.sha256) != stored.bytes]
    total, before = sum(stored.bytes for stored in lacking), 0
    for stored in lacking:

        def written(done: int, before: int = before) -> None:
            report(Progress(stage=f"copying to {name}", done=before + done, total=total))

        path = store.path(stored.sha256)
        try:
            destination.put(path, stored.sha256, written)
        except OtherContent:
            # Its name tells what it should be: nothing else can be there rightly.
            destination.delete(stored.name)
            destination.put(path, stored.sha256, written)
        before += stored.bytes
    return total


def has_whole_copy_of(destination: DestinationBackend, entry: BackupFiles, found: Manifest) -> bool:
    """Whether a copy is there as ``has_copy_of`` says, and all its objects are, with their sizes.

    Raises DestinationError, ManifestError, FolderError.
    """
    return has_copy_of(destination, entry, found) and not (
        names_objects(found) and lacking_there(entry, found, sizes_there(destination))
    )


def lacking_there(
    entry: BackupFiles, found: Manifest, there: Mapping[str, int]
) -> list[StoredObject]:
    """Objects of a backup here that a destination lacks. Raises ManifestError, FolderError."""
    wanted = _all_of(entry, found).values()
    return [stored for stored in wanted if there.get(stored.sha256) != stored.bytes]


def _all_of(entry: BackupFiles, found: Manifest) -> dict[str, StoredObject]:
    return {stored.sha256: stored for part in found.parts for stored in objects_of(entry, part)}


def fetch_objects(
    destination: DestinationBackend,
    lists: Mapping[Path, Part],
    root: Path,
    workdir: Path,
    name: str,
    report: Reporter,
) -> None:
    """Bring objects here that are missing; for who is ``naming_objects`` there.

    ``lists`` are files here that were compared with the manifest. Each object is compared before
    it appears. Raises ManifestError, DestinationError, FolderError, Cancelled.
    """
    store = ObjectStore(root)
    wanted: dict[str, StoredObject] = {}
    for path, part in lists.items():
        if part.format == FORMAT:
            with Decompressed(path) as raw:
                wanted.update((stored.sha256, stored) for stored in read_object_list(raw))
    lacking = store.lacking(wanted.values())
    total, done = sum(stored.bytes for stored in lacking), 0
    for stored in lacking:
        digest = hashlib.sha256()
        with DurableFile(workdir / stored.name) as file:
            for block in read_blocks(destination, stored.name, stored.bytes):
                digest.update(block)
                done += file.write(block)
                report(Progress(stage=f"fetching from {name}", done=done, total=total))
        if digest.hexdigest() != stored.sha256:
            raise DestinationError(
                _("%(name)s was not fetched from %(where)s", name=stored.name, where=name),
                why=_("it is corrupt there: its content is not the one that its name tells"),
                todo=_("Fetch the backup from another copy."),
                permanent=True,
            )
        store.publish(workdir / stored.name, stored)
    if lacking:
        store.sync()


def check_objects_there(
    destination: DestinationBackend, part: Part, name: str, report: Reporter
) -> str:
    """A sentence on objects of a part that are missing or damaged there; each is read.

    Raises ManifestError for a list that makes no sense, DestinationError.
    """
    there = sizes_there(destination)
    bad, where = [], destination.address
    objects = [
        stored
        for stored in read_list_there(destination, part)
        if there.get(stored.sha256) != stored.bytes or not is_known_good(where, stored)
    ]
    total, done = sum(stored.bytes for stored in objects), 0
    for stored in objects:
        if there.get(stored.sha256) != stored.bytes:
            bad.append(stored)
            continue
        digest = hashlib.sha256()
        for block in read_blocks(destination, stored.name, stored.bytes):
            digest.update(block)
            done += len(block)
            report(Progress(stage=f"reading {name}", done=done, total=total))
        if digest.hexdigest() == stored.sha256:
            note_good(where, stored)
        else:
            bad.append(stored)
    return said_of(part, bad)


def read_list_there(destination: DestinationBackend, part: Part) -> list[StoredObject]:
    """The objects that a part names, by the list there. Raises ManifestError, DestinationError."""
    if max(part.bytes, part.raw_bytes) > _LARGEST_LIST:
        raise _not_read(part, _("it is too large"))
    data = b"".join(read_blocks(destination, part.file, part.bytes))
    if hashlib.sha256(data).hexdigest() != part.sha256:
        raise _not_read(part, _("it is not the one of the manifest"))
    try:
        raw = sniff_compression(data[:8]).reader(io.BufferedReader(io.BytesIO(data)))
        text = raw.read(part.raw_bytes + 1)
    except DAMAGE as error:
        raise _not_read(part, str(error)) from error
    if len(text) != part.raw_bytes:
        raise _not_read(part, _("it unpacks to another size than its manifest says"))
    return list(read_object_list(io.BytesIO(text)))


def _not_read(part: Part, why: str) -> ManifestError:
    return ManifestError(
        _("The list of objects %(file)s was not read", file=part.file),
        why=why,
        todo=_("Use another copy of this backup."),
    )
