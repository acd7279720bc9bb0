"""Whether nothing changed since a backup: what was not noted may have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.manifests import MANIFEST, PART
from trustbackup.operations.backup.unchanged import same_content
from trustbackup.store.inventory import Inventory
from trustbackup.store.manifest import Manifest, Table

ORDERS = Table(schema="public", name="shop_order", rows=3)
SESSIONS = Table(schema="public", name="django_session", rows=9)
BEFORE = replace(
    PART, definition="a fingerprint", inventory=Inventory(), tables=(ORDERS, SESSIONS), excluded=()
)


def of(*parts: Any) -> Manifest:
    return replace(MANIFEST, parts=parts)


def test_the_same_is_the_same() -> None:
    again = replace(BEFORE, sha256="f" * 64, bytes=1, tool_version="another")
    assert same_content(of(BEFORE), of(again), frozenset())


@pytest.mark.parametrize(
    "change",
    [
        {"engine": "another"},
        {"database": "another"},
        {"definition": "another"},
        {"migrations": (("shop", "0009_more"),)},
        {"excluded": ("public.django_session",)},
        {"server_version": "another"},
        {"tables": (replace(ORDERS, rows=4), SESSIONS)},
        {"tables": (ORDERS,)},
        {"definition": ""},
        {"inventory": None},
        {"inventory": Inventory(large_objects=1)},
        {"part": "other"},
    ],
    ids=str,
)
def test_what_changed_or_is_not_known_is_not_the_same(change: dict[str, Any]) -> None:
    assert not same_content(of(BEFORE), of(replace(BEFORE, **change)), frozenset())


def test_rows_of_tables_that_do_not_count_may_change() -> None:
    now = replace(BEFORE, tables=(ORDERS, replace(SESSIONS, rows=10)))
    assert not same_content(of(BEFORE), of(now), frozenset())
    assert same_content(of(BEFORE), of(now), frozenset({SESSIONS.name}))
