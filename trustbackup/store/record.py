"""The record beside a manifest: what became of a backup since it was made.

A manifest never changes; whether the backup is kept, and how its last check ended, does.
Both files live beside the data, so that neither a lost nor a restored database forgets.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trustbackup.store import durable, names
from trustbackup.store.manifest import format_time
from trustbackup.store.signature import Signature, Signer

SCHEMA = 1
DRILLS_KEPT = 10


@dataclass(frozen=True, kw_only=True)
class Check:
    """How a check of the files ended; ``at`` is UTC."""

    at: datetime
    ok: bool
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Drill:
    """How a restore into a scratch database ended; ``seconds`` is the measured recovery."""

    at: datetime
    ok: bool
    seconds: float
    content: bool = False
    """Whether content fingerprints were compared too."""
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Away:
    """The data files were dropped here on purpose: the same bytes were at this destination.

    ``destination`` is its name where it had one, ``address`` its URL without secrets.
    """

    at: datetime
    destination: str
    address: str

    @property
    def where(self) -> str:
        return self.destination or self.address


@dataclass(frozen=True, kw_only=True)
class Record:
    """Kept backups are never deleted by retention; the newest drill comes last."""

    kept: bool = False
    marked: datetime | None = None
    """When it was last kept or released; None where nobody said so since it was made."""
    checked: Check | None = None
    drills: tuple[Drill, ...] = ()
    away: Away | None = None
    """Of this folder alone: it does not travel with a copy."""

    @property
    def drilled(self) -> Drill | None:
        return self.drills[-1] if self.drills else None


def load(data: bytes, identifier: str, signer: Signer) -> Record:
    """Read a record leniently: what can't be trusted counts as never checked.

    ``kept`` is believed without a signature, because it only ever protects.
    """
    try:
        document = json.loads(data)
        if document["schema"] != SCHEMA or document["id"] != identifier:
            return Record()
        kept = document["kept"] is True
        if signer.check(document) is not Signature.OURS:
            return Record(kept=kept)
        # The first versions wrote neither "marked" nor "away".
        checked, marked, away = (document.get(name) for name in ("checked", "marked", "away"))
        return Record(
            kept=kept,
            marked=None if marked is None else datetime.fromisoformat(marked),
            checked=None if checked is None else _check(checked),
            drills=tuple(_drill(item) for item in document["drills"]),
            away=None if away is None else _away(away),
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return Record()


def _check(document: dict[str, Any]) -> Check:
    return Check(
        at=datetime.fromisoformat(document["at"]),
        ok=document["ok"] is True,
        problems=tuple(str(problem) for problem in document["problems"]),
    )


def _drill(document: dict[str, Any]) -> Drill:
    return Drill(
        at=datetime.fromisoformat(document["at"]),
        ok=document["ok"] is True,
        seconds=float(document["seconds"]),
        content=document["content"] is True,
        problems=tuple(str(problem) for problem in document["problems"]),
        notes=tuple(str(note) for note in document["notes"]),
    )


def _away(document: dict[str, Any]) -> Away:
    return Away(
        at=datetime.fromisoformat(document["at"]),
        destination=str(document["destination"]),
        address=str(document["address"]),
    )


def signed_by(data: bytes, signer: Signer) -> Signature:
    """Who signed a record; what is no record was altered."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return Signature.ALTERED
    return signer.check(document) if isinstance(document, dict) else Signature.ALTERED


def merge(mine: Record, theirs: Record) -> Record:
    """What both know: the newest check, the newest drills, the last word on "kept".

    Of two that never were marked, kept is if either is. ``away`` is mine alone.
    """
    never = datetime.min.replace(tzinfo=UTC)
    kept = mine.kept or theirs.kept
    if mine.marked != theirs.marked:
        kept = max(mine, theirs, key=lambda each: each.marked or never).kept
    checks = [each.checked for each in (mine, theirs) if each.checked is not None]
    drills = {drill.at: drill for drill in (*theirs.drills, *mine.drills)}
    return Record(
        kept=kept,
        marked=max((each.marked for each in (mine, theirs) if each.marked), default=None),
        checked=max(checks, key=lambda check: check.at, default=None),
        drills=tuple(drills[at] for at in sorted(drills))[-DRILLS_KEPT:],
        away=mine.away,
    )


def read(root: Path, identifier: str, signer: Signer) -> Record:
    """The record of a backup; an empty one when there is none."""
    try:
        data = (root / names.record_name(identifier)).read_bytes()
    except OSError:
        return Record()
    return load(data, identifier, signer)


def render(identifier: str, record: Record, signer: Signer) -> bytes:
    """The signed file of a record."""
    document = {"schema": SCHEMA, "id": identifier, **asdict(record)}
    # What is signed is what a reader will see: the document as JSON makes it.
    plain: dict[str, Any] = json.loads(json.dumps(document, default=format_time))
    signed = {**plain, "signature": signer.sign(plain)}
    return json.dumps(signed, indent=1, ensure_ascii=False).encode() + b"\n"


def write(root: Path, identifier: str, record: Record, signer: Signer) -> None:
    """Replace the record of a backup in one step. Raises FolderError."""
    durable.prepare_root(root)
    data = render(identifier, record, signer)
    durable.replace_file(root, root / names.record_name(identifier), data)


def change(
    root: Path, identifier: str, signer: Signer, changed: Callable[[Record], Record]
) -> None:
    """Read it, change it and write it back, while nobody else does. Raises FolderError."""
    durable.prepare_root(root)
    with durable.locked_folder(root / durable.DRAFTS):
        before = read(root, identifier, signer)
        if (after := changed(before)) != before:
            write(root, identifier, after, signer)
