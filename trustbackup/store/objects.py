"""Objects: contents of files that backups share, beside the backups that name them.

    ROOT/objects/backup_object_<sha256>    one large file's content, or many small ones' (a pack)

The name tells the content, and no object is ever written to again. One appears as a backup's file
does: flushed, renamed, and its folder flushed before a manifest names it. Who makes a backup of
objects, or brings one here, shares the folder's lock until the manifest is there; who removes
objects (``operations/backup/sweep.py``) has it alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trustbackup.exceptions import FolderError, ManifestError, file_operation
from trustbackup.phrases import gettext as _
from trustbackup.store import locks, names
from trustbackup.store.durable import sync_folder
from trustbackup.store.streams import Readable

FORMAT = "objects"
"""The format of a part whose file lists the objects that its files lie in."""
FOLDER = "objects"
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LONGEST_LINE = 1 << 10
_BLOCK = 1 << 16
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object that a backup names: the SHA-256 of its content, its size in bytes."""

    sha256: str
    bytes: int

    @property
    def name(self) -> str:
        """Of its file, here and at destinations."""
        return names.object_name(self.sha256)


class ObjectStore:
    """The objects beside the backups of a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / FOLDER

    def is_there(self) -> bool:
        return self.folder.is_dir() and not self.folder.is_symlink()

    @property
    def where(self) -> Path:
        """The folder that objects are read from: in a copy they lie among the backups' files."""
        return self.root if not os.path.lexists(self.folder) else self.folder

    def prepare(self) -> None:
        """Make the folder (0700) if need be. Raises FolderError when it is a link."""
        with file_operation(_("Making the folder of objects"), self.folder):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.folder.is_symlink():
            raise FolderError(
                _("%(path)s is a symbolic link", path=self.folder),
                why=_("objects would be written elsewhere"),
                todo=_("Remove the link, then try again."),
            )

    def in_use(self) -> AbstractContextManager[None]:
        """While this is held, no object is removed; waits for who removes some. FolderError."""
        return locks.shared(locks.objects_lock(self.folder), wait=locks.FOREVER)

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """As ``in_use``, where there may be no objects: for who reads them. Raises FolderError."""
        if not self.is_there():
            yield
            return
        with self.in_use():
            yield

    def alone(self) -> AbstractContextManager[None]:
        """While this is held, nobody makes a backup that names objects. Raises Locked."""
        return locks.exclusive(locks.objects_lock(self.folder))

    def statuses(self) -> dict[str, os.stat_result]:
        """Every object by its SHA-256; nothing foreign, no link. Raises FolderError."""
        found: dict[str, os.stat_result] = {}
        with file_operation(_("Listing the folder of objects"), self.folder):
            if self.where == self.folder and not self.is_there():
                return found
            with os.scandir(self.where) as listing:
                for item in listing:
                    if sha256 := names.parse_object(item.name):
                        with contextlib.suppress(FileNotFoundError):
                            status = item.stat(follow_symlinks=False)
                            if stat.S_ISREG(status.st_mode):
                                found[sha256] = status
        return found

    def path(self, sha256: str) -> Path:
        return self.where / names.object_name(sha256)

    def publish(self, path: Path, stored: StoredObject, *, anew: bool = False) -> bool:
        """Give a flushed file its name, or remove it where the same object is there; was it new?

        Durable after ``sync``. What has the name and another size is damaged, and replaced, as all
        is with ``anew``. Raises FolderError.
        """
        target = self.path(stored.sha256)
        with file_operation(_("Renaming"), target):
            if not anew and is_whole(target, stored.bytes):
                os.utime(target)  # a sweep of another machine spares what is young
                path.unlink()
                return False
            path.rename(target)
        return True

    def sync(self) -> None:
        """Make the names of objects durable. Raises FolderError."""
        sync_folder(self.folder)

    def open(self, sha256: str) -> int:
        """A descriptor of a regular file. Raises FolderError."""
        path = self.path(sha256)
        with file_operation(_("Opening"), path):
            descriptor = os.open(path, _OPEN)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise FolderError(
                _("%(path)s was not read", path=path),
                why=_("it is no regular file"),
                todo=_("Move it away, then try again."),
            )
        return descriptor

    def remove(self, sha256: str) -> None:
        """Raises FolderError."""
        with file_operation(_("Removing"), self.path(sha256)):
            self.path(sha256).unlink(missing_ok=True)

    def lacking(self, wanted: Iterable[StoredObject]) -> list[StoredObject]:
        """Those that are not there with their size. Raises FolderError."""
        there = self.statuses()
        return [
            item
            for item in wanted
            if item.sha256 not in there or there[item.sha256].st_size != item.bytes
        ]


@contextlib.contextmanager
def naming_objects(root: Path) -> Iterator[None]:
    """While this is held, objects of a backup folder can be named: none is removed. FolderError."""
    store = ObjectStore(root)
    store.prepare()
    with store.in_use():
        yield


def is_whole(path: Path, size: int) -> bool:
    """Whether a regular file of so many bytes is there. Raises OSError."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size == size


def write_object_line(stored: StoredObject) -> bytes:
    """Its line in a list of objects."""
    return json.dumps({"object": stored.sha256, "bytes": stored.bytes}).encode() + b"\n"


def read_object_list(raw: Readable) -> Iterator[StoredObject]:
    """The objects that a list names. Raises ManifestError for what no backup of ours has."""
    before = ""
    for line in _lines(raw):
        try:
            values: Any = json.loads(line)
            stored = StoredObject(values["object"], values["bytes"])
            is_valid = (
                len(values) == len(("object", "bytes"))
                and type(stored.bytes) is int
                and 0 < stored.bytes <= _LARGEST
                and _SHA256.fullmatch(stored.sha256) is not None
                and stored.sha256 > before
            )
        except (ValueError, TypeError, KeyError, RecursionError):
            is_valid = False
        if not is_valid:
            raise _invalid(_("a line of it makes no sense"))
        before = stored.sha256
        yield stored


def _lines(raw: Readable) -> Iterator[bytes]:
    pending = b""
    while block := raw.read(_BLOCK):
        *lines, pending = (pending + block).split(b"\n")
        yield from lines
        if len(pending) > _LONGEST_LINE:
            raise _invalid(_("a line has more than %(limit)d bytes", limit=_LONGEST_LINE))
    if pending:
        raise _invalid(_("its last line has no end"))


def _invalid(why: str) -> ManifestError:
    return ManifestError(
        _("The list of objects is not valid"), why=why, todo=_("Use another copy of this backup.")
    )
