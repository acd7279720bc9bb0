"""Drop the data files of a backup that is elsewhere; its manifest and its record stay.

The note where the data is comes first, and is durable before the first file goes. A crash in
between leaves a backup that is here still, or half of one whose record says where all of it is.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from trustbackup.exceptions import Busy, TrustbackupError, file_operation
from trustbackup.phrases import gettext as _
from trustbackup.store import durable, names, record
from trustbackup.store.entry import Entry
from trustbackup.store.record import Away
from trustbackup.store.signature import Signer


def away_of(entry: Entry, signer: Signer) -> Away | None:
    """Where the data of a backup is when it was dropped here; None when it is here, or damaged."""
    if not entry.has_manifest:
        return None
    try:
        found, _signature = entry.read_manifest(signer)
    except TrustbackupError:
        return None
    marks = record.read(entry.root, entry.id, signer)
    return marks.away if entry.is_dropped(found, marks) else None


def drop_data(entry: Entry, away: Away, signer: Signer) -> None:
    """Note where the data is, then remove its files here. Raises Busy, FolderError."""
    with _alone(entry):
        note(entry, away, signer)
        remove_data(entry)


def note(entry: Entry, away: Away, signer: Signer) -> None:
    """The first half: from now on a missing file is no damage."""
    record.change(entry.root, entry.id, signer, lambda marks: replace(marks, away=away))


def remove_data(entry: Entry) -> None:
    """The second half, which whoever comes later may finish."""
    for name in entry.data_files:
        with file_operation(_("Removing"), entry.root / name):
            (entry.root / name).unlink(missing_ok=True)
    durable.sync_folder(entry.root)


@contextlib.contextmanager
def nothing_dropped(root: Path) -> Iterator[None]:
    """While this is held, nothing is dropped here: for many backups that are sent one by one."""
    with contextlib.ExitStack() as stack:
        # A folder that was never written into has nothing that could be dropped.
        with contextlib.suppress(OSError):
            folder = os.open(root / durable.DELETED, durable.OPEN_FOLDER)
            stack.callback(os.close, folder)
            fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield


@contextlib.contextmanager
def _alone(entry: Entry) -> Iterator[None]:
    """While nobody restores, drills, copies or sends it, and nobody can begin to."""
    durable.prepare_root(entry.root)
    name = names.manifest_name(entry.id)
    with contextlib.ExitStack() as stack:
        with file_operation(_("Opening the folder"), entry.root / durable.DELETED):
            folder = os.open(entry.root / durable.DELETED, durable.OPEN_FOLDER)
        stack.callback(os.close, folder)
        file = stack.enter_context(durable.open_regular(entry.root / name))
        try:
            for descriptor in (folder, file.fileno()):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(
                _("The data of backup %(id)s was not dropped here", id=entry.id),
                why=_("a restore, a check or a download is using it"),
            ) from None
        yield
