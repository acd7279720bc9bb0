"""Backups of a Django site that are proven to restore."""

from __future__ import annotations

__version__ = "0.1.0"
