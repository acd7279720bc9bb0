"""How long a restore may take, by the drills that were."""

from __future__ import annotations

from trustbackup.exceptions import TrustbackupError
from trustbackup.operations.context import Context
from trustbackup.store import names
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.manifest import Manifest


def estimate_seconds(
    context: Context, entry: BackupFiles, manifest: Manifest | None
) -> float | None:
    """By this backup's last drill, else by the newest drill of another one, scaled.

    None when nothing was drilled yet.
    """
    if manifest is None:
        return None
    own = entry.record().drilled
    if own is not None:
        return own.seconds
    entries = context.folder.scan()
    for key in sorted(entries, key=names.order, reverse=True)[:50]:
        drilled = context.folder.record(key).drilled
        if drilled is not None and drilled.ok:
            try:
                other, _signature = entries[key].read_manifest()
            except TrustbackupError:
                continue
            return drilled.seconds * manifest.raw_bytes / max(other.raw_bytes, 1)
    return None
