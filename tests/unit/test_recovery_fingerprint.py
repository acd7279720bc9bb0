"""The recovery sheet's fingerprint: a sheet on paper is of use while it is the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from trustbackup.operations.recovery.sheet import DatabaseFacts, RecoverySheet
from trustbackup.operations.recovery.sources import NamedSecret, RecoverySource

FACTS = DatabaseFacts(
    alias="default",
    engine="postgresql",
    server_version="15.1",
    tool_version="15.1",
    database="shop",
    encoding="UTF8",
    extensions=("citext",),
    roles=("shop",),
)
SECRET = NamedSecret(name="SECRET_KEY", use="signatures", stored_at="the safe")
PLACE = RecoverySource(name="nas", kind="sftp", url="sftp://nas/", settings=(), secrets=(SECRET,))
SHEET = RecoverySheet(
    made=datetime(2026, 1, 1, tzinfo=UTC),
    host="web1",
    settings_module="shop.settings",
    folder="/srv/backups",
    notes="Code: git.example.com/shop.",
    versions={"site": "7.1"},
    key_fingerprints=("new", "old"),
    newest="2026-01-01_00-00-00",
    recovery_seconds=4.0,
    databases=(FACTS,),
    places=(PLACE,),
    secrets=(SECRET,),
    steps=(),
)


@pytest.mark.parametrize(
    "change",
    [
        {"folder": "/other"},
        {"key_fingerprints": ("newer", "new")},
        {"notes": ""},
        {"databases": (replace(FACTS, extensions=("citext", "postgis")),)},
        {"places": (replace(PLACE, url="sftp://other/"),)},
        {"secrets": (replace(SECRET, stored_at="another safe"),)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_a_stranger_needs_changes_it(change: dict[str, Any]) -> None:
    assert replace(SHEET, **change).fingerprint != SHEET.fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"newest": "2026-02-01_00-00-00"},
        {"made": datetime(2026, 2, 1, tzinfo=UTC), "recovery_seconds": 5.0},
        {"versions": {"site": "7.2"}},
        {"key_fingerprints": ("new",)},
        {"databases": (replace(FACTS, server_version="15.2"),)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_every_day_brings_does_not(change: dict[str, Any]) -> None:
    assert replace(SHEET, **change).fingerprint == SHEET.fingerprint
