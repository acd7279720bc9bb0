"""What the admin's index says of backups: what is overdue, for those who may know."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import DatabaseError, router, transaction
from django.http import HttpRequest

from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Plan
from trustbackup.operations.overdue import watch
from trustbackup.views.base import VIEW, has_right
from trustbackup.views.labels import translate


def overdue_for(request: HttpRequest) -> list[str]:
    """A sentence each. Where nobody can tell there is none: the index is not ours to end."""
    if not has_right(request, VIEW):
        return []
    try:
        with transaction.atomic(using=router.db_for_read(Plan)):
            found = watch(datetime.now(UTC))
    except (DatabaseError, TrustbackupError):
        return []
    return [translate(item.sentence) for item in found.overdue]
