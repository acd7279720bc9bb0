"""Evict the data files of a backup that is elsewhere; its manifest and its record stay.

The note where the data is comes first, and is durable before the first file goes. A crash in
between leaves a backup that is here still, or half of one whose record says where all of it is.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from trustbackup.exceptions import Busy, TrustbackupError, file_operation
from trustbackup.phrases import gettext as _
from trustbackup.store import durable, locks, staging
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.record import Offloaded

logger = logging.getLogger(__name__)


def evict_data(
    backup: BackupFiles,
    offloaded: Offloaded,
    is_there: Callable[[], bool],
    relies_on: Sequence[BackupFiles] = (),
) -> None:
    """Note where the data is, then remove its files here. Raises Busy, FolderError.

    Busy, too, when it or one of those that it ``relies_on`` is not as it was seen any more: it
    may have been protected since, or be the last good one now. ``is_there`` asks the destination
    while nobody else uses the backup: who deletes a copy there uses it, too.
    """
    refused = _("The data of backup %(id)s was not dropped here", id=backup.id)
    with backup.alone(refused):
        if not (all(seen.is_unchanged() for seen in (backup, *relies_on)) and is_there()):
            raise Busy(refused, why=_("what is known of it has changed meanwhile"))
        note_offloaded(backup, offloaded)
        remove_data(backup)
    size = sum(backup.files[name] for name in backup.data_files)
    logger.info("The data of backup %s was evicted: %d bytes.", backup.id, size)


def note_offloaded(backup: BackupFiles, offloaded: Offloaded) -> None:
    """The first half: from now on a missing file is no damage."""
    backup.folder.change_held(backup.id, lambda noted: replace(noted, offloaded=offloaded))


def remove_data(backup: BackupFiles) -> None:
    """The second half, which whoever comes later may finish."""
    for name in backup.data_files:
        with file_operation(_("Removing"), backup.root / name):
            (backup.root / name).unlink(missing_ok=True)
    durable.sync_folder(backup.root)


def restore_data(backup: BackupFiles, files: Mapping[str, staging.Received]) -> None:
    """Give files that were compared with the manifest their names. Raises FolderError."""
    with backup.in_use():
        for name, received in files.items():
            with file_operation(_("Renaming"), backup.root / name):
                received.path.replace(backup.root / name)
        durable.sync_folder(backup.root)
        backup.folder.change_held(backup.id, lambda noted: replace(noted, offloaded=None))


@contextlib.contextmanager
def nothing_removed(root: Path) -> Iterator[None]:
    """While this is held, nothing is removed here: for many backups that are sent one by one."""
    with contextlib.ExitStack() as stack:
        # From a folder that can't be written into nothing can be removed.
        with contextlib.suppress(TrustbackupError):
            durable.prepare_root(root)
            stack.enter_context(locks.shared(locks.bundles_lock(root), wait=locks.FOREVER))
        yield
