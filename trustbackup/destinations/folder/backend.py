"""Copies in another folder: a second disk, a USB drive, a mounted share."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat as stat_module
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from trustbackup.destinations import uploads
from trustbackup.destinations.base import (
    DestinationError,
    NotMadeYet,
    Space,
    Step,
    StoredFile,
    Written,
    unwatched,
)
from trustbackup.destinations.connection_test import SAMPLE, describe_space, run_steps, sample_name
from trustbackup.destinations.folder.config import FolderConfig
from trustbackup.destinations.folder.mounted import (
    at_destination,
    in_use,
    new_file,
    remove_unused,
    sync_folder,
)
from trustbackup.destinations.listing import ListingBackend
from trustbackup.exceptions import file_operation
from trustbackup.phrases import gettext as _
from trustbackup.store import durable

_BLOCK = 1 << 20


class Folder(ListingBackend):
    """A folder on a file system of this machine."""

    config: FolderConfig

    def __init__(self, config: FolderConfig) -> None:
        super().__init__(config)
        self.root = config.path

    @property
    def local_folder(self) -> Path:
        return self.root

    def put(self, source: Path, sha256: str, written: Written = unwatched) -> None:
        name = source.name
        draft = self._uploads / uploads.upload_name(name, sha256)
        with durable.open_regular(source) as file:
            size = os.fstat(file.fileno()).st_size
            if (there := self.stat_or_absent(name)) is not None:
                if there.size != size or self._digest(self.root / name) != sha256:
                    raise uploads.other_content(name, self.address)
                written(size)
                return
            with at_destination():
                self._prepare()
                self._sweep(draft)
            # Held until it has its name: another run sweeps what nobody holds.
            with contextlib.ExitStack() as held:
                self._copy(file, draft, written, held)
                if self._digest(draft) != sha256:
                    at_source = self._hash(source) != sha256
                    raise uploads.damaged(name, self.address, at_source=at_source)
                with at_destination():
                    self._publish(draft, name)

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        uploads.must_be_ours(name)
        if self.stat(name) is None:
            raise DestinationError(
                _("%(name)s can't be read at %(address)s", name=name, address=self.address),
                why=_("there is no such file"),
                todo=_("List what is there, then choose another backup."),
                permanent=True,
            )
        with at_destination():
            file = durable.open_regular(self.root / name)
        with file:
            yield file

    def list_named(self, is_wanted: Callable[[str], bool]) -> list[StoredFile]:
        self._must_be_there()
        found = []
        with at_destination(), file_operation(_("Listing the folder"), self.root):
            with os.scandir(self.root) as listing:
                items = [item.name for item in listing if is_wanted(item.name)]
            for name in sorted(items):
                with contextlib.suppress(FileNotFoundError):  # deleted since
                    found.append(_stored(name, (self.root / name).lstat()))
        return [item for item in found if item is not None]

    def stat(self, name: str) -> StoredFile | None:
        self._must_be_there()
        return self.stat_or_absent(name)

    def stat_or_absent(self, name: str) -> StoredFile | None:
        """As ``stat``, for a folder that may not have been made yet."""
        uploads.must_be_ours(name)
        path = self.root / name
        with at_destination(), file_operation(_("Looking at"), path):
            try:
                status = path.lstat()
            except FileNotFoundError:
                return None
        stored = _stored(name, status)
        if stored is None:
            raise DestinationError(
                _("%(where)s can't be used", where=path),
                why=_("it is a symbolic link or another thing that is no file"),
                todo=_("Look whose it is and remove it, then try again."),
                permanent=True,
            )
        return stored

    def delete(self, name: str) -> None:
        if self.stat(name) is not None:
            with at_destination():
                with file_operation(_("Removing"), self.root / name):
                    (self.root / name).unlink(missing_ok=True)
                sync_folder(self.root)

    def space(self) -> Space:
        with at_destination(), file_operation(_("Asking for the free space"), self.root):
            status = os.statvfs(self.root)
        free, used = status.f_bavail, status.f_blocks - status.f_bfree
        return Space(free=free * status.f_frsize, used=used * status.f_frsize)

    def check(self) -> Iterator[Step]:
        sample = self._uploads / sample_name()
        renamed = self.root / sample.name

        def write() -> None:
            with at_destination(), durable.DurableFile(sample) as file:
                file.write(SAMPLE)

        def read_back() -> None:
            with at_destination(), durable.open_regular(sample) as file:
                if file.read() != SAMPLE:
                    raise DestinationError(
                        _("%(where)s can't be relied on", where=self.root),
                        why=_("what was read is not what was written"),
                        todo=_("Check that disk."),
                        permanent=True,
                    )

        def rename() -> None:
            with at_destination(), file_operation(_("Renaming"), sample):
                sample.rename(renamed)
                sync_folder(self.root)

        def delete() -> None:
            with at_destination(), file_operation(_("Removing"), renamed):
                renamed.unlink()

        def clean_up() -> None:
            for path in (sample, renamed):
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)

        def prepare() -> str:
            with at_destination():
                self._prepare()
            return str(self.root)

        return run_steps(
            [
                ("folder", prepare),
                ("write", write),
                ("read back", read_back),
                ("rename", rename),
                ("delete", delete),
                ("free space", lambda: describe_space(self.space())),
            ],
            clean_up,
        )

    # ---------------------------------------------------------------- what put() is made of

    @property
    def _uploads(self) -> Path:
        return self.root / uploads.FOLDER

    def _prepare(self) -> None:
        """Make the folder and the one for uploads (0700)."""
        if not self.root.is_absolute():
            raise DestinationError(
                _("%(path)s can't be a destination", path=self.root),
                why=_("its path is not absolute"),
                todo=_("Give the whole path, beginning with a slash."),
                permanent=True,
            )
        if not self.root.parent.is_dir():
            raise self._absent(self.root.parent)
        with file_operation(_("Making the folder"), self.root):
            self.root.mkdir(mode=0o700, exist_ok=True)
        with file_operation(_("Making a folder for uploads"), self._uploads):
            self._uploads.mkdir(mode=0o700, exist_ok=True)
            if self._uploads.is_symlink():
                raise DestinationError(
                    _("%(path)s is a symbolic link", path=self._uploads),
                    why=_("uploads would be written elsewhere"),
                    todo=_("Remove the link, then try again."),
                    permanent=True,
                )

    def _must_be_there(self) -> None:
        if not self.root.is_dir():
            error, made = self._absent(self.root), self.root.parent.is_dir()
            raise NotMadeYet(error.what, why=error.why, todo=error.todo) if made else error

    def _absent(self, path: Path) -> DestinationError:
        return DestinationError(
            _("%(where)s can't be used", where=self.address),
            why=_("there is no folder %(path)s", path=path),
            todo=_("Check that the disk is mounted, and the path, then try again."),
        )

    def _sweep(self, draft: Path) -> None:
        """Remove what is left of an earlier try, and uploads that were given up."""
        with file_operation(_("Listing the uploads in"), self._uploads):
            for path in self._uploads.iterdir():
                modified = datetime.fromtimestamp(path.lstat().st_mtime, UTC)
                if path == draft or uploads.is_abandoned(path.name, modified):
                    if path.is_symlink():
                        path.unlink(missing_ok=True)
                    else:
                        remove_unused(path)

    def _copy(
        self, file: BinaryIO, draft: Path, written: Written, held: contextlib.ExitStack
    ) -> None:
        """Write the draft; from then on ``held`` has its lock, and removes it at the end."""
        done = 0
        with new_file(draft) as target:
            held.enter_context(in_use(draft))
            held.callback(_remove, draft)
            while block := _read(file):
                with at_destination():
                    target.write(block)
                done += len(block)
                written(done)
            written(done)

    def _digest(self, path: Path) -> str:
        with at_destination():
            return self._hash(path)

    def _hash(self, path: Path) -> str:
        with durable.open_regular(path) as file, file_operation(_("Reading"), path):
            digest = hashlib.sha256()
            while block := file.read(_BLOCK):
                digest.update(block)
            return digest.hexdigest()

    def _publish(self, draft: Path, name: str) -> None:
        """Give the file its name, never another's; durable."""
        final = self.root / name
        with file_operation(_("Naming"), final):
            try:
                os.link(draft, final, follow_symlinks=False)
                draft.unlink()
            except FileExistsError:
                raise uploads.other_content(name, self.address) from None
            except OSError as error:
                if error.errno not in durable.NO_LINKS:
                    raise
                if os.path.lexists(final):
                    raise uploads.other_content(name, self.address) from None
                draft.rename(final)
        sync_folder(self.root)


def _stored(name: str, status: os.stat_result) -> StoredFile | None:
    """None for a link, a folder, or whatever else is no file."""
    if not stat_module.S_ISREG(status.st_mode):
        return None
    return StoredFile(name, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))


def _remove(draft: Path) -> None:
    with contextlib.suppress(OSError):
        draft.unlink(missing_ok=True)


def _read(file: BinaryIO) -> bytes:
    with file_operation(_("Reading"), file.name):
        return file.read(_BLOCK)
