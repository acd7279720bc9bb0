"""The record beside a manifest: what became of a backup since it was made.

A manifest never changes; whether the backup is protected, and how its last check ended, does.
Both files live beside the data, so that neither a lost nor a restored database forgets.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from trustbackup.store.manifest import LONGEST, format_time
from trustbackup.store.signature import Signature, Signer

SCHEMA = 2
_FIRST_SCHEMA = {"protected": "kept", "protection_changed": "marked", "offloaded": "away"}
"""What schema 1 called things; two of them were not there from the start."""
DRILLS_KEPT = 10
LARGEST = 1 << 20
"""Bytes; a record larger than this is not read (ten drills of the longest kind need a tenth)."""


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
class Odd:
    """Something that looked odd beside the backups before; see ``policy/anomalies.py``."""

    kind: str
    subject: str
    before: float
    now: float


@dataclass(frozen=True, kw_only=True)
class Offloaded:
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
    """Protected backups are never deleted by retention; the newest drill comes last."""

    protected: bool = False
    protection_changed: datetime | None = None
    """When protection was last given or taken; None where nobody said so since it was made."""
    label: str = ""
    """What somebody calls it since; "" for the name that it was made with."""
    labelled: datetime | None = None
    """When that was last said; None where it never was."""
    checked: Check | None = None
    drills: tuple[Drill, ...] = ()
    anomalies: tuple[Odd, ...] = ()
    anomalies_confirmed: datetime | None = None
    """When somebody said that it is right all the same."""
    offloaded: Offloaded | None = None
    """Of this folder alone: it does not travel with a copy."""

    @property
    def is_odd(self) -> bool:
        """Something looked odd, and nobody has said yet that it is right."""
        return bool(self.anomalies) and self.anomalies_confirmed is None

    @property
    def drilled(self) -> Drill | None:
        return self.drills[-1] if self.drills else None


def load(data: bytes, identifier: str, signer: Signer) -> Record:
    """Read a record leniently: what can't be trusted counts as never checked.

    ``protected`` is believed without a signature, because it only ever protects.
    """
    try:
        document = json.loads(data)
        if document["schema"] not in (1, SCHEMA) or document["id"] != identifier:
            return Record()
        called = (
            _FIRST_SCHEMA if document["schema"] == 1 else {name: name for name in _FIRST_SCHEMA}
        )
        protected = document[called["protected"]] is True
        if signer.check(document) is not Signature.OURS:
            return Record(protected=protected)
        checked = document.get("checked")
        changed = document.get(called["protection_changed"])
        offloaded = document.get(called["offloaded"])
        confirmed = document.get("anomalies_confirmed")
        labelled = document.get("labelled")
        return Record(
            protected=protected,
            protection_changed=None if changed is None else datetime.fromisoformat(changed),
            label=_label(document.get("label", "")),
            labelled=None if labelled is None else datetime.fromisoformat(labelled),
            checked=None if checked is None else _check(checked),
            drills=tuple(_drill(item) for item in document["drills"]),
            anomalies=tuple(_odd(item) for item in document.get("anomalies", ())),
            anomalies_confirmed=None if confirmed is None else datetime.fromisoformat(confirmed),
            offloaded=None if offloaded is None else _offloaded(offloaded),
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return Record()


def _label(text: object) -> str:
    """Of a column's length, as the name is that it stands for."""
    return text[: LONGEST["name"]] if isinstance(text, str) else ""


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


def _odd(document: dict[str, Any]) -> Odd:
    return Odd(
        kind=str(document["kind"]),
        subject=str(document["subject"]),
        before=float(document["before"]),
        now=float(document["now"]),
    )


def _offloaded(document: dict[str, Any]) -> Offloaded:
    return Offloaded(
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
    """What both know: the newest check, the newest drills, the last word on protection, and on
    what it is called.

    Where nobody ever changed it, it is protected if either is. ``offloaded`` is mine alone.
    """
    never = datetime.min.replace(tzinfo=UTC)
    protected = mine.protected or theirs.protected
    if mine.protection_changed != theirs.protection_changed:
        protected = max(mine, theirs, key=lambda each: each.protection_changed or never).protected
    checks = [each.checked for each in (mine, theirs) if each.checked is not None]
    drills = {drill.at: drill for drill in (*theirs.drills, *mine.drills)}
    named = max(theirs, mine, key=lambda each: each.labelled or never)
    return Record(
        protected=protected,
        protection_changed=max(
            (each.protection_changed for each in (mine, theirs) if each.protection_changed),
            default=None,
        ),
        label=named.label,
        labelled=named.labelled,
        checked=max(checks, key=lambda check: check.at, default=None),
        drills=tuple(drills[at] for at in sorted(drills))[-DRILLS_KEPT:],
        anomalies=mine.anomalies or theirs.anomalies,
        anomalies_confirmed=max(
            (each.anomalies_confirmed for each in (mine, theirs) if each.anomalies_confirmed),
            default=None,
        ),
        offloaded=mine.offloaded,
    )


def render(identifier: str, record: Record, signer: Signer) -> bytes:
    """The signed file of a record."""
    document = {"schema": SCHEMA, "id": identifier, **asdict(record)}
    # What is signed is what a reader will see: the document as JSON makes it.
    plain: dict[str, Any] = json.loads(json.dumps(document, default=format_time))
    signed = {**plain, "signature": signer.sign(plain)}
    return json.dumps(signed, indent=1, ensure_ascii=False).encode() + b"\n"
