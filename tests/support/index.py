"""A backup folder made of small signed backups, for tests inside this process."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings

from tests.support.manifests import MANIFEST, PART
from trustbackup.store import names, record
from trustbackup.store.folder import BackupFolder
from trustbackup.store.manifest import Table, dump
from trustbackup.store.plan_note import PlanNote
from trustbackup.store.record import Check, Drill, Record
from trustbackup.store.signature import Signer

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def backup_folder(root: Path, secret: str = "") -> BackupFolder:
    return BackupFolder(root, Signer([secret or settings.SECRET_KEY]))


def put(
    folder: BackupFolder,
    number: int,
    *,
    data: bytes = b"x",
    part: str = "default",
    raw_bytes: int = 0,
    begin: datetime = BEGIN,
    seconds: float = 0,
    tables: tuple[Table, ...] = (),
    excluded: tuple[str, ...] = (),
    plan: PlanNote | None = None,
    name: str = MANIFEST.name,
    trigger: str = MANIFEST.trigger,
) -> str:
    """A signed backup of that many seconds after the year, or ``begin``, began; its id.

    It took ``seconds``.
    """
    moment = begin + timedelta(seconds=number)
    identifier = names.backup_id(moment)
    held = replace(
        PART,
        part=part,
        file=names.part_name(identifier, part, "dump", ".gz"),
        bytes=len(data),
        raw_bytes=raw_bytes or len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        tables=tables,
        excluded=excluded,
    )
    made = replace(MANIFEST, id=identifier, created=moment, parts=(held,), plan=plan)
    made = replace(made, name=name, trigger=trigger)
    if seconds:
        made = replace(made, started=moment, finished=moment + timedelta(seconds=seconds))
    folder.root.mkdir(exist_ok=True)
    (folder.root / held.file).write_bytes(data)
    (folder.root / names.manifest_name(identifier)).write_bytes(dump(made, folder.signer))
    return identifier


def note(folder: BackupFolder, identifier: str, changed: Callable[[Record], Record]) -> None:
    """Write down what became of it."""
    path = folder.root / names.record_name(identifier)
    path.write_bytes(record.render(identifier, changed(folder.record(identifier)), folder.signer))


def checked(noted: Record) -> Record:
    return replace(noted, checked=Check(at=BEGIN, ok=True))


def drilled(noted: Record) -> Record:
    return replace(noted, drills=(Drill(at=BEGIN, ok=True, seconds=1),))
