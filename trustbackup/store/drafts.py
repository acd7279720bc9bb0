"""Backups that are whole or absent, whatever instant the power fails.

A draft is a private folder in which a backup is written. Publishing goes: data files
(flushed, then renamed, then their folder flushed), and only then the manifest, the same
way. Until the draft's folder is gone nothing that carries its id is listed, so a crash
between any two steps leaves nothing that looks like a backup. Deleting goes the other
way (``removal.py``).

    ROOT/.drafts/<id>/               being written; locked by its writer as long as it lives
    ROOT/.drafts/<id>/published      inode numbers of the data files that were renamed
    ROOT/.drafts/upload-…/           what is coming from elsewhere, see staging.py
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from trustbackup.exceptions import Busy, FolderError, file_operation
from trustbackup.phrases import gettext as _
from trustbackup.store import durable, locks, names, private_folder, removal
from trustbackup.store.durable import DurableFile, prepare_root, sync_folder
from trustbackup.store.locks import DELETED, DRAFTS

UPLOAD = "upload-"
HANDED_OVER = "received.json"
"""In an upload's folder: what it holds, for the process that takes it on."""
_JOURNAL = "published"
_LARGEST_JOURNAL = 1 << 20
_STALE = 3600.0
"""Seconds after which nobody can be at work on a small file any more."""


class Draft:
    """A backup that is being written; use ``begin()`` to get one."""

    def __init__(self, root: Path, identifier: str, lock: contextlib.ExitStack) -> None:
        self.root = root
        self.id = identifier
        self.folder = root / DRAFTS / identifier
        self._lock = lock
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

    @contextlib.contextmanager
    def all_or_none(self) -> Iterator[None]:
        """Of the files that are made meanwhile none is published when something is raised."""
        before = list(self._data)
        try:
            yield
        except BaseException:
            for name in self._data[len(before) :]:
                with contextlib.suppress(OSError):
                    (self.folder / name).unlink(missing_ok=True)
            self._data = before
            raise

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
            # A sweep of a folder that a crash has left removes only what this file names.
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
        self._lock.close()

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
    until = time.monotonic() + locks.AT_ONCE
    while (draft := _reserve_free(root, identifier)) is None:
        # A sweep holds what it looks at for an instant.
        if identifier in _taken(root) or time.monotonic() > until:
            raise Busy(
                _("Backup %(identifier)s was not published", identifier=identifier),
                why=_("another one of that name is there, or is just being made"),
                todo=_("Look at it, then try again."),
            )
        time.sleep(0.01)
    with contextlib.closing(draft):
        yield draft


def _reserve(root: Path, moment: datetime) -> Draft:
    # After the last of this second: where an earlier one is gone, its number would make this
    # backup older than one that was made before it.
    second = names.order(names.backup_id(moment))[0]
    orders = [names.order(identifier) for identifier in _taken(root)]
    last = max((number for stamp, number in orders if stamp == second), default=0)
    for number in range(last + 1, 100_000):
        identifier = names.backup_id(moment, number)
        if draft := _reserve_free(root, identifier):
            return draft
    raise FolderError(_("No name is left in this second"), todo=_("Try again."))


def _reserve_free(root: Path, identifier: str) -> Draft | None:
    """A draft of a backup that is not there; None when it is, or is just being made."""
    draft = _reserve_as(root, identifier)
    # Asked under its lock: another's draft of this id may have become a backup until then.
    if draft is not None and identifier in _taken(root):
        draft.close()
        return None
    return draft


def _taken(root: Path) -> set[str]:
    """What is there, and what is being deleted: that goes on by its name if its deleter dies."""
    found = [*os.listdir(root), *os.listdir(root / DELETED)]
    return {parsed.id for name in found if (parsed := names.parse(name))}


def _reserve_as(root: Path, identifier: str) -> Draft | None:
    lock = private_folder.make_private(folder := root / DRAFTS / identifier)
    return None if lock is None else Draft(root, folder.name, lock)


def unfinished(root: Path) -> set[str]:
    """The ids of which nothing is to be listed: being written, or half deleted. FolderError."""
    found: set[str] = set()
    for name in (DRAFTS, DELETED):
        for entry in durable.entries(root / name):
            parsed = names.parse(entry.name)
            if name == DRAFTS and names.is_backup_id(entry.name):
                # The manifest comes last: with one it is whole, if its writer died or not.
                if (
                    entry.is_dir(follow_symlinks=False)
                    and not (root / names.manifest_name(entry.name)).is_file()
                ):
                    found.add(entry.name)
            elif name == DELETED and parsed and parsed.is_manifest and entry.is_file():
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
        if not known or folder.is_symlink() or not folder.is_dir():
            continue
        if (lock := private_folder.hold(folder)) is None:
            continue
        with lock:
            if _is_waiting(folder):
                continue
            if is_draft and not (root / names.manifest_name(folder.name)).is_file():
                _remove_published(root, folder)
            shutil.rmtree(folder, ignore_errors=True)
            if is_draft:
                cleaned.append(folder.name)
    _remove_stale(root / DRAFTS)
    return [*cleaned, *removal.finish_deletes(root), *_remove_orphans(root)]


def _is_waiting(folder: Path) -> bool:
    """Whether it was handed over a short while ago, and nobody has taken it on yet."""
    with contextlib.suppress(OSError):
        status = (folder / HANDED_OVER).lstat()
        return folder.name.startswith(UPLOAD) and time.time() - status.st_mtime < _STALE
    return False


def _remove_orphans(root: Path) -> list[str]:
    """Remove records whose backup is gone: they would keep its id from coming back."""
    removed = []
    for identifier in removal.orphaned_records(root):
        # While its id is reserved nobody else publishes it; a draft that lives has it already.
        if (draft := _reserve_as(root, identifier)) is not None:
            with contextlib.closing(draft), contextlib.suppress(OSError):
                if identifier in removal.orphaned_records(root):
                    (root / names.record_name(identifier)).unlink()
                    removed.append(identifier)
    return removed


def _remove_stale(folder: Path) -> None:
    """Files that were to replace others when their writers died, long ago."""
    for path in folder.glob("*.json.*"):
        with contextlib.suppress(OSError):
            if path.is_file() and time.time() - path.stat().st_mtime > _STALE:
                path.unlink()


def _remove_published(root: Path, folder: Path) -> None:
    """Remove the data files that a draft had renamed, and no other file of that name."""
    try:
        inodes = json.loads(durable.read_small(folder / _JOURNAL, _LARGEST_JOURNAL))
    except (FolderError, ValueError, RecursionError):
        return
    for name, inode in inodes.items() if isinstance(inodes, dict) else ():
        parsed = names.parse(name)
        if parsed is None or parsed.id != folder.name:
            continue
        with contextlib.suppress(OSError):
            if (root / name).lstat().st_ino == inode:
                (root / name).unlink()
