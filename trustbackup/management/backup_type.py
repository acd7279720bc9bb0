"""What a backup that a command was asked for holds: databases, one app's rows, files, or all.

What can't be read is for others to say. Apart from what restores each, which takes a command a
quarter of a second to load.
"""

from __future__ import annotations

from contextlib import suppress

from trustbackup.exceptions import TrustbackupError
from trustbackup.operations.backup.app_data import holds_app
from trustbackup.operations.backup.media import holds_media
from trustbackup.operations.context import Context
from trustbackup.operations.restore.full_plan import holds_everything
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
