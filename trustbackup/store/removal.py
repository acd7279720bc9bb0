"""Delete a backup: its manifest leaves first, and whoever uses it keeps it.

    ROOT/.deleted/<id>.manifest.json    a delete that has begun and must be finished

The lock of the backup is held from before the manifest leaves until the last file is gone. It
belongs to the manifest's file and goes with it, so a manifest in ``.deleted`` that nobody holds
is one whose deleter died.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from trustbackup.exceptions import BackupNotFound, Busy, FolderError, file_operation
from trustbackup.phrases import gettext as _
from trustbackup.store import locks, names
from trustbackup.store.durable import prepare_root, sync_folder
from trustbackup.store.locks import DELETED

logger = logging.getLogger(__name__)
BUNDLES_WAIT = 5.0
"""Seconds. Those who remove hold the lock of all backups shortly, a download holds it for long."""


def remove(root: Path, identifier: str, files: Sequence[str]) -> None:
    """Remove a backup of which these files are known, for who has it ``alone``; durable.

    Raises FolderError. What a crash leaves half done is finished by ``finish_deletes``.
    """
    manifest = names.manifest_name(identifier)
    tombstone = root / DELETED / manifest
    if os.path.lexists(root / manifest):
        with file_operation(_("Removing the manifest"), root / manifest):
            (root / manifest).rename(tombstone)
        sync_folder(root / DELETED)
        sync_folder(root)
        _finish(root, identifier, tombstone)
    else:
        # The lock is that of the first data file, so it is the last to go.
        last = locked_file(identifier, files)
        _remove(root, [name for name in files if name != last])
        _remove(root, [last])


def finish_deletes(root: Path) -> list[str]:
    """Remove what is left of backups whose deleter died; their ids."""
    finished = []
    for tombstone in sorted((root / DELETED).glob(f"*{names.MANIFEST}")):
        parsed = names.parse(tombstone.name)
        if parsed is None or tombstone.is_symlink() or not tombstone.is_file():
            continue
        with (
            contextlib.suppress(locks.Locked, locks.Vanished),
            locks.exclusive(locks.backup_lock(tombstone)),
        ):
            try:
                _finish(root, parsed.id, tombstone)
            except FolderError as error:
                # What can't be removed stops nobody who makes a backup, or deletes another.
                logger.warning("A delete that died can't be finished yet: %s", error)
            else:
                finished.append(parsed.id)
    return finished


@contextlib.contextmanager
def alone(root: Path, identifier: str, files: Sequence[str], *, refused: str) -> Iterator[None]:
    """While nobody restores, drills, copies or sends a backup, and nobody can begin to.

    ``refused`` is the clause of the Busy that is raised when somebody does. Also raises
    BackupNotFound, FolderError.
    """
    prepare_root(root)
    name = locked_file(identifier, files)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locks.exclusive(locks.bundles_lock(root), wait=BUNDLES_WAIT))
            stack.enter_context(locks.exclusive(locks.backup_lock(root / name)))
        except locks.Locked:
            raise Busy(
                refused,
                why=_("a restore, a check or a download is using it"),
                todo=_("Wait until that is done, then try again."),
            ) from None
        except locks.Vanished:
            raise not_there(identifier, root) from None
        yield


@contextlib.contextmanager
def in_use(root: Path, identifier: str, name: str) -> Iterator[None]:
    """Share the lock of a backup; ``name`` is the file that has it."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locks.shared(locks.backup_lock(root / name)))
        except locks.Locked:
            raise Busy(
                _("%(name)s can't be used", name=name), why=_("it is being deleted")
            ) from None
        except locks.Vanished:
            raise not_there(identifier, root) from None
        yield


def orphaned_records(root: Path) -> list[str]:
    """The ids of which nothing but a record is there: their backup is gone."""
    try:
        listing = set(os.listdir(root))
    except FileNotFoundError:
        return []
    records = (
        parsed for name in listing if name.endswith(names.RECORD) and (parsed := names.parse(name))
    )
    found = [
        parsed.id
        for parsed in records
        if names.is_backup_id(parsed.id) and names.manifest_name(parsed.id) not in listing
    ]
    if found:
        data = {parsed.id for name in listing if (parsed := names.parse(name)) and parsed.is_data}
        found = [identifier for identifier in found if identifier not in data]
    return [identifier for identifier in sorted(found) if _has_record(root, identifier)]


def _has_record(root: Path, identifier: str) -> bool:
    path = root / names.record_name(identifier)
    return path.is_file() and not path.is_symlink()


def locked_file(identifier: str, files: Sequence[str]) -> str:
    """The file whose lock is the backup's: its manifest, else its first data file."""
    manifest = names.manifest_name(identifier)
    if manifest in files:
        return manifest
    # A record is replaced as a whole, and a lock would stay with the old one.
    return min(set(files) - {names.record_name(identifier)})


def not_there(identifier: str, root: Path) -> BackupNotFound:
    return BackupNotFound(
        _("There is no backup %(reference)r in %(root)s", reference=identifier, root=root),
        why=_("it was deleted a moment ago"),
        todo=_("See list_backups for those that are there."),
    )


def _finish(root: Path, identifier: str, tombstone: Path) -> None:
    _remove(
        root,
        [
            name
            for name in os.listdir(root)
            # A folder of that name is none of a backup's files: somebody else has put it there.
            if _belongs(name, identifier) and not _is_folder(root / name)
        ],
    )
    with file_operation(_("Removing"), tombstone):
        tombstone.unlink(missing_ok=True)


def _belongs(name: str, identifier: str) -> bool:
    parsed = names.parse(name)
    return parsed is not None and parsed.id == identifier


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _remove(root: Path, files: Sequence[str]) -> None:
    for name in files:
        with file_operation(_("Removing"), root / name):
            (root / name).unlink(missing_ok=True)
    sync_folder(root)
