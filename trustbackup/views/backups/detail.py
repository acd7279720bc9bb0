"""All that is known of one backup."""

from __future__ import annotations

from typing import Any

from django.views.generic import TemplateView

from trustbackup.contents.app_data.row_set import SETTINGS
from trustbackup.exceptions import BackupNotFound
from trustbackup.models import AuditEvent, Copy, Destination, Run
from trustbackup.operations.backup.anomalies import anomalies_of
from trustbackup.operations.backup.app_data import APP, restore_command
from trustbackup.operations.backup.describe import describe_backup
from trustbackup.operations.backup.media import MEDIA_KIND
from trustbackup.views.backups.restorable import file_parts, in_objects
from trustbackup.views.base import Page, no_such_backup

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
        return super().get_context_data(
            **kwargs,
            found=found,
            backup=backup,
            manifest=found.manifest,
            of_app=restore_command(backup.identifier) if backup.kind in (APP, SETTINGS) else "",
            of_media=backup.kind == MEDIA_KIND,
            file_parts=file_parts(found.manifest),
            in_objects=in_objects(found.manifest),
            problem=found.problem,
            anomalies=[each.sentence for each in anomalies_of(backup)],
            created_by=Run.objects.maker_of(backup.identifier),
            copies=Copy.objects.of(backup.identifier),
            lacking=(
                Destination.objects.without_copy_of(backup.identifier) if found.manifest else []
            ),
            events=AuditEvent.objects.about(backup.identifier)[:EVENTS],
            title=backup.name or backup.identifier,
        )
