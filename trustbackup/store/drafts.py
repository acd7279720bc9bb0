"""Backups that are whole or absent, whatever instant the power fails.

A draft is a private folder in which a backup is written. Publishing goes: data files
(flushed, then renamed, then their folder flushed), and only then the manifest, the same
way. Until the draft's folder is gone nothing that carries its id is listed, so a crash
between any two steps leaves nothing that looks like a backup. Deleting goes the other
way: the manifest leaves first.

    ROOT/.drafts/<id>/               being written; locked by its writer as long as it lives
    ROOT/.drafts/<id>/published      inode numbers of the data files that were renamed
    ROOT/.drafts/upload-…/           what is coming from elsewhere, see intake.py
    ROOT/.deleted/<id>.manifest.json a delete that has begun and must be finished
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from trustbackup.exceptions import Busy, FolderError, file_operation
from trustbackup.phrases import gettext as _
from trustbackup.store import names
from trustbackup.store.durable import (
    DELETED,
    DRAFTS,
    OPEN_FOLDER,
    DurableFile,
    must_be_unused,
    prepare_root,
    sync_folder,
)

UPLOAD = "upload-"
_JOURNAL = "published"
_STALE = 3600.0
"""Seconds after which nobody can be at work on a small file any more."""


class Draft:
    """A backup that is being written; use ``begin()`` to get one."""

    def __init__(self, root: Path, identifier: str, descriptor: int) -> None:
        self.root = root
        self.id = identifier
        self.folder = root / DRAFTS / identifier
        self._descriptor = descriptor
        self._data: list[str] = []
        self._has_manifest = False
        self._published = False

    def create(self, name: str) -> DurableFile:
        """A new file of this backup, under a private temporary name; not its manifest."""
        self._add(name)
        return DurableFile(self.folder / name)

    def take(self, path: Path, name: str) -> None:
        """Make a flushed file of the same file system one of this backup. FolderError."""
        self._add(name)
        with file_operation(_("Renaming"), path):
            path.rename(self.folder / name)

    def _add(self, name: str) -> None:
        parsed = names.parse(name)
        if parsed is None or parsed.id != self.id or parsed.is_manifest or name in self._data:
            raise ValueError(f"{name!r} is no new file of backup {self.id}")
        self._data.append(name)

    def publish(self, manifest: bytes | None) -> None:
        """Make the backup appear: its data files, then the manifest. Raises FolderError.

        Data without a manifest appears when the draft's own folder goes.
        """
        for name in self._data:
            self._must_be_free(name)
        inodes = {}
        for name in self._data:
            with file_operation(_("Reading the state of"), self.folder / name):
                inodes[name] = (self.folder / name).lstat().st_ino
        with DurableFile(self.folder / _JOURNAL) as journal:
            journal.write(json.dumps(inodes).encode())
        sync_folder(self.folder)
        for name in self._data:
            self._rename(name)
        sync_folder(self.root)
        if manifest is None:
            # Whoever sweeps a folder that a crash has left removes only what this file names.
            with file_operation(_("Removing"), self.folder / _JOURNAL):
                (self.folder / _JOURNAL).unlink()
            sync_folder(self.folder)
        else:
            self._publish_manifest(manifest)
        self._published = True

    def _publish_manifest(self, manifest: bytes) -> None:
        name = names.manifest_name(self.id)
        with DurableFile(self.folder / name) as file:
            file.write(manifest)
        self._must_be_free(name)
        self._rename(name)
        self._has_manifest = True
        sync_folder(self.root)

    def close(self) -> None:
        """Forget the draft; unless it was published, nothing of it remains."""
        if not self._published:
            # A manifest of that name which is not ours is not ours to remove.
            if self._has_manifest:
                with contextlib.suppress(OSError):
                    (self.root / names.manifest_name(self.id)).unlink(missing_ok=True)
            _remove_published(self.root, self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._descriptor)

    def _must_be_free(self, name: str) -> None:
        if os.path.lexists(self.root / name):
            raise FolderError(
                _("%(name)s was not published", name=name),
                why=_("something else has taken its name in the backup folder"),
                todo=_("Move it away, then make the backup again."),
            )

    def _rename(self, name: str) -> None:
        with file_operation(_("Renaming"), self.root / name):
            (self.folder / name).rename(self.root / name)


@contextlib.contextmanager
def begin(root: Path, moment: datetime) -> Iterator[Draft]:
    """A draft for a backup made at ``moment`` (UTC): its id is reserved among all writers.

    Leaves nothing behind unless ``publish()`` succeeded. Raises FolderError.
    """
    prepare_root(root)
    sweep(root)
    with contextlib.closing(_reserve(root, moment)) as draft:
        yield draft


@contextlib.contextmanager
def begin_as(root: Path, identifier: str) -> Iterator[Draft]:
    """A draft for a backup that has its id already. Raises FolderError, Busy if it is taken."""
    prepare_root(root)
    sweep(root)
    draft = None if identifier in _taken(root) else _reserve_as(root, identifier)
    if draft is None:
        raise Busy(
            _("Backup %(identifier)s was not published", identifier=identifier),
            why=_("another one of that name is there, or is just being made"),
            todo=_("Look at it, then try again."),
        )
    with contextlib.closing(draft):
        yield draft


def _reserve(root: Path, moment: datetime) -> Draft:
    taken = _taken(root)
    for number in range(1, 100_000):
        identifier = names.backup_id(moment, number)
        if identifier not in taken and (draft := _reserve_as(root, identifier)):
            return draft
    raise FolderError(_("No name is left in this second"), todo=_("Try again."))


def _taken(root: Path) -> set[str]:
    return {parsed.id for name in os.listdir(root) if (parsed := names.parse(name))}


def _reserve_as(root: Path, identifier: str) -> Draft | None:
    descriptor = make_private(folder := root / DRAFTS / identifier)
    return None if descriptor is None else Draft(root, folder.name, descriptor)


def make_private(folder: Path) -> int | None:
    """Make a folder (0700) and lock it; None when it is there or was swept meanwhile."""
    with file_operation(_("Making a private folder"), folder):
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            return None
        return _lock(folder)


def _lock(folder: Path) -> int | None:
    """Lock a draft's folder; None when somebody else holds it, or removed it meanwhile."""
    try:
        descriptor = os.open(folder, OPEN_FOLDER)
    except FileNotFoundError:
        return None
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), folder.lstat()):
            return descriptor
    os.close(descriptor)
    return None


