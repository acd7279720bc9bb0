"""Keep a backup, or release it: kept ones are not deleted; and call it otherwise."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime

from trustbackup.exceptions import ChangedMeanwhile, UsageError
from trustbackup.operations.backup.kinds import checked_name
from trustbackup.operations.context import Context
from trustbackup.phrases import gettext as _
from trustbackup.store import durable, names, record
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.record import Record

logger = logging.getLogger(__name__)


def keep_backup(reference: str, *, protected: bool = True) -> str:
    """Set or clear the mark; returns the backup's id. Raises BackupNotFound, UsageError."""
    return change_backup(reference, protected=protected)


def change_backup(
    reference: str,
    *,
    protected: bool | None = None,
    label: str | None = None,
    expected: Collection[str] | None = None,
) -> str:
    """Set or clear the mark, and say what it is called from now on; None leaves it as it is, and
    an empty label gives it the name back that it was made with. Returns the backup's id.

    Raises ChangedMeanwhile unless it has one of the ``expected`` versions, looked at while nobody
    else can change it. Raises BackupNotFound, UsageError.
    """
    context = Context.current()
    entry = context.folder.find(reference)
    if not entry.has_manifest:
        raise UsageError(
            _("Backup %(id)s can't be marked", id=entry.id),
            why=_("it has no manifest"),
            todo=_("It is never deleted by retention anyway."),
        )
    wanted = None if label is None else checked_name(label)
    now = datetime.now(UTC)

    def changed(noted: Record) -> Record:
        if expected is not None and version_of(entry) not in expected:
            raise ChangedMeanwhile(
                _("Backup %(id)s was changed since it was looked at", id=entry.id),
                todo=_("Look at it again, then decide."),
            )
        if protected is not None:
            noted = replace(noted, protected=protected, protection_changed=now)
        if wanted is not None:
            noted = replace(noted, label=wanted, labelled=now)
        return noted

    entry.folder.change(entry.id, changed)
    if protected is not None:
        logger.info("Backup %s is %s.", entry.id, "protected" if protected else "released")
    if wanted is not None:
        logger.info("Backup %s is called %r.", entry.id, wanted)
    return entry.id


def version_of(entry: BackupFiles) -> str:
    """Another one whenever its files or its record are others.

    The record's content is in it: a clock of files may stand still between two writes.
    """
    name = names.record_name(entry.id)
    now = entry.as_it_is([name])
    noted = durable.read_small(entry.root / name, record.LARGEST) if now.has_record else b""
    return hashlib.blake2b(now.fingerprint().encode() + noted, digest_size=16).hexdigest()
