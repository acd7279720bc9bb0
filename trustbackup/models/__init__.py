"""The index of what lies on the disk, the plans, the runs, and the audit trail.

Backups are only indexed here: deleting their rows loses nothing. Plans, runs and the audit trail
are carried along by every restore, so they have no foreign key to any other app's table.
"""

from __future__ import annotations

from trustbackup.models.access_token import AccessToken, ClaimedKey, DownloadLink
from trustbackup.models.alarm import Alarm, AlarmQuerySet
from trustbackup.models.backup import Backup, BackupQuerySet
from trustbackup.models.destination import Copy, CopyQuerySet, Destination, DestinationQuerySet
from trustbackup.models.encryption_key import EncryptionKey, KeyProof
from trustbackup.models.fields import MomentField, PhraseField
from trustbackup.models.notification import Delivery, DeliveryQuerySet, Route
from trustbackup.models.plan import Plan, PlanCalendar, PlanDue
from trustbackup.models.run import AuditEvent, AuditEventQuerySet, Run, RunQuerySet

__all__ = [
    "AccessToken",
    "Alarm",
    "AlarmQuerySet",
    "AuditEvent",
    "AuditEventQuerySet",
    "Backup",
    "BackupQuerySet",
    "ClaimedKey",
    "Copy",
    "CopyQuerySet",
    "Delivery",
    "DeliveryQuerySet",
    "Destination",
    "DestinationQuerySet",
    "DownloadLink",
    "EncryptionKey",
    "KeyProof",
    "MomentField",
    "PhraseField",
    "Plan",
    "PlanCalendar",
    "PlanDue",
    "Route",
    "Run",
    "RunQuerySet",
]
