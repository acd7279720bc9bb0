"""Rebuild the index from what lies in the backup folder."""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from trustbackup.models import Backup
from trustbackup.operations.context import Context
from trustbackup.store import catalog, drafts, durable, names

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Rescan:
    """What was found: how many backups in each state, and what a crash had left."""

    states: dict[str, int]
    cleaned: tuple[str, ...]
    problems: dict[str, str]
    passed_over: tuple[str, ...] = ()
    """Names that only files of backups have, on what is no regular file."""


def rescan_backups() -> Rescan:
    """Read every manifest again and make the rows anew. Raises FolderError."""
    context = Context.current()
    root = context.settings.backup_dir
    began = time.monotonic()
    durable.prepare_root(root)
    cleaned = drafts.sweep(root)
    found = catalog.synchronise(context.folder, afresh=True)
    logger.info(
        "The index was made anew: %d backups, %.1f s.", len(found), time.monotonic() - began
    )
    counted = Counter(backup.state for backup in found.values())
    return Rescan(
        states={state: counted[state] for state in Backup.State.values},
        cleaned=tuple(cleaned),
        passed_over=_irregular(root),
        problems={key: backup.problem for key, backup in sorted(found.items()) if backup.problem},
    )


def _irregular(root: Path) -> tuple[str, ...]:
    """What is neither opened nor removed, whatever it is called."""
    with os.scandir(root) as listing:
        return tuple(
            sorted(
                item.name
                for item in listing
                if names.parse(item.name) and not item.is_file(follow_symlinks=False)
            )
        )
