"""What a backup that a command was asked for holds: databases, one app's rows, files, or all.

What can't be read is for others to say. Apart from what restores each, which takes a command a
quarter of a second to load.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.core.management.base import CommandError

from trustbackup.exceptions import TrustbackupError
from trustbackup.operations.backup.app_data import holds_app
from trustbackup.operations.backup.full import holds_everything
from trustbackup.operations.backup.media import buckets, holds_media
from trustbackup.operations.context import Context
from trustbackup.operations.restore.source import locate


def is_full(reference: str) -> bool:
    """Whether it means a full backup."""
    with suppress(TrustbackupError, OSError):
        entry = locate(Context.current(), reference)
        return entry.has_manifest and holds_everything(entry.read_manifest()[0])
    return False


def is_app(reference: str) -> bool:
    """Whether it means single rows."""
    with suppress(TrustbackupError, OSError):
        return holds_app(locate(Context.current(), reference))
    return False


def is_media(reference: str) -> bool:
    """Whether it means uploaded files alone."""
    with suppress(TrustbackupError, OSError):
        return holds_media(locate(Context.current(), reference))
    return False


class Chosen:
    """What is to be restored, by the type of the backup and the parts that the operator named."""

    def __init__(self, reference: str, options: Mapping[str, Any]) -> None:
        self.databases: list[str] = []
        self.parts: list[str] = list(options["part"])
        self.is_full = is_full(reference)
        self.folders, self.rows = is_media(reference), is_app(reference)
        if self.is_full:
            from trustbackup.operations.restore.full_plan import wanted_parts

            self.databases, self.parts, self.rows = wanted_parts(reference, self.parts)
            self.folders = bool(self.parts)
        nothing_named = not (self.databases or self.folders or self.rows)
        self.together = self.is_full and (nothing_named or bool(self.databases and self.folders))

    def options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """As they are for what restores one sort of part. Raises CommandError."""
        changed = {**options, "part": self.parts}
        if self.databases and options["database"]:
            raise CommandError("--database and --part name the same: leave one out.")
        if self.databases:
            changed["database"] = self.databases
        return changed


def has_buckets(reference: str) -> bool:
    """Whether it has files that are versions in a bucket."""
    with suppress(TrustbackupError, OSError):
        entry = locate(Context.current(), reference)
        return entry.has_manifest and bool(buckets(entry.read_manifest()[0]))
    return False
