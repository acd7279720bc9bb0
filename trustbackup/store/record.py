"""The record beside a manifest: what became of a backup since it was made.

A manifest never changes; whether the backup is kept, and how its last check ended, does.
Both files live beside the data, so that neither a lost nor a restored database forgets.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from trustbackup.store import durable, names
from trustbackup.store.manifest import format_time
from trustbackup.store.signature import Signature, Signer

SCHEMA = 1


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
class Record:
    """Kept backups are never deleted by retention; the newest drill comes last."""

    kept: bool = False
    checked: Check | None = None
    drills: tuple[Drill, ...] = ()

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
        checked = document["checked"]
        return Record(
            kept=kept,
            checked=None if checked is None else _check(checked),
            drills=tuple(_drill(item) for item in document["drills"]),
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
