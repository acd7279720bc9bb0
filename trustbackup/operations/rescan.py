"""Rebuild the index from what lies in the backup folder."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from trustbackup.models import Backup
from trustbackup.operations.site import Site
from trustbackup.store import catalog, drafts, durable


@dataclass(frozen=True, kw_only=True)
class Rescan:
    """What was found: how many backups in each state, and what a crash had left."""

    states: dict[str, int]
    cleaned: tuple[str, ...]
    problems: dict[str, str]


def rescan_backups() -> Rescan:
    """Read every manifest again and make the rows anew. Raises FolderError."""
    site = Site.current()
    root = site.settings.root
    durable.prepare_root(root)
    cleaned = drafts.sweep(root)
    found = catalog.synchronise(root, site.signer, afresh=True)
    counted = Counter(backup.state for backup in found.values())
    return Rescan(
        states={state: counted[state] for state in Backup.State.values},
        cleaned=tuple(cleaned),
        problems={key: backup.problem for key, backup in sorted(found.items()) if backup.problem},
    )
