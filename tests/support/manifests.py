"""A manifest to spoil."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from trustbackup.exceptions import ManifestError
from trustbackup.store.inventory import COUNTED, THE_REST, Inventory
from trustbackup.store.manifest import (
    Manifest,
    Part,
    Table,
    dump,
    load,
    read_signed,
)
from trustbackup.store.plan_note import PlanNote
from trustbackup.store.signature import Signature, Signer

ID = "2026-11-20_02-15-33"


MOMENT = datetime(2026, 11, 20, 2, 15, 33, 123456, UTC)


PART = Part(
    part="default",
    file=f"backup_{ID}.dump.gz",
    bytes=1000,
    raw_bytes=4000,
    sha256="0123456789abcdef" * 4,
    compression="gzip",
    format="pg_dump custom",
    engine="postgresql",
    connector="dbbackup.db.postgresql.PgDumpBinaryConnector",
    server_version="15.18",
    tool_version="pg_dump (PostgreSQL) 15.18",
    database="shop",
    encoding="UTF8",
    tables=(
        Table(schema="public", name='Größe "ß"\n', rows=7),
        Table(schema="public", name="b", rows=0),
    ),
    migrations=(("shop", "0001_initial"), ("auth", "0012_x")),
    inventory=Inventory(
        objects={"index": 'b_idx\nÖ "i"', "view": f"{COUNTED}70000"},
        owners={"web": THE_REST, "small": "view: v"},
        grants={"PUBLIC=r": "table: b"},
        large_objects=2,
        large_object_bytes=None,
    ),
    definition="0123456789abcdef",
    excluded=("public.b",),
)


MANIFEST = Manifest(
    id=ID,
    name="before the sale, ½ price",
    kind="database",
    trigger="command",
    host="shop-1",
    created=MOMENT,
    started=MOMENT,
    finished=MOMENT,
    versions={"django": "5.2"},
    parts=(PART,),
    plan=PlanNote(
        name="nightly",
        zone="Europe/Berlin",
        retention={"daily": 7, "size_limit": 2**40, "enforce_size": True},
        destination_retention={"nas": {"yearly": 3}},
    ),
)


SIGNER = Signer(["a secret"])


FILE = dump(MANIFEST, SIGNER)


def document(**changes: Any) -> dict[str, Any]:
    return {**json.loads(FILE), **changes}


def without(document: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != name}


def verdict(data: bytes) -> Signature | None:
    """Who signed it; None when it is refused."""
    try:
        found, signature = read_signed(data, SIGNER)
        load(found, expected_id=ID)
    except ManifestError:
        return None
    return signature
