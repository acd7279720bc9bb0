"""The catalogue: the backup folder is the truth, the rows of ``Backup`` are its index.

A look at the folder costs one listing and a ``stat`` for each file. Only what changed
since the last look is read and parsed, so that a list of 10,000 backups stays quick and a
file that was added, cut short or removed by hand is noticed at once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from django.db import Error, connections, router, transaction

from trustbackup.exceptions import BackupNotFound, UsageError
from trustbackup.models import Backup
from trustbackup.phrases import gettext as _
from trustbackup.store import manifest, names, record
from trustbackup.store.entry import Entry, scan
from trustbackup.store.signature import Signature, Signer

logger = logging.getLogger(__name__)
_BATCH = 500
UNVERIFIED: str = _("It has no manifest: whether it is whole is not known.")
ALTERED: str = _("Its manifest was altered since it was signed.")


def describe(entry: Entry, signer: Signer) -> Backup:
    """The row of an entry, not saved. Never raises: what is wrong is in its ``problem``."""
    created = names.time_of(entry.id) or datetime.fromtimestamp(entry.modified, UTC)
    backup = Backup(
        identifier=entry.id,
        fingerprint=entry.fingerprint(signer),
        created=created,
        kind="database",
        bytes=sum(entry.files[name] for name in entry.data_files),
        files=[{"part": "", "file": name, "bytes": entry.files[name]} for name in entry.data_files],
    )
    if not entry.has_manifest:
        backup.state, backup.problem = Backup.State.UNVERIFIED, UNVERIFIED
        return backup
    try:
        found, signature = entry.read_manifest(signer)
    except Exception as error:
        backup.state, backup.problem = Backup.State.UNREADABLE, str(error)
        return backup
    marks = record.read(entry.root, entry.id, signer)
    backup.name, backup.kind, backup.trigger = found.name, found.kind, found.trigger
    backup.host, backup.created = found.host, found.created
    backup.seconds = (found.finished - found.started).total_seconds()
    backup.bytes, backup.raw_bytes = found.bytes, found.raw_bytes
    backup.rows = sum(part.rows for part in found.parts)
    backup.databases = "".join(f",{part.part}" for part in found.parts if part.engine) + ","
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
    backup.kept = marks.kept
    if marks.checked:
        backup.checked_at, backup.checked_ok = marks.checked.at, marks.checked.ok
    if drilled := marks.drilled:
        backup.drilled_at, backup.drilled_ok = drilled.at, drilled.ok
        backup.recovery_seconds = drilled.seconds
    backup.state = Backup.State.COMPLETE
    if marks.away and entry.is_dropped(found, marks):
        backup.state, backup.elsewhere = Backup.State.ELSEWHERE, marks.away.where
    elif problem := entry.missing(found):
        backup.state, backup.problem = Backup.State.DAMAGED, problem
    if not backup.problem and signature is Signature.ALTERED:
        backup.state, backup.problem = Backup.State.DAMAGED, ALTERED
    return backup


def may_connect(alias: str) -> bool:
    """False for an SQLite file that does not exist, which connecting would create."""
    connection = connections[alias]
    if connection.vendor != "sqlite":
        return True
    name = str(connection.settings_dict["NAME"])
    return "memory" in name or Path(name).is_file()


def synchronise(root: Path, signer: Signer, *, afresh: bool = False) -> dict[str, Backup]:
    """Bring the index up to what lies in the folder; every backup, by id.

    With ``afresh`` every manifest is read again. Without an index (no table yet, no
    server) everything is read from the disk, and nothing fails.
    """
    entries = scan(root)
    try:
        using = router.db_for_write(Backup)
        if not may_connect(using):
            return {key: describe(entry, signer) for key, entry in entries.items()}
        known = {} if afresh else {row.identifier: row for row in Backup.objects.using(using)}
        fresh = {
            key: describe(entry, signer)
            for key, entry in entries.items()
            if key not in known or known[key].fingerprint != entry.fingerprint(signer)
        }
        gone = sorted(known.keys() - entries.keys())
        # Nobody who writes to the site's database holds up a list that has nothing to write.
        if afresh or fresh or gone:
            with transaction.atomic(using):
                _update(fresh, gone, using, afresh=afresh)
        return {key: fresh.get(key) or known[key] for key in entries}
    except Error as error:
        logger.debug("The index of backups can't be used: %s", error)
        return {key: describe(entry, signer) for key, entry in entries.items()}


_seen: dict[Path, tuple[int, str, float]] = {}
_LOOK_AGAIN = 60.0
"""Seconds. A file that was cut short in place does not change its folder."""


def synchronise_if_changed(root: Path, signer: Signer) -> None:
    """The same for a page that is loaded again and again: only when the folder has changed.

    Raises FolderError when it can't be read.
    """
    try:
        changed = root.stat().st_mtime_ns
    except FileNotFoundError:
        changed = 0
    last = _seen.get(root)
    now = time.monotonic()
    if last is None or last[:2] != (changed, signer.keys) or now - last[2] > _LOOK_AGAIN:
        synchronise(root, signer)
        _seen[root] = (changed, signer.keys, now)


def _update(fresh: dict[str, Backup], gone: Sequence[str], using: str, *, afresh: bool) -> None:
    rows = Backup.objects.using(using)
    if afresh:
        rows.all().delete()
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


def list_backups(
    root: Path, signer: Signer, *, kind: str = "", database: str = ""
) -> Sequence[Backup]:
    """All backups, newest first. Raises UsageError for an unknown kind."""
    if kind and kind not in manifest.KINDS:
        raise UsageError(
            _("There is no type %(kind)r", kind=kind),
            todo=_("Choose one of %(known)s.", known=", ".join(manifest.KINDS)),
        )
    found = [
        backup
        for backup in synchronise(root, signer).values()
        if (not kind or backup.kind == kind) and (not database or database in backup.aliases)
    ]
    return sorted(found, key=lambda row: (row.created, names.order(row.identifier)), reverse=True)


def find(root: Path, reference: str, entries: dict[str, Entry] | None = None) -> Entry:
    """The backup that an id, ``latest`` or one of its file names means.

    Raises BackupNotFound. ``latest`` is the newest one that has a manifest. ``entries`` are
    those of a look at the folder just before.
    """
    entries = scan(root) if entries is None else entries
    if reference == "latest":
        whole = [key for key, entry in entries.items() if entry.has_manifest]
        if not whole:
            raise BackupNotFound(
                _("There is no backup in %(root)s", root=root),
                todo=_("Make one with create_backup."),
            )
        return entries[max(whole, key=names.order)]
    parsed = names.parse(reference)
    for key in (reference, reference.removeprefix(names.PREFIX), parsed.id if parsed else ""):
        if key in entries:
            return entries[key]
    raise BackupNotFound(
        _("There is no backup %(reference)r in %(root)s", reference=reference[:200], root=root),
        todo=_("See list_backups for those that are there."),
    )
