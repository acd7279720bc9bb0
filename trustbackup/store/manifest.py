"""The manifest of a backup: what it holds, proven by facts and a signature.

Pure: no Django, no clock, no file. A manifest is a frozen dataclass; ``dump()`` makes the
signed bytes of its file, ``read_signed()`` and ``load()`` read such bytes strictly.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from trustbackup.exceptions import ManifestError
from trustbackup.phrases import gettext as _
from trustbackup.store import names
from trustbackup.store.signature import Signature, Signer

SCHEMA = 1
LARGEST = 64 << 20
"""Bytes; a manifest larger than this is not read (100,000 tables need a tenth of it)."""
KINDS = ("full", "database", "media", "settings", "app")
LONGEST = {"name": 200, "host": 255, "trigger": 40}
"""Characters that the index keeps of these."""
_LARGEST_NUMBER = 2**63 - 1
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table and its rows in the dump's own snapshot; ``schema`` is "" on SQLite."""

    schema: str
    name: str
    rows: int
    fingerprint: str = ""
    """Of the table's content, where that was asked for; "" otherwise."""

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True, kw_only=True)
class Part:
    """One data file. Sizes are bytes, ``sha256`` is of the file as it lies on the disk."""

    part: str
    file: str
    bytes: int
    raw_bytes: int
    sha256: str
    compression: str
    format: str
    engine: str
    connector: str
    server_version: str
    tool_version: str
    database: str
    encoding: str
    fingerprint: str = ""
    """Of the whole content, from engines that take it as one; "" otherwise."""
    tables: tuple[Table, ...] = ()
    migrations: tuple[tuple[str, str], ...] = ()

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """One backup. Times are aware and in UTC."""

    id: str
    name: str
    kind: str
    trigger: str
    host: str
    created: datetime
    started: datetime
    finished: datetime
    versions: Mapping[str, str]
    parts: tuple[Part, ...]
    schema: int = SCHEMA
    signature: Mapping[str, str] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        return sum(part.bytes for part in self.parts)

    @property
    def raw_bytes(self) -> int:
        return sum(part.raw_bytes for part in self.parts)

    def part(self, name: str) -> Part | None:
        return next((part for part in self.parts if part.part == name), None)


def dump(manifest: Manifest, signer: Signer) -> bytes:
    """The signed file: UTF-8 JSON, one member a line, so that grep and sed can read it."""
    document = dataclasses.asdict(manifest)
    for moment in ("created", "started", "finished"):
        document[moment] = format_time(document[moment])
    document["parts"] = [_part_document(part) for part in manifest.parts]
    # The signature covers what a reader will see, so sign what JSON makes of it.
    document = json.loads(json.dumps(document))
    document["signature"] = signer.sign(document)
    return file_bytes(document)


def file_bytes(document: Mapping[str, Any]) -> bytes:
    """A document as it lies on the disk. Raises ValueError for text that is not Unicode."""
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def read_signed(data: bytes, signer: Signer) -> tuple[dict[str, Any], Signature]:
    """The document in a manifest file, and who signed it; see ``read_document()``.

    One byte that differs from what was written is an alteration, be it white space only:
    tools that are not as strict must not see another manifest than we do.
    """
    document = read_document(data)
    signature = signer.check(document)
    if signature is Signature.OURS and data != file_bytes(document):
        signature = Signature.ALTERED
    return document, signature


def _part_document(part: Part) -> dict[str, Any]:
    document = dataclasses.asdict(part)
    document["tables"] = [dataclasses.asdict(table) for table in part.tables]
    return document


def read_document(data: bytes) -> dict[str, Any]:
    """The JSON object in a manifest file. Raises ManifestError."""
    if len(data) > LARGEST:
        raise ManifestError(
            _("The manifest is too large"), why=_("over %(limit)d bytes", limit=LARGEST)
        )
    try:
        document = json.loads(data, object_pairs_hook=_no_duplicates)
        # Raises for what is not Unicode, as file_bytes() would; without indent it is quick.
        json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise ManifestError(_("The manifest is not JSON"), why=str(error)) from error
    if not isinstance(document, dict):
        raise ManifestError(_("The manifest is not a JSON object"))
    schema = document.get("schema")
    if isinstance(schema, int) and not isinstance(schema, bool) and schema > SCHEMA:
        raise ManifestError(
            _("The manifest has schema %(schema)s", schema=schema),
            why=_("this version of trustbackup reads up to %(schema)d", schema=SCHEMA),
            todo=_("Upgrade trustbackup, then try again."),
        )
    return document


