"""What the rules of ``policy/`` need to know of a backup, from its row."""

from __future__ import annotations

from trustbackup.models import Backup
from trustbackup.policy.protection import BackupFacts
from trustbackup.store.plan_note import PlanNote
from trustbackup.store.signature import Signature


def facts_of(backup: Backup, *, group: str = "", size: int = 0) -> BackupFacts:
    """``group`` says which rules of retention it follows, ``size`` is what it takes (bytes)."""
    return BackupFacts(
        id=backup.identifier,
        sort=f"{backup.kind} {backup.databases}",
        created=backup.created,
        whole=backup.state in Backup.WHOLE,
        ours=backup.signature == Signature.OURS.name.lower(),
        checked=backup.checked_ok,
        drilled=backup.drilled_ok,
        protected=backup.protected,
        bytes=size,
        group=group,
    )


def plan_note_of(backup: Backup) -> PlanNote | None:
    """What its manifest says of the plan that made it; None for one made by hand."""
    if not backup.plan:
        return None
    return PlanNote(
        name=backup.plan,
        zone=backup.zone,
        retention=backup.retention,
        destination_retention=backup.destination_retention,
    )
