"""Delete what retention lets go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from trustbackup.exceptions import UsageError
from trustbackup.models import Backup
from trustbackup.operations.delete import Deletion, delete_backups
from trustbackup.operations.site import Site
from trustbackup.phrases import gettext as _
from trustbackup.policy.retention import Candidate, victims
from trustbackup.store import catalog


@dataclass(frozen=True, kw_only=True)
class Pruning:
    """What would go, and what became of it; ``outcomes`` is empty in a dry run."""

    going: tuple[str, ...]
    outcomes: tuple[Deletion, ...] = ()


def prune_backups(*, keep: int, dry_run: bool = False) -> Pruning:
    """Keep the newest ``keep`` of each sort, and more where safety wants it.

    Dumps without a manifest and unreadable ones are never touched. Raises UsageError.
    """
    if keep < 1:
        raise UsageError(
            _("Keeping %(count)d backups would delete all of them", count=keep),
            todo=_("Keep at least 1."),
        )
    site = Site.current()
    found = catalog.synchronise(site.settings.root, site.signer, afresh=True)
    candidates = [
        Candidate(
            id=backup.identifier,
            sort=f"{backup.kind} {backup.databases}",
            created=backup.created,
            good=is_good(backup),
            kept=backup.kept,
        )
        for backup in found.values()
        if backup.state in (*Backup.WHOLE, Backup.State.DAMAGED)
    ]
    going = victims(candidates, keep=keep, now=datetime.now(UTC))
    if dry_run:
        return Pruning(going=tuple(going))
    return Pruning(going=tuple(going), outcomes=tuple(delete_backups(going)))


def is_good(backup: Backup) -> bool:
    """Whole on the disk, and its last check and drill, if any, passed; one of them did."""
    passed = [ok for ok in (backup.checked_ok, backup.drilled_ok) if ok is not None]
    return backup.state in Backup.WHOLE and bool(passed) and all(passed)
