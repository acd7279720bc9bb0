"""The catalogue: the backup folder is the truth, the rows of ``Backup`` are its index.

A look at the folder costs one listing and a ``stat`` for each file. Only what changed
since the last look is read and parsed, so that a list of 10,000 backups stays quick and a
file that was added, cut short or removed by hand is noticed at once.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from django.db import Error, connections, router, transaction

from trustbackup.exceptions import UsageError
from trustbackup.models import Backup
from trustbackup.phrases import gettext as _
from trustbackup.store import drafts, manifest, names
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.folder import BackupFolder
from trustbackup.store.index_access import may_connect
from trustbackup.store.record import Record
from trustbackup.store.signature import Signature

logger = logging.getLogger(__name__)
_BATCH = 500
UNVERIFIED: str = _("It has no manifest: whether it is whole is not known.")
ALTERED: str = _("Its manifest was altered since it was signed.")


def describe(entry: BackupFiles) -> Backup:
    """The row of a backup, not saved. Never raises: what is wrong is in its ``problem``."""
    if not entry.has_manifest:
        return _without_manifest(entry, Backup.State.UNVERIFIED, UNVERIFIED)
    try:
        found, signature = entry.read_manifest()
    except Exception as error:
        return _without_manifest(entry, Backup.State.UNREADABLE, str(error))
    noted = entry.record() if entry.has_record else Record()
    backup = Backup(identifier=entry.id, fingerprint=entry.fingerprint())
    backup.name = noted.label or found.name
    backup.kind, backup.trigger = found.kind, found.trigger
    backup.host, backup.created = found.host, found.created
    if found.plan:
        backup.plan, backup.zone = found.plan.name, found.plan.zone
        backup.retention = found.plan.retention
        backup.destination_retention = found.plan.destination_retention
    backup.seconds = (found.finished - found.started).total_seconds()
    backup.bytes, backup.raw_bytes = found.bytes, found.raw_bytes
    backup.rows = sum(part.rows for part in found.parts)
    backup.databases = found.contents
    backup.keys = "".join(f",{key}" for key in found.keys) + "," if found.keys else ""
    backup.files = [
        {
            "part": part.part,
            "file": part.file,
            "bytes": part.bytes,
            "raw_bytes": part.raw_bytes,
            "sha256": part.sha256,
        }
        for part in found.parts
    ]
    backup.signature = signature.name.lower()
    backup.protected = noted.protected
    backup.odd, backup.anomalies = noted.is_odd, [asdict(each) for each in noted.anomalies]
    if noted.checked:
        backup.checked_at, backup.checked_ok = noted.checked.at, noted.checked.ok
    if drilled := noted.drilled:
        backup.drilled_at, backup.drilled_ok = drilled.at, drilled.ok
        backup.recovery_seconds = drilled.seconds
    backup.state = Backup.State.COMPLETE
    if noted.offloaded and entry.is_evicted(found, noted):
        backup.state, backup.offloaded_to = Backup.State.OFFLOADED, noted.offloaded.where
    elif problem := entry.missing(found):
        backup.state, backup.problem = Backup.State.DAMAGED, problem
    if not backup.problem and signature is Signature.ALTERED:
        backup.state, backup.problem = Backup.State.DAMAGED, ALTERED
    return backup


def _without_manifest(entry: BackupFiles, state: str, problem: str) -> Backup:
    return Backup(
        identifier=entry.id,
        fingerprint=entry.fingerprint(),
        created=names.time_of(entry.id) or names.moment(entry.modified),
        kind="database",
        bytes=sum(entry.files[name] for name in entry.data_files),
        files=[{"part": "", "file": name, "bytes": entry.files[name]} for name in entry.data_files],
        state=state,
        problem=problem,
    )


def synchronise(folder: BackupFolder, *, afresh: bool = False) -> dict[str, Backup]:
    """Bring the index up to what lies in the folder; every backup, by id.

    With ``afresh`` every manifest is read again. Without an index (no table yet, no
    server) everything is read from the disk, and nothing fails.
    """
    entries = folder.scan()
    try:
        using = router.db_for_write(Backup)
        if not may_connect(using):
            return {key: describe(entry) for key, entry in entries.items()}
        rows = Backup.objects.using(using)
        known = {} if afresh else {row.identifier: row for row in rows}
        fresh = {
            key: describe(entry)
            for key, entry in entries.items()
            if key not in known or known[key].fingerprint != entry.fingerprint()
        }
        noted = rows.values_list("identifier", flat=True) if afresh else known
        gone = sorted(set(noted) - entries.keys())
        # A process that writes to the site's database holds up no list that has nothing to write.
        if fresh or gone:
            fresh, gone = _as_it_is_now(folder, fresh, gone)
            with transaction.atomic(using):
                _update(fresh, gone, using)
        found = {key: fresh.get(key) or known.get(key) for key in entries}
        return {key: row for key, row in found.items() if row is not None}
    except Error as error:
        logger.debug("The index of backups can't be used: %s", error)
        return {key: describe(entry) for key, entry in entries.items()}


_seen: dict[Path, tuple[int, str, float]] = {}
_LOOK_AGAIN = 60.0
"""Seconds. A file that was cut short in place does not change its folder."""


def synchronise_if_changed(folder: BackupFolder) -> None:
    """The same for a page that is loaded again and again: only when the folder has changed.

    Raises FolderError when it can't be read.
    """
    root, keys = folder.root, folder.signer.keys
    try:
        changed = root.stat().st_mtime_ns
    except FileNotFoundError:
        changed = 0
    last = _seen.get(root)
    now = time.monotonic()
    if last is None or last[:2] != (changed, keys) or now - last[2] > _LOOK_AGAIN:
        synchronise(folder)
        _seen[root] = (changed, keys, now)


def _as_it_is_now(
    folder: BackupFolder, fresh: dict[str, Backup], gone: Sequence[str]
) -> tuple[dict[str, Backup], list[str]]:
    """Without what came or went since the folder was listed: another process has noted that."""

    def has_manifest(identifier: str) -> bool:
        return os.path.lexists(folder.root / names.manifest_name(identifier))

    def is_there(backup: Backup) -> bool:
        files = (folder.root / file["file"] for file in backup.files)
        return has_manifest(backup.identifier) or any(map(os.path.lexists, files))

    hidden = drafts.unfinished(folder.root) if gone else set()
    return (
        {key: backup for key, backup in fresh.items() if is_there(backup)},
        [key for key in gone if key in hidden or not has_manifest(key)],
    )


def _update(fresh: dict[str, Backup], gone: Sequence[str], using: str) -> None:
    rows = Backup.objects.using(using)
    for start in range(0, len(gone), _BATCH):
        rows.filter(identifier__in=gone[start : start + _BATCH]).delete()
    columns = [item.name for item in Backup._meta.concrete_fields if not item.primary_key]  # noqa: SLF001 - documented API
    target = (
        ["identifier"]
        if connections[using].features.supports_update_conflicts_with_target
        else None
    )
    rows.bulk_create(
        fresh.values(),
        batch_size=_BATCH,
        update_conflicts=True,
        update_fields=[name for name in columns if name != "identifier"],
        unique_fields=target,
    )


def list_backups(folder: BackupFolder, *, kind: str = "", database: str = "") -> Sequence[Backup]:
    """All backups, newest first. Raises UsageError for an unknown kind."""
    if kind and kind not in manifest.KINDS:
        raise UsageError(
            _("There is no type %(kind)r", kind=kind),
            todo=_("Choose one of %(known)s.", known=", ".join(manifest.KINDS)),
        )
    found = [
        backup
        for backup in synchronise(folder).values()
        if (not kind or backup.kind == kind) and (not database or database in backup.aliases)
    ]
    return sorted(found, key=lambda row: (row.created, names.order(row.identifier)), reverse=True)
