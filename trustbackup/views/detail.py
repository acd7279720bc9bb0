"""All that is known of one backup."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.views.generic import TemplateView

from trustbackup.exceptions import BackupNotFound, TrustbackupError
from trustbackup.operations.site import Site
from trustbackup.store import catalog
from trustbackup.views.access import Page


class BackupDetailView(Page, TemplateView):
    """All that is known of one backup."""

    template_name = "settings/backups/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        site = Site.current()
        try:
            entry = catalog.find(site.settings.root, kwargs["identifier"])
        except BackupNotFound as error:
            raise Http404(str(error)) from error
        backup = catalog.describe(entry, site.signer)
        manifest, problem = None, ""
        if entry.has_manifest:
            try:
                manifest, _signature = entry.read_manifest(site.signer)
            except TrustbackupError as error:
                problem = str(error)
        return super().get_context_data(
            **kwargs,
            backup=backup,
            manifest=manifest,
            problem=problem or backup.problem,
            files=sorted(entry.files.items()),
            title=backup.name or backup.identifier,
        )