def load(document: Mapping[str, Any], *, expected_id: str) -> Manifest:
    """Parse strictly: every member there, of its type, none unknown. Raises ManifestError.

    ``expected_id`` is the id in the file's name: a manifest moved under another name is
    refused, and so is one that points at files which are not its own.
    """
    values = _members(document, Manifest, _("the manifest"))
    for moment in ("created", "started", "finished"):
        values[moment] = _time(values[moment], moment)
    values["versions"] = _strings(values["versions"], "versions")
    values["signature"] = _strings(values["signature"], "signature")
    if values["schema"] != SCHEMA:
        raise _bad(_("its schema is %(schema)r", schema=values["schema"]))
    if values["id"] != expected_id:
        raise _bad(_("it belongs to backup %(id)r", id=values["id"]))
    if values["kind"] not in KINDS:
        raise _bad(_("its kind is %(kind)r", kind=values["kind"]))
    values["parts"] = tuple(_part(item, expected_id) for item in _list(values["parts"], "parts"))
    _check_texts(values)
    _check_parts(values["parts"])
    return Manifest(**values)


def _check_texts(values: Mapping[str, Any]) -> None:
    for text, longest in LONGEST.items():
        if len(values[text]) > longest or _CONTROL.search(values[text]):
            raise _bad(_("its %(member)s is too long or has a control character", member=text))


def _check_parts(parts: Sequence[Part]) -> None:
    if not parts:
        raise _bad(_("it has no part"))
    for count in ("bytes", "raw_bytes", "rows"):
        if sum(getattr(part, count) for part in parts) > _LARGEST_NUMBER:
            raise _bad(_("its %(member)s are too many", member=count))
    for unique in ("part", "file"):
        if len({getattr(part, unique) for part in parts}) != len(parts):
            raise _bad(_("two parts have the same %(member)s", member=unique))


def _part(document: object, expected_id: str) -> Part:
    values = _members(document, Part, _("a part"))
    name = names.parse(values["file"])
    if name is None or name.id != expected_id or not name.is_data:
        raise _bad(_("its file %(file)r is none of this backup's", file=values["file"]))
    if not _SHA256.fullmatch(values["sha256"]):
        raise _bad(_("the SHA-256 of %(file)s is not 64 hex digits", file=values["file"]))
    if _CONTROL.search(values["part"]):
        raise _bad(_("the name of a part has a control character"))
    values["tables"] = tuple(
        Table(**_members(item, Table, _("a table"))) for item in _list(values["tables"], "tables")
    )
    values["migrations"] = tuple(_pair(item) for item in _list(values["migrations"], "migrations"))
    return Part(**values)


_TYPES = {"str": str, "int": int}


def _members(document: object, cls: type, where: str) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise _bad(_("%(where)s is not an object", where=where))
    fields = {item.name: item for item in dataclasses.fields(cls)}
    if unknown := sorted(set(document) - set(fields)):
        raise _bad(_("%(where)s has an unknown member %(member)r", where=where, member=unknown[0]))
    if missing := sorted(set(fields) - set(document)):
        raise _bad(_("%(where)s has no %(member)r", where=where, member=missing[0]))
    for name, item in fields.items():
        wanted = _TYPES.get(str(item.type))
        value = document[name]
        if wanted and (not isinstance(value, wanted) or isinstance(value, bool)):
            raise _bad(
                _("%(member)r of %(where)s is not a text", member=name, where=where)
                if wanted is str
                else _("%(member)r of %(where)s is not a number", member=name, where=where)
            )
        if wanted is int and value < 0:
            raise _bad(_("%(member)r of %(where)s is below 0", member=name, where=where))
    return dict(document)


def _list(value: object, where: str) -> list[object]:
    if not isinstance(value, list):
        raise _bad(_("%(member)r is not a list", member=where))
    return value


def _strings(value: object, where: str) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise _bad(_("%(member)r is not an object of texts", member=where))
    return value


def _pair(value: object) -> tuple[str, str]:
    match value:
        case [str() as app, str() as name]:
            return app, name
    raise _bad(_("a migration is not a pair of texts"))


def _time(value: object, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat(str(value))
        if moment.tzinfo is None:
            raise _bad(_("%(member)r has no time zone", member=where))
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _bad(_("%(member)r is no time", member=where)) from None


def format_time(moment: datetime) -> str:
    """ISO 8601 in UTC with microseconds, ending in Z."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError(_("a member appears twice"))
    return document


def _bad(why: str) -> ManifestError:
    return ManifestError(
        _("The manifest is not valid"), why=why, todo=_("Use another copy of this backup.")
    )
