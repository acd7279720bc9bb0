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
        raise ManifestError("The manifest is too large", why=f"over {LARGEST} bytes")
    try:
        document = json.loads(data, object_pairs_hook=_no_duplicates)
        # Raises for what is not Unicode, as file_bytes() would; without indent it is quick.
        json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise ManifestError("The manifest is not JSON", why=str(error)) from error
    if not isinstance(document, dict):
        raise ManifestError("The manifest is not a JSON object")
    schema = document.get("schema")
    if isinstance(schema, int) and not isinstance(schema, bool) and schema > SCHEMA:
        raise ManifestError(
            f"The manifest has schema {schema}",
            why=f"this version of trustbackup reads up to {SCHEMA}",
            todo="Upgrade trustbackup, then try again.",
        )
    return document


def load(document: Mapping[str, Any], *, expected_id: str) -> Manifest:
    """Parse strictly: every member there, of its type, none unknown. Raises ManifestError.

    ``expected_id`` is the id in the file's name: a manifest moved under another name is
    refused, and so is one that points at files which are not its own.
    """
    values = _members(document, Manifest, "the manifest")
    for moment in ("created", "started", "finished"):
        values[moment] = _time(values[moment], moment)
    values["versions"] = _strings(values["versions"], "versions")
    values["signature"] = _strings(values["signature"], "signature")
    if values["schema"] != SCHEMA:
        raise _bad(f"its schema is {values['schema']!r}")
    if values["id"] != expected_id:
        raise _bad(f"it belongs to backup {values['id']!r}")
    if values["kind"] not in KINDS:
        raise _bad(f"its kind is {values['kind']!r}")
    values["parts"] = tuple(_part(item, expected_id) for item in _list(values["parts"], "parts"))
    _check_texts(values)
    _check_parts(values["parts"])
    return Manifest(**values)


def _check_texts(values: Mapping[str, Any]) -> None:
    for text, longest in LONGEST.items():
        if len(values[text]) > longest or _CONTROL.search(values[text]):
            raise _bad(f"its {text} is too long or has a control character")


def _check_parts(parts: Sequence[Part]) -> None:
    if not parts:
        raise _bad("it has no part")
    for count in ("bytes", "raw_bytes", "rows"):
        if sum(getattr(part, count) for part in parts) > _LARGEST_NUMBER:
            raise _bad(f"its {count} are too many")
    for unique in ("part", "file"):
        if len({getattr(part, unique) for part in parts}) != len(parts):
            raise _bad(f"two parts have the same {unique}")


def _part(document: object, expected_id: str) -> Part:
    values = _members(document, Part, "a part")
    name = names.parse(values["file"])
    if name is None or name.id != expected_id or not name.is_data:
        raise _bad(f"its file {values['file']!r} is none of this backup's")
    if not _SHA256.fullmatch(values["sha256"]):
        raise _bad(f"the SHA-256 of {values['file']} is not 64 hex digits")
    if _CONTROL.search(values["part"]):
        raise _bad("the name of a part has a control character")
    values["tables"] = tuple(
        Table(**_members(item, Table, "a table")) for item in _list(values["tables"], "tables")
    )
    values["migrations"] = tuple(_pair(item) for item in _list(values["migrations"], "migrations"))
    return Part(**values)


_TYPES = {"str": str, "int": int}


def _members(document: object, cls: type, where: str) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise _bad(f"{where} is not an object")
    fields = {item.name: item for item in dataclasses.fields(cls)}
    if unknown := sorted(set(document) - set(fields)):
        raise _bad(f"{where} has an unknown member {unknown[0]!r}")
    if missing := sorted(set(fields) - set(document)):
        raise _bad(f"{where} has no {missing[0]!r}")
    for name, item in fields.items():
        wanted = _TYPES.get(str(item.type))
        value = document[name]
        if wanted and (not isinstance(value, wanted) or isinstance(value, bool)):
            raise _bad(f"{name!r} of {where} is not {'a text' if wanted is str else 'a number'}")
        if wanted is int and value < 0:
            raise _bad(f"{name!r} of {where} is below 0")
    return dict(document)


def _list(value: object, where: str) -> list[object]:
    if not isinstance(value, list):
        raise _bad(f"{where!r} is not a list")
    return value


def _strings(value: object, where: str) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise _bad(f"{where!r} is not an object of texts")
    return value


def _pair(value: object) -> tuple[str, str]:
    match value:
        case [str() as app, str() as name]:
            return app, name
    raise _bad("a migration is not a pair of texts")


def _time(value: object, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat(str(value))
        if moment.tzinfo is None:
            raise _bad(f"{where!r} has no time zone")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _bad(f"{where!r} is no time") from None


def format_time(moment: datetime) -> str:
    """ISO 8601 in UTC with microseconds, ending in Z."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a member appears twice")
    return document


def _bad(why: str) -> ManifestError:
    return ManifestError(
        "The manifest is not valid", why=why, todo="Use another copy of this backup."
    )
