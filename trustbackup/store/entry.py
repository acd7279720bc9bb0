"""What lies in a folder of backups: the files of each, by their names alone.

A look costs one listing and a ``stat`` for each file; nothing is read.
"""

from __future__ import annotations

import hashlib
import os
import stat as stat_module
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from trustbackup.exceptions import ManifestError, file_operation
from trustbackup.phrases import gettext as _
from trustbackup.phrases import joined
from trustbackup.store import drafts, durable, manifest, names, record
from trustbackup.store.manifest import Manifest
from trustbackup.store.signature import Signature, Signer


@dataclass
class Entry:
    """The files in the folder that carry one id, with their sizes in bytes."""

    root: Path
    id: str
    files: dict[str, int] = field(default_factory=dict)
    stamps: list[str] = field(default_factory=list)
    modified: float = 0.0

    @property
    def has_manifest(self) -> bool:
        return names.manifest_name(self.id) in self.files

    @property
    def data_files(self) -> list[str]:
        return sorted(
            name for name in self.files if (parsed := names.parse(name)) and parsed.is_data
        )

    def fingerprint(self, signer: Signer) -> str:
        """Changes whenever one of the files does, or the keys that check them."""
        seen = "\n".join([signer.keys, *sorted(self.stamps)])
        return hashlib.blake2b(seen.encode(), digest_size=16).hexdigest()

    def read_manifest(self, signer: Signer) -> tuple[Manifest, Signature]:
        """Read and check the manifest. Raises ManifestError, FolderError."""
        name = names.manifest_name(self.id)
        with durable.open_regular(self.root / name) as file, file_operation(_("Reading"), name):
            data = file.read(manifest.LARGEST + 1)
        try:
            document, signature = manifest.read_signed(data, signer)
            return manifest.load(document, expected_id=self.id), signature
        except ManifestError as error:
            what = joined([name, error.what], ": ")
            raise ManifestError(what, why=error.why, todo=error.todo) from error

    def is_dropped(self, found: Manifest, marks: record.Record) -> bool:
        """Whether what is missing was dropped on purpose, and what is here is whole."""
        lacking = {part.file for part in found.parts} - self.files.keys()
        here = [part for part in found.parts if part.file not in lacking]
        return bool(marks.away and lacking) and all(
            self.files[part.file] == part.bytes for part in here
        )

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """While this is held, nobody deletes the backup. Raises Busy, FolderError."""
        name = names.manifest_name(self.id) if self.has_manifest else next(iter(self.files))
        with durable.open_regular(self.root / name) as file:
            durable.share(file, name)
            yield

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


def scan(root: Path) -> dict[str, Entry]:
    """What lies in the folder, by id; nothing that is unfinished, no link, no foreign file.

    An absent folder is empty. Raises FolderError when it can't be read.
    """
    entries: dict[str, Entry] = {}
    hidden = drafts.unfinished(root)
    try:
        listing = os.scandir(root)
    except FileNotFoundError:
        return entries
    except OSError:
        with file_operation(_("Listing the backup folder"), root):
            raise
    with listing:
        for item in listing:
            parsed = names.parse(item.name)
            if parsed is None or parsed.id in hidden:
                continue
            try:
                status = item.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat_module.S_ISREG(status.st_mode):
                entry = entries.get(parsed.id)
                if entry is None:
                    entry = entries[parsed.id] = Entry(root, parsed.id)
                entry.files[item.name] = status.st_size
                entry.stamps.append(f"{item.name}:{status.st_size}:{status.st_mtime_ns}")
                if parsed.is_data:
                    entry.modified = max(entry.modified, status.st_mtime)
    return {key: entry for key, entry in entries.items() if entry.has_manifest or entry.data_files}
