"""What every verb needs of the site: its settings, its signer, and its databases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trustbackup.conf import Settings, get_settings
from trustbackup.databases.base import Database
from trustbackup.databases.registry import get_database
from trustbackup.databases.values import Options
from trustbackup.store import journal
from trustbackup.store.signature import Signer


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run is. ``done`` and ``total`` are bytes; ``total`` 0 is not known."""

    stage: str
    done: int = 0
    total: int = 0


Reporter = Callable[[Progress], None]
"""Gets every step of progress; may raise Cancelled to stop the run."""


def quiet(_progress: Progress) -> None:
    """A reporter for those who do not watch."""


@dataclass(frozen=True)
class Site:
    """The site as its settings describe it."""

    settings: Settings
    signer: Signer

    @classmethod
    def current(cls) -> Site:
        """Raises ConfigurationError."""
        settings = get_settings()
        return cls(settings, Signer(settings.secret_keys))

    def database(self, alias: str, label: str = "trustbackup") -> Database:
        """Raises UsageError for an unknown alias or engine.

        ``label`` names its sessions on a server.
        """
        options = Options(
            wait=self.settings.wait,
            connect_timeout=self.settings.connect_timeout,
            label=label,
        )
        return get_database(alias, options, self.settings.engines)

    def private_folder(self) -> Path:
        """A folder (0700) for what must be a file while a restore or a drill goes on."""
        return journal.folder(self.settings.root)