def unfinished(root: Path) -> set[str]:
    """The ids of which nothing is to be listed: being written, or half deleted."""
    found: set[str] = set()
    for name in (DRAFTS, DELETED):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            for entry in os.listdir(root / name):
                parsed = names.parse(entry)
                if name == DRAFTS and names.is_backup_id(entry):
                    # The manifest comes last: with one it is whole, if its writer died or not.
                    if not (root / names.manifest_name(entry)).is_file():
                        found.add(entry)
                elif name == DELETED and parsed and parsed.is_manifest:
                    found.add(parsed.id)
    return found


def sweep(root: Path) -> list[str]:
    """Finish what a crash left half done; the ids that were cleaned up.

    A draft whose writer lives is left alone. Of a dead one, a backup whose manifest was
    published is whole and stays; else exactly the files that it had renamed are removed.
    """
    cleaned = []
    for folder in sorted((root / DRAFTS).glob("*")):
        is_draft = names.is_backup_id(folder.name)
        known = is_draft or folder.name.startswith(UPLOAD)
        if not known or (descriptor := _lock(folder)) is None:
            continue
        try:
            if is_draft and not (root / names.manifest_name(folder.name)).is_file():
                _remove_published(root, folder)
            shutil.rmtree(folder, ignore_errors=True)
            if is_draft:
                cleaned.append(folder.name)
        finally:
            os.close(descriptor)
    _remove_stale(root / DRAFTS)
    for tombstone in sorted((root / DELETED).glob(f"*{names.MANIFEST}")):
        parsed = names.parse(tombstone.name)
        if parsed is not None:
            _finish_delete(root, parsed.id, tombstone)
            cleaned.append(parsed.id)
    return cleaned


def _remove_stale(folder: Path) -> None:
    """Files that were to replace others when their writers died, long ago."""
    for path in folder.glob("*.json.*"):
        with contextlib.suppress(OSError):
            if path.is_file() and time.time() - path.stat().st_mtime > _STALE:
                path.unlink()


def _remove_published(root: Path, folder: Path) -> None:
    """Remove the data files that a draft had renamed, and no other file of that name."""
    try:
        inodes = json.loads((folder / _JOURNAL).read_bytes())
    except (OSError, ValueError):
        return
    for name, inode in inodes.items():
        with contextlib.suppress(OSError):
            if (root / name).lstat().st_ino == inode:
                (root / name).unlink()


def delete(root: Path, identifier: str, files: list[str]) -> None:
    """Delete a backup: first its manifest leaves, then ``files`` go. Raises FolderError."""
    prepare_root(root)
    manifest = names.manifest_name(identifier)
    tombstone = root / DELETED / manifest
    must_be_unused(root, [manifest, *files])
    if os.path.lexists(root / manifest):
        with file_operation(_("Removing the manifest"), root / manifest):
            (root / manifest).rename(tombstone)
        sync_folder(root / DELETED)
        sync_folder(root)
    _remove(root, files)
    if os.path.lexists(tombstone):
        _finish_delete(root, identifier, tombstone)


def _finish_delete(root: Path, identifier: str, tombstone: Path) -> None:
    _remove(root, [name for name in os.listdir(root) if _belongs(name, identifier)])
    with file_operation(_("Removing"), tombstone):
        tombstone.unlink(missing_ok=True)


def _belongs(name: str, identifier: str) -> bool:
    parsed = names.parse(name)
    return parsed is not None and parsed.id == identifier


def _remove(root: Path, files: list[str]) -> None:
    for name in files:
        with file_operation(_("Removing"), root / name):
            (root / name).unlink(missing_ok=True)
    sync_folder(root)
