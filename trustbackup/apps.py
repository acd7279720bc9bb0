"""What Django expects of an app."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, register
from django.utils.translation import gettext_lazy as _


class TrustbackupConfig(AppConfig):
    """Registers the system checks when the app is loaded."""

    name = "trustbackup"
    verbose_name = _("Backups")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in
        from django.core.signals import request_finished
        from django.db.models.signals import pre_migrate

        from trustbackup.signals import event_happened, note_sign_in

        register(check_site, self.label)
        register(check_pages, self.label)
        register(check_deployment, self.label, deploy=True)
        user_logged_in.connect(note_sign_in, dispatch_uid="trustbackup")
        request_finished.connect(look_after_request, dispatch_uid="trustbackup")
        pre_migrate.connect(back_up_before_migrate, sender=self, dispatch_uid="trustbackup")
        event_happened.connect(hear, dispatch_uid="trustbackup")


def hear(**event: Any) -> None:  # noqa: ANN401 - a signal's receiver
    """A process in which nothing happens to backups needs nobody who listens."""
    from trustbackup.runs import notify

    notify.hear(**event)


def look_after_request(**_details: Any) -> None:  # noqa: ANN401 - a signal's receiver
    """What is overdue is seen by the site's own visitors; what it needs loads with the first."""
    from trustbackup.runs.lookout import look_after_request

    look_after_request()


def back_up_before_migrate(**details: Any) -> None:  # noqa: ANN401 - a signal's receiver
    """``TRUSTBACKUP["BACKUP_BEFORE_MIGRATE"]``; raises CommandError, which ends ``migrate``."""
    from trustbackup.runs.before_migrate import back_up_before_migrate

    back_up_before_migrate(**details)


# Each process of a site begins with ready(): what checks need is loaded by those who check.


def check_site(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 - Django's signature
    databases: Sequence[str] | None = None,
    **_options: Any,  # noqa: ANN401
) -> list[CheckMessage]:
    from trustbackup import checks

    return [*checks.check_settings(), *checks.check_dumpers(databases)]


def check_pages(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 - Django's signature
    **_options: Any,  # noqa: ANN401
) -> list[CheckMessage]:
    from trustbackup.views import checks

    return list(checks.check_pages())


def check_deployment(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 - Django's signature
    **_options: Any,  # noqa: ANN401
) -> list[CheckMessage]:
    from trustbackup import checks

    return checks.check_deployment()
