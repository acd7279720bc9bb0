"""What comes from elsewhere: a private folder of the backup folder's own file system.

    ROOT/.drafts/upload-<random>/1/<name>   a file as it came; locked as long as it is worked on

Nothing in it is listed. What is good is renamed from there into a draft; the rest goes when
the work ends, and what a crash has left is swept like a dead draft.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trustbackup.exceptions import Busy, FolderError, UsageError, file_operation
from trustbackup.phrases import Grouped
from trustbackup.phrases import gettext as _
from trustbackup.store import drafts, durable, locks, private_folder

SPARE = 64 << 20
"""Bytes that an upload leaves free on the disk for the site itself."""
MOST_FILES = 10_000
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)
_LONGEST = 200
_NAME = re.compile(rf"{drafts.UPLOAD}[0-9a-f]{{32}}", re.ASCII)
_LARGEST_INDEX = 8 << 20
_HAND_OVER = 30.0
"""Seconds that the request may take to its end after it has started the run."""


@dataclass(frozen=True, kw_only=True)
class Received:
    """A file that came whole, flushed: its size in bytes, its SHA-256 as 64 hex digits.

    ``name`` is what it was called, with anything but ``A-Za-z0-9._-`` made a dash.
    """

    path: Path
    name: str
    size: int
    sha256: str


class StagingArea:
    """The private folder; use ``begin()`` to get one."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = root
        self.folder = folder
        self.received: list[Received] = []
        self.left = room(root)
        """Bytes that may still be written."""
        self.handed_over = False
        self.begun = 0
        """How many files have a folder here."""

    def leave_to_run(self) -> str:
        """Leave what was received to another process; the name for ``resume()``. FolderError.

        Nobody's, it is swept after an hour.
        """
        index = [
            {
                "place": str(item.path.relative_to(self.folder)),
                "name": item.name,
                "size": item.size,
                "sha256": item.sha256,
            }
            for item in self.received
        ]
        with durable.DurableFile(self.folder / drafts.HANDED_OVER) as file:
            file.write(json.dumps(index).encode())
        self.handed_over = True
        return self.folder.name

    @contextlib.contextmanager
    def receive(self, called: str) -> Iterator[ArrivingFile]:
        """A new file: write all of it. It counts as received when this ends well.

        Raises FolderError, also when the room is used up.
        """
        self.begun += 1
        if self.begun > MOST_FILES:
            raise UsageError(
                _("These are too many files"),
                todo=_("Give at most %(most)s.", most=Grouped(MOST_FILES)),
            )
        name = _UNSAFE.sub("-", called)[:_LONGEST].lstrip(".-") or "upload"
        place = self.folder / str(self.begun)
        with file_operation(_("Making a private folder"), place):
            place.mkdir(mode=0o700)
        with durable.DurableFile(place / name) as file:
            arriving = ArrivingFile(self, file, name)
            yield arriving
        self.received.append(
            Received(
                path=place / name,
                name=name,
                size=arriving.size,
                sha256=arriving.digest.hexdigest(),
            )
        )

    def use(self, count: int) -> None:
        """Take so many bytes of what is left. Raises FolderError when they do not fit."""
        self.must_fit(count)
        self.left -= count

    def must_fit(self, count: int) -> None:
        """Raises FolderError when so many bytes are more than what is left."""
        if count > self.left:
            raise FolderError(
                _("What was sent does not fit into the backup folder"),
                why=_(
                    "%(left)s bytes of room are left there for it", left=Grouped(max(self.left, 0))
                ),
                todo=_("Free some space there, then try again."),
            )


class ArrivingFile:
    """A file that is being written, hashed and counted."""

    def __init__(self, area: StagingArea, file: durable.DurableFile, name: str) -> None:
        self.name = name
        self.size = 0
        self.digest = hashlib.sha256()
        self._area, self._file = area, file

    def write(self, data: bytes | memoryview, /) -> int:
        self._area.use(len(data))
        self.digest.update(data)
        self.size += len(data)
        return self._file.write(data)


def room(root: Path) -> int:
    """Bytes that may be written into the backup folder, which need not be there yet."""
    place = next((path for path in (root, *root.parents) if path.is_dir()), root)
    with file_operation(_("Asking for the free space of"), place):
        return max(0, shutil.disk_usage(place).free - SPARE)


@contextlib.contextmanager
def begin(root: Path) -> Iterator[StagingArea]:
    """A private folder for what comes; gone at the end, unless it was handed over. FolderError."""
    durable.prepare_root(root)
    drafts.sweep(root)
    folder = root / locks.DRAFTS / f"{drafts.UPLOAD}{secrets.token_hex(16)}"
    lock = private_folder.make_private(folder)
    if lock is None:
        raise Busy(_("The private folder was taken away"), todo=_("Try again."))
    area = StagingArea(root, folder)
    try:
        yield area
    finally:
        if not area.handed_over:
            shutil.rmtree(folder, ignore_errors=True)
        lock.close()


@contextlib.contextmanager
def resume(root: Path, name: str) -> Iterator[StagingArea]:
    """What another process received and handed over under this name; gone at the end.

    Raises UsageError when it is not there any more, Busy, FolderError.
    """
    folder = root / locks.DRAFTS / name
    with contextlib.ExitStack() as stack:
        try:
            if not _NAME.fullmatch(name):
                raise locks.Vanished
            stack.enter_context(locks.exclusive(locks.draft_lock(folder), wait=_HAND_OVER))
            index = json.loads(durable.read_small(folder / drafts.HANDED_OVER, _LARGEST_INDEX))
            area = StagingArea(root, folder)
            area.received = [Received(path=folder / item.pop("place"), **item) for item in index]
            area.begun = len(index)  # what is unpacked of them goes beside them
        except (locks.Vanished, ValueError, TypeError) as error:
            raise UsageError(
                _("What was uploaded is not there any more"), todo=_("Upload it again.")
            ) from error
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        yield area
