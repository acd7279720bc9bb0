"""Objects that a backup names: which they are, and whether they are there, and whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from trustbackup.exceptions import FolderError, ManifestError, file_operation
from trustbackup.operations.progress import Progress, Reporter
from trustbackup.phrases import gettext as _
from trustbackup.phrases import ngettext
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.checked_file import hashes_of
from trustbackup.store.manifest import Part
from trustbackup.store.objects import FORMAT, ObjectStore, StoredObject, read_object_list
from trustbackup.store.streams import Decompressed, sha256_of

_good: ContextVar[set[tuple[str, str]] | None] = ContextVar("objects found good", default=None)
_SAID = 3
"""Objects that a sentence names."""


@contextmanager
def reading_each_once() -> Iterator[None]:
    """While many backups are checked, an object that they share is read for the first of them."""
    token = _good.set(set())
    try:
        yield
    finally:
        _good.reset(token)


def is_known_good(where: str, stored: StoredObject) -> bool:
    """Whether it was read already, and found good, in this look at many backups."""
    return (where, stored.sha256) in (_good.get() or ())


def note_good(where: str, stored: StoredObject) -> None:
    if (good := _good.get()) is not None:
        good.add((where, stored.sha256))


def objects_of(entry: BackupFiles, part: Part) -> list[StoredObject]:
    """The objects that a part names; none for a part of another format.

    Its list must be what the manifest says. Raises ManifestError, FolderError.
    """
    if part.format != FORMAT:
        return []
    path = entry.root / part.file
    known = entry.hashes.get(part.file)
    if known is None:
        with file_operation(_("Reading"), path):
            known = hashes_of(path)
        if known.sha256 != part.sha256:
            raise FolderError(
                _("%(file)s is not the one of its manifest", file=part.file),
                todo=_("Use another copy of this backup."),
            )
        entry.hashes[part.file] = known
    with Decompressed(path, known) as raw:
        return list(read_object_list(raw))


def damaged_objects(
    store: ObjectStore, objects: Iterable[StoredObject], report: Reporter
) -> Iterator[StoredObject]:
    """Those whose content is not the one that their names tell: each is read."""
    where = str(store.where)
    objects = [stored for stored in objects if not is_known_good(where, stored)]
    total, before = sum(stored.bytes for stored in objects), 0
    for stored in objects:

        def follow(done: int, before: int = before) -> None:
            report(Progress(stage="checking objects", done=before + done, total=total))

        try:
            with file_operation(_("Reading"), stored.name):
                found = sha256_of(store.path(stored.sha256), follow)
        except FolderError:
            found = ""
        if found == stored.sha256:
            note_good(where, stored)
        else:
            yield stored
        before += stored.bytes


def lacking_objects(entry: BackupFiles, part: Part) -> str:
    """A sentence on objects that are not there with their size; "" where all are.

    Raises ManifestError, FolderError.
    """
    objects = objects_of(entry, part)
    return said_of(part, ObjectStore(entry.root).lacking(objects))


def said_of(part: Part, objects: list[StoredObject]) -> str:
    """A sentence on objects that are missing or damaged."""
    if not objects:
        return ""
    names = ", ".join(stored.name for stored in objects[:_SAID])
    return ngettext(
        "%(number)d object of %(part)s is missing or damaged: %(names)s.",
        "%(number)d objects of %(part)s are missing or damaged: %(names)s.",
        len(objects),
        part=part.part,
        names=names + (" …" if len(objects) > _SAID else ""),
    )


def check_objects(entry: BackupFiles, part: Part, report: Reporter) -> str:
    """The same, of objects that were read to their ends."""
    try:
        objects, store = objects_of(entry, part), ObjectStore(entry.root)
        lacking = store.lacking(objects)
        there = [stored for stored in objects if stored not in lacking]
        return said_of(part, [*lacking, *damaged_objects(store, there, report)])
    except (FolderError, ManifestError) as error:
        return str(error)
