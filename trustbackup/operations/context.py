"""What every operation needs of the site: its settings, its signer, and its databases."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from trustbackup.conf import Settings, get_settings
from trustbackup.databases.base import Database
from trustbackup.databases.registry import get_database
from trustbackup.databases.values import Options
from trustbackup.exceptions import UsageError
from trustbackup.phrases import gettext as _
from trustbackup.store.folder import BackupFolder
from trustbackup.store.journal import RestoreJournal
from trustbackup.store.signature import Signer


@dataclass(frozen=True)
class Context:
    """The site as its settings describe it."""

    settings: Settings
    signer: Signer

    @classmethod
    def current(cls) -> Context:
        """Raises ConfigurationError, and UsageError in a coroutine."""
        _refuse_coroutines()
        settings = get_settings()
        return cls(settings, Signer(settings.secret_keys))

    def database(self, alias: str, label: str = "trustbackup") -> Database:
        """Raises UsageError for an unknown alias or engine.

        ``label`` names its sessions on a server.
        """
        options = Options(
            wait=self.settings.lock_timeout,
            connect_timeout=self.settings.connect_timeout,
            pooler_console=self.settings.pgbouncer.get(alias, ""),
            label=label,
        )
        return get_database(alias, options, self.settings.database_engines)

    @property
    def folder(self) -> BackupFolder:
        """The backup folder of the site."""
        return BackupFolder(self.settings.backup_dir, self.signer)

    @property
    def journal(self) -> RestoreJournal:
        return RestoreJournal(self.folder)

    def private_folder(self) -> Path:
        """A folder (0700) for what must be a file while a restore or a drill goes on."""
        return self.journal.folder()


def _refuse_coroutines() -> None:
    """Django's connections refuse them one by one, some of which would be taken for no database.

    https://docs.djangoproject.com/en/5.2/topics/async/#async-safety
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    if not os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE"):
        raise UsageError(
            _("This can't be done in a coroutine"),
            why=_("Django's databases can't be used there"),
            todo=_("Call it through asgiref's sync_to_async()."),
        )
