"""Delete what retention lets go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from trustbackup.exceptions import UsageError
from trustbackup.models import Backup
from trustbackup.operations.backup.delete import DeleteResult, delete_backups
from trustbackup.operations.backup.facts import facts_of
from trustbackup.operations.context import Context
from trustbackup.phrases import gettext as _
from trustbackup.policy.retention import expired
from trustbackup.store import catalog


@dataclass(frozen=True, kw_only=True)
class PruneResult:
    """What would go, and what became of it; ``outcomes`` is empty in a dry run."""

    going: tuple[str, ...]
    outcomes: tuple[DeleteResult, ...] = ()


def prune_backups(*, keep: int, dry_run: bool = False) -> PruneResult:
    """Keep the newest ``keep`` of each sort, and more where safety wants it.

    Dumps without a manifest and unreadable ones are never touched. Raises UsageError.
    """
    if keep < 1:
        raise UsageError(
            _("Keeping %(count)d backups would delete all of them", count=keep),
            todo=_("Keep at least 1."),
        )
    context = Context.current()
    found = catalog.synchronise(context.folder, afresh=True)
    candidates = [
        facts_of(backup)
        for backup in found.values()
        if backup.state in (*Backup.WHOLE, Backup.State.DAMAGED)
    ]
    going = expired(candidates, keep=keep, now=datetime.now(UTC))
    if dry_run:
        return PruneResult(going=tuple(going))
    return PruneResult(going=tuple(going), outcomes=tuple(delete_backups(going)))
