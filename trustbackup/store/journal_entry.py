"""What the journal says of one restore of one database: plain values, signed. Pure."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from trustbackup.exceptions import ManifestError
from trustbackup.phrases import gettext as _
from trustbackup.store.signature import Signature, Signer

NOT_YET = "-"
"""The marker of a restore that had not come to the step which changes the live database."""


_KIND = "restore journal 1"
"""Signed along, so that no other document of this site passes for one."""


def folder_alias(part: str) -> str:
    """What a folder of uploaded files is called where a database has its alias."""
    return f"{part}/"


def is_folder(alias: str) -> bool:
    """Whether that is meant, and no database."""
    return alias.endswith("/")


class Strategy(enum.StrEnum):
    """The ways by which the journal's restores change, or only make, a database."""

    SWAP = "swap"
    IN_PLACE = "in place"
    INTO = "into"
    UNDO = "undo"
    DRILL = "drill"


class State(enum.StrEnum):
    """How far a restore is, as far as a crash makes a difference."""

    BUILDING = "building"
    READY = "ready"
    """Built and checked, as all is that is restored with it: once one of them is live, so must
    this be."""
    SWAPPING = "swapping"
    """The next step makes the new state the live one, or has done so."""
    SWAPPED = "swapped"
    """The new state is the live one; only what the swap left in it is to be removed."""
    DONE = "done"


@dataclass(frozen=True, kw_only=True)
class JournalEntry:
    """One restore of one database, or of one folder. ``started`` is ISO 8601 in UTC."""

    id: str
    restore: str
    """The same for all databases that were restored together."""
    alias: str
    backup: str
    strategy: Strategy
    new: str
    previous: str
    started: str
    state: State = State.BUILDING
    marker: str = NOT_YET
    """The engine's own sign by which it knows, after a crash, what had happened."""
    previous_marker: str = ""
    """The engine's own sign by which it knows the old database that is kept."""
    rows: int = 0

    @property
    def is_folder(self) -> bool:
        """Whether it is of a folder of uploaded files."""
        return is_folder(self.alias)

    @property
    def undoable(self) -> bool:
        return self.state is State.DONE and self.previous != ""


def dump(entry: JournalEntry, signer: Signer) -> bytes:
    document: dict[str, Any] = {"document": _KIND, **asdict(entry)}
    signed = {**document, "signature": signer.sign(document)}
    return json.dumps(signed, indent=1, ensure_ascii=False).encode() + b"\n"


def load(data: bytes, identifier: str, signer: Signer) -> JournalEntry:
    """The entry that a file holds. Raises ManifestError: who else wrote it is not obeyed."""
    what = _("The journal of restore %(id)s is not followed", id=identifier)
    todo = _("Find out who wrote it, then remove that file.")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ManifestError(what, why=_("it can't be read"), todo=todo) from error
    signature = signer.check(document) if isinstance(document, Mapping) else Signature.ALTERED
    if signature is not Signature.OURS:
        why = (
            _("it was signed by an unknown key")
            if signature is Signature.UNKNOWN
            else _("this site did not write it so")
        )
        raise ManifestError(what, why=why, todo=todo)
    known = {field.name for field in fields(JournalEntry)}
    try:
        if document["document"] != _KIND:
            raise ValueError
        entry = JournalEntry(
            **{
                **{name: value for name, value in document.items() if name in known},
                "strategy": Strategy(document["strategy"]),
                "state": State(document["state"]),
            }
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ManifestError(what, why=_("it can't be read"), todo=todo) from error
    if entry.id != identifier:
        raise ManifestError(what, why=_("it is that of %(other)s", other=entry.id), todo=todo)
    return entry
