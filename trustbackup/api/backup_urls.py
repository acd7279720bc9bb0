"""The addresses of backups alone.

``path("backups/api/backups/", include("trustbackup.api.backup_urls"))`` puts them there.
"""

from __future__ import annotations

from django.urls import path

from trustbackup.api import actions, backup, backups, restore

urlpatterns = [
    path("", backups.BackupsView.as_view()),
    path("<str:identifier>/", backup.BackupView.as_view()),
    path("<str:identifier>/verify/", actions.VerifyView.as_view()),
    path("<str:identifier>/restore/", restore.RestoreView.as_view()),
]
