"""What every operation needs of the site: its settings, its signer, and its databases."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trustbackup.conf import Settings, get_settings
from trustbackup.databases.base import Database
from trustbackup.databases.registry import get_database
from trustbackup.databases.values import Options
from trustbackup.store.folder import BackupFolder
from trustbackup.store.index_access import refuse_coroutines
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
        refuse_coroutines()
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
