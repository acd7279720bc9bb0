"""The files of one backup, as a look at its folder found them.

They change meanwhile: who relies on them holds the backup's lock (``in_use``, ``alone``), or asks
whether they are still what was seen.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat as stat_module
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from trustbackup.exceptions import FolderError, ManifestError
from trustbackup.phrases import gettext as _
from trustbackup.phrases import joined
from trustbackup.store import durable, manifest, names, removal, sealed_manifest
from trustbackup.store.checked_file import BlockHashes
from trustbackup.store.manifest import Manifest
from trustbackup.store.record import Offloaded, Record
from trustbackup.store.signature import Signature, Signer


class Folder(Protocol):
    """What a backup's files need of the folder that they are in."""

    @property
    def root(self) -> Path: ...

    @property
    def signer(self) -> Signer: ...

    def record(self, identifier: str) -> Record: ...

    def change(self, identifier: str, changed: Callable[[Record], Record]) -> None: ...

    def change_held(self, identifier: str, changed: Callable[[Record], Record]) -> None: ...


_READING = "4"
"""Counted up when the same files make another row, so that each is read again once."""


@dataclass
class BackupFiles:
    """The files in a folder that carry one id, with their sizes in bytes."""

    folder: Folder
    id: str
    files: dict[str, int] = field(default_factory=dict)
    stamps: list[str] = field(default_factory=list)
    modified: float = 0.0
    changed: float = 0.0
    """When one of them was last renamed or written, by the clock of the file system."""
    hashes: dict[str, BlockHashes] = field(default_factory=dict)
    """What was read of the data files that were checked and found good."""

    def add(self, name: str, status: os.stat_result, *, is_data: bool) -> None:
        self.files[name] = status.st_size
        self.stamps.append(f"{name}:{status.st_size}:{status.st_mtime_ns}")
        self.changed = max(self.changed, status.st_ctime)
        if is_data:
            self.modified = max(self.modified, status.st_mtime)

    @property
    def root(self) -> Path:
        return self.folder.root

    @property
    def has_manifest(self) -> bool:
        return names.manifest_name(self.id) in self.files

    @property
    def data_files(self) -> list[str]:
        return sorted(
            name for name in self.files if (parsed := names.parse(name)) and parsed.is_data
        )

    def fingerprint(self) -> str:
        """Changes whenever one of the files does, or the keys that check them."""
        seen = "\n".join([_READING, self.folder.signer.keys, *sorted(self.stamps)])
        return hashlib.blake2b(seen.encode(), digest_size=16).hexdigest()

    def read_manifest(self) -> tuple[Manifest, Signature]:
        """Read and check the manifest. Raises ManifestError, FolderError."""
        name = names.manifest_name(self.id)
        data = durable.read_small(self.root / name, manifest.LARGEST)
        try:
            document, signature = sealed_manifest.read(data, self.folder.signer)
            return manifest.load(document, expected_id=self.id), signature
        except ManifestError as error:
            what = joined([name, error.what], ": ")
            raise ManifestError(what, why=error.why, todo=error.todo) from error

    def is_ours(self) -> bool:
        """Whether this site signed its manifest, and nobody altered it since."""
        try:
            return self.has_manifest and self.read_manifest()[1] is Signature.OURS
        except (ManifestError, FolderError):
            return False

    def record(self) -> Record:
        """What became of it; an empty record when there is none that can be read."""
        return self.folder.record(self.id)

    @property
    def has_record(self) -> bool:
        return names.record_name(self.id) in self.files

    def offloaded(self) -> Offloaded | None:
        """Where its data is when it was evicted here; None when it is here, or damaged."""
        if not self.has_manifest:
            return None
        try:
            found, _signature = self.read_manifest()
        except (ManifestError, FolderError):
            return None
        noted = self.record()
        return noted.offloaded if self.is_evicted(found, noted) else None

    def is_evicted(self, found: Manifest, noted: Record) -> bool:
        """Whether what is missing was evicted on purpose, and what is here is whole."""
        lacking = {part.file for part in found.parts} - self.files.keys()
        here = [part for part in found.parts if part.file not in lacking]
        return bool(noted.offloaded and lacking) and all(
            self.files[part.file] == part.bytes for part in here
        )

    @contextlib.contextmanager
    def in_use(self) -> Iterator[BackupFiles]:
        """While this is held, nobody deletes the backup, or its data; gives its files as they are.

        Raises Busy while it is being deleted, BackupNotFound, FolderError.
        """
        with removal.in_use(self.root, self.id, removal.locked_file(self.id, list(self.files))):
            yield self._looked_at_again()

    def _looked_at_again(self) -> BackupFiles:
        """Its data may have been evicted or brought back before the lock was held."""
        expected = {names.record_name(self.id)}
        if self.has_manifest:
            with contextlib.suppress(ManifestError):
                expected |= {part.file for part in self.read_manifest()[0].parts}
        return self.as_it_is(expected)

    def as_it_is(self, more: Iterable[str] = ()) -> BackupFiles:
        """The same files as they are now, and a manifest and ``more`` where they are there."""
        expected = {*self.files, names.manifest_name(self.id), *more}
        found = BackupFiles(self.folder, self.id)
        for name in sorted(expected):
            with contextlib.suppress(FileNotFoundError):
                status = (self.root / name).lstat()
                if stat_module.S_ISREG(status.st_mode):
                    parsed = names.parse(name)
                    found.add(name, status, is_data=parsed is not None and parsed.is_data)
        return found

    def is_unchanged(self) -> bool:
        """Whether its files are still those that were seen, its record among them."""
        now = self.as_it_is([names.record_name(self.id)])
        return now.fingerprint() == self.fingerprint()

    def alone(self, refused: str) -> AbstractContextManager[None]:
        """While this is held, nobody uses the backup, or begins to.

        Raises Busy, with the clause ``refused``, while somebody does, BackupNotFound, FolderError.
        """
        return removal.alone(self.root, self.id, list(self.files), refused=refused)

    def missing(self, found: Manifest) -> str:
        """A sentence on the first file that is not there, or not whole; "" if all are."""
        for part in found.parts:
            size = self.files.get(part.file)
            if size is None:
                return _("%(file)s is missing.", file=part.file)
            if size != part.bytes:
                return _(
                    "%(file)s has %(size)d bytes instead of %(expected)d.",
                    file=part.file,
                    size=size,
                    expected=part.bytes,
                )
        return ""
