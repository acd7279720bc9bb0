"""Keep a backup, or release it: kept ones are not deleted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from trustbackup.exceptions import UsageError
from trustbackup.operations.site import Site
from trustbackup.phrases import gettext as _
from trustbackup.store import catalog, record


def keep_backup(reference: str, *, kept: bool = True) -> str:
    """Set or clear the mark; returns the backup's id. Raises BackupNotFound, UsageError."""
    site = Site.current()
    root = site.settings.root
    entry = catalog.find(root, reference)
    if not entry.has_manifest:
        raise UsageError(
            _("Backup %(id)s can't be marked", id=entry.id),
            why=_("it has no manifest"),
            todo=_("It is never deleted by retention anyway."),
        )
    now = datetime.now(UTC)
    record.change(root, entry.id, site.signer, lambda marks: replace(marks, kept=kept, marked=now))
    return entry.id
