"""The manifest of a backup: what it holds, proven by facts and a signature.

Pure: no Django, no clock, no file. A manifest is a frozen dataclass; ``dump()`` makes the
signed bytes of its file, ``read_signed()`` and ``load()`` read such bytes strictly.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from trustbackup.exceptions import ManifestError
from trustbackup.phrases import gettext as _
from trustbackup.store import names, old_schemas, quick_json
from trustbackup.store.file_facts import FileFacts, read_file_facts
from trustbackup.store.fingerprints import fingerprints
from trustbackup.store.full_facts import FullFacts, read_full_facts
from trustbackup.store.inventory import Inventory, read_inventory
from trustbackup.store.manifest_checks import CONTROL, check_parts, check_texts
from trustbackup.store.members import (
    invalid,
    list_of,
    list_of_texts,
    members_of,
    no_duplicates,
    pair_of,
    texts_of,
    time_of,
)
from trustbackup.store.plan_note import PlanNote, read_plan_note
from trustbackup.store.signature import Signature, Signer

SCHEMA = old_schemas.NEWEST
"""``old_schemas`` says what each brought."""
LARGEST = 8 << 20
"""Bytes; a larger manifest is neither written nor read. It has room for 70,000 tables."""
KINDS = ("full", "database", "media", "settings", "app")
LONGEST = {"name": 200, "host": 255, "trigger": 40, "environment": 50}
"""Characters."""
_THE_MANIFEST, _A_PART, _A_TABLE = _("the manifest"), _("a part"), _("a table")
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


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
    inventory: Inventory | None = None
    """What it holds besides rows; None in what is no database, and in the first schema."""
    definition: str = ""
    """A fingerprint of all that it defines, where plans skip what did not change."""
    excluded: tuple[str, ...] = ()
    """Tables whose rows were left out on purpose, as ``str`` names them; ``tables`` has them."""
    files: FileFacts | None = None
    """What an archive of files holds; None in all else."""
    plain_bytes: int = 0
    plain_sha256: str = ""
    """Of what ``age -d`` makes of the file; 0 and "" where it is not encrypted."""

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
    plan: PlanNote | None = None
    """None for a backup that no plan made."""
    full: FullFacts | None = None
    """How the parts of a full backup fit; None in all else."""
    recipients: tuple[str, ...] = ()
    """Public keys that it is encrypted to; their fingerprints where it is sealed."""
    environment: str = ""
    """What the site that made it calls itself, such as ``production``; "" where it has no name."""
    schema: int = SCHEMA
    signature: Mapping[str, str] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        return sum(part.bytes for part in self.parts)

    @property
    def raw_bytes(self) -> int:
        return sum(part.raw_bytes for part in self.parts)

    @property
    def holds_databases(self) -> bool:
        return self.kind in ("database", "full")

    @property
    def contents(self) -> str:
        """What its sort is told by: ``,default,analytics,``, ``,settings,`` or ``,media/,``."""
        held = [part for part in self.parts if part.engine or part.files or part.tables]
        named = [f"{part.part}/" if part.files else part.part for part in held]
        return "".join(f",{name}" for name in named) + ","

    @property
    def keys(self) -> tuple[str, ...]:
        """The fingerprints of the keys that it is encrypted to."""
        return self.recipients if self.is_sealed else fingerprints(self.recipients)

    @property
    def is_sealed(self) -> bool:
        """Whether only what lies open of it could be read: it is encrypted, and not to us."""
        return bool(self.recipients) and not self.versions

    def part(self, name: str) -> Part | None:
        return next((part for part in self.parts if part.part == name), None)


def dump(
    manifest: Manifest,
    signer: Signer,
    seal: Callable[[dict[str, Any]], dict[str, Any]] = lambda document: document,
) -> bytes:
    """The signed file: UTF-8 JSON, one member a line, so that grep and sed can read it.

    ``seal`` makes of it what may lie beside an encrypted backup (``sealed_manifest.py``).

    Raises ManifestError when it would be too large to be read.
    """
    document = dataclasses.asdict(manifest)
    for moment in ("created", "started", "finished"):
        document[moment] = format_time(document[moment])
    document = old_schemas.as_then(document, manifest.schema)
    # The signature covers what a reader will see, so sign what JSON makes of it.
    document = seal(json.loads(json.dumps(document)))
    document["signature"] = signer.sign(document)
    data = file_bytes(document)
    if len(data) > LARGEST:
        raise ManifestError(
            _("The manifest of backup %(id)s is too large", id=manifest.id),
            why=_("over %(limit)d bytes", limit=LARGEST),
            todo=_("Back its databases up one by one."),
        )
    return data


def file_bytes(document: Mapping[str, Any]) -> bytes:
    """A document as it lies on the disk. Raises ValueError for text that is not Unicode."""
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def read_signed(data: bytes, signer: Signer) -> tuple[dict[str, Any], Signature]:
    """The document in a manifest file, and who signed it; see ``read_document()``.

    One byte that differs from what was written is an alteration, be it white space only:
    tools that are not as strict must not see another manifest than we do.
    """
    document = _as_written(data)
    as_written = document is not None
    if document is None:
        document = read_document(data)
    signature = signer.check(document)
    if signature is Signature.OURS and not as_written and data != file_bytes(document):
        signature = Signature.ALTERED
    return document, signature


def _as_written(data: bytes) -> dict[str, Any] | None:
    """The document, if ``file_bytes()`` would make exactly these bytes of it.

    None where that is not certain: whoever gets it must look again, at ten times the price.
    """
    quick = quick_json.library()
    if quick is None or len(data) > LARGEST:
        return None
    try:
        document = quick.decode(data)
        written = quick.format(quick.encode(document), indent=1)
    except (ValueError, RecursionError):
        return None
    if written + b"\n" != data or not isinstance(document, dict):
        return None
    old_schemas.check(document)
    return document


def read_document(data: bytes) -> dict[str, Any]:
    """The JSON object in a manifest file. Raises ManifestError."""
    if len(data) > LARGEST:
        raise ManifestError(
            _("The manifest is too large"), why=_("over %(limit)d bytes", limit=LARGEST)
        )
    try:
        document = json.loads(data, object_pairs_hook=no_duplicates)
        # Raises for what is not Unicode, as file_bytes() would; without indent it is quick.
        json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise ManifestError(_("The manifest is not JSON"), why=str(error)) from error
    if not isinstance(document, dict):
        raise ManifestError(_("The manifest is not a JSON object"))
    old_schemas.check(document)
    return document


def load(document: Mapping[str, Any], *, expected_id: str) -> Manifest:
    """Parse strictly: every member there, of its type, none unknown. Raises ManifestError.

    ``expected_id`` is the id in the file's name: a manifest moved under another name is
    refused, and so is one that points at files which are not its own.
    """
    schema = document.get("schema")
    if type(schema) is int and 1 <= schema < SCHEMA:
        document = old_schemas.as_today(document, schema, _A_PART)
    values = members_of(document, Manifest, _THE_MANIFEST)
    for moment in ("created", "started", "finished"):
        values[moment] = time_of(values[moment], moment)
    values["versions"] = texts_of(values["versions"], "versions")
    values["signature"] = texts_of(values["signature"], "signature")
    if not 1 <= values["schema"] <= SCHEMA:
        raise invalid(_("its schema is %(schema)r", schema=values["schema"]))
    if values["id"] != expected_id:
        raise invalid(_("it belongs to backup %(id)r", id=values["id"]))
    if values["kind"] not in KINDS:
        raise invalid(_("its kind is %(kind)r", kind=values["kind"]))
    values["parts"] = tuple(_part(item, expected_id) for item in list_of(values["parts"], "parts"))
    values["recipients"] = list_of_texts(values["recipients"], "recipients")
    values["plan"], values["full"] = read_plan_note(values["plan"]), read_full_facts(values["full"])
    check_texts(values, LONGEST)
    check_parts(values["parts"])
    return Manifest(**values)


def _part(document: object, expected_id: str) -> Part:
    values = members_of(document, Part, _A_PART)
    name = names.parse(values["file"])
    if name is None or name.id != expected_id or not name.is_data:
        raise invalid(_("its file %(file)r is none of this backup's", file=values["file"]))
    if not _SHA256.fullmatch(values["sha256"]):
        raise invalid(_("the SHA-256 of %(file)s is not 64 hex digits", file=values["file"]))
    if CONTROL.search(values["part"]):
        raise invalid(_("the name of a part has a control character"))
    values["tables"] = tuple(
        Table(**members_of(item, Table, _A_TABLE)) for item in list_of(values["tables"], "tables")
    )
    values["migrations"] = tuple(
        pair_of(item) for item in list_of(values["migrations"], "migrations")
    )
    values["inventory"] = read_inventory(values["inventory"])
    values["excluded"] = list_of_texts(values["excluded"], "excluded")
    return Part(files=read_file_facts(values.pop("files")), **values)


def format_time(moment: datetime) -> str:
    """ISO 8601 in UTC with microseconds, ending in Z."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def table_label(schema: str, name: str) -> str:
    """What a table is called where people read it: without a schema that goes without saying."""
    return name if schema in ("", "public") else f"{schema}.{name}"
