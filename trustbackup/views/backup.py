"""The documented names: what other code imports from here stays, wherever it is defined."""

from __future__ import annotations

from trustbackup.compat import create_db_backup, get_backup_file_data
from trustbackup.views.backups.delete import BackupFilesDeleteMultipleView
from trustbackup.views.backups.download import (
    BackupFileDownloadView,
    BackupFilesDownloadMultipleView,
)
from trustbackup.views.backups.list import BackupManageView

__all__ = [
    "BackupFileDownloadView",
    "BackupFilesDeleteMultipleView",
    "BackupFilesDownloadMultipleView",
    "BackupManageView",
    "create_db_backup",
    "get_backup_file_data",
]
