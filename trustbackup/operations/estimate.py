"""How long a restore may take, by the drills that were."""

from __future__ import annotations

from trustbackup.exceptions import TrustbackupError
from trustbackup.operations.site import Site
from trustbackup.store import names, record
from trustbackup.store.entry import Entry, scan
from trustbackup.store.manifest import Manifest


def estimate_seconds(site: Site, entry: Entry, manifest: Manifest | None) -> float | None:
    """By this backup's last drill, else by the newest drill of another one, scaled.

    None when nothing was drilled yet.
    """
    if manifest is None:
        return None
    own = record.read(entry.root, entry.id, site.signer).drilled
    if own is not None:
        return own.seconds
    entries = scan(site.settings.root)
    for key in sorted(entries, key=names.order, reverse=True)[:50]:
        drilled = record.read(site.settings.root, key, site.signer).drilled
        if drilled is not None and drilled.ok:
            try:
                other, _signature = entries[key].read_manifest(site.signer)
            except TrustbackupError:
                continue
            return drilled.seconds * manifest.raw_bytes / max(other.raw_bytes, 1)
    return None
