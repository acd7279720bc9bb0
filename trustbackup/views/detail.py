"""All that is known of one backup."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.views.generic import TemplateView

from trustbackup.exceptions import BackupNotFound
from trustbackup.models import AuditEvent, Run
from trustbackup.operations.describe import describe_backup
from trustbackup.views.access import Page, no_such_backup
from trustbackup.views.copies import copies_of, lacking

EVENTS = 20


class BackupDetailView(Page, TemplateView):
    """All that is known of one backup, and what was done with it."""

    template_name = "settings/backups/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        try:
            found = describe_backup(kwargs["identifier"])
        except BackupNotFound as error:
            raise no_such_backup(kwargs["identifier"]) from error
        backup = found.backup
        mine = Q(target__contains=backup.identifier)
        return super().get_context_data(
            **kwargs,
            found=found,
            backup=backup,
            manifest=found.manifest,
            problem=found.problem,
            created_by=Run.objects.filter(verb="create", target=backup.identifier).first(),
            copies=copies_of(backup.identifier),
            lacking=lacking(backup.identifier) if found.manifest else [],
            events=AuditEvent.objects.filter(mine)[:EVENTS],
            title=backup.name or backup.identifier,
        )
