"""SQLite, copied by its own online backup and swapped in the same way."""

from __future__ import annotations

from trustbackup.databases.sqlite.database import SQLite

__all__ = ["SQLite"]
