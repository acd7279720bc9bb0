"""The list of backups, each backup's page, and what can be done with them."""

from __future__ import annotations
