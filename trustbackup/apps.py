"""What Django expects of an app."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TrustbackupConfig(AppConfig):
    """Registers the system checks when the app is loaded."""

    name = "trustbackup"
    verbose_name = _("Backups")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from trustbackup import checks  # noqa: F401 - importing registers them
