"""Keep a backup, or release it: kept ones are not deleted."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime

from trustbackup.exceptions import UsageError
from trustbackup.operations.context import Context
from trustbackup.phrases import gettext as _

logger = logging.getLogger(__name__)


def keep_backup(reference: str, *, protected: bool = True) -> str:
    """Set or clear the mark; returns the backup's id. Raises BackupNotFound, UsageError."""
    context = Context.current()
    entry = context.folder.find(reference)
    if not entry.has_manifest:
        raise UsageError(
            _("Backup %(id)s can't be marked", id=entry.id),
            why=_("it has no manifest"),
            todo=_("It is never deleted by retention anyway."),
        )
    now = datetime.now(UTC)
    entry.folder.change(
        entry.id,
        lambda noted: replace(noted, protected=protected, protection_changed=now),
    )
    logger.info("Backup %s is %s.", entry.id, "protected" if protected else "released")
    return entry.id
