"""Manifests of earlier schemas: what each later one brought, and what stands for it before.

Pure, as the manifest is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trustbackup.exceptions import ManifestError
from trustbackup.phrases import gettext as _
from trustbackup.store.members import invalid

NEWEST = 7
_NEW: Mapping[int, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    2: ({}, {"inventory": None}),
    3: ({"plan": None}, {"definition": "", "excluded": []}),
    4: ({}, {"files": None}),
    5: ({"full": None}, {}),
    6: ({"recipients": []}, {"plain_bytes": 0, "plain_sha256": ""}),
    7: ({"environment": ""}, {}),
}
"""Schema → members that came with it, of the manifest and of a part, each with its value in one
that was written before."""


def check(document: Mapping[str, Any]) -> None:
    """Raises ManifestError for a schema that is newer than ours."""
    schema = document.get("schema")
    if isinstance(schema, int) and not isinstance(schema, bool) and schema > NEWEST:
        raise ManifestError(
            _("The manifest has schema %(schema)s", schema=schema),
            why=_("this version of trustbackup reads up to %(schema)d", schema=NEWEST),
            todo=_("Upgrade trustbackup, then try again."),
        )


def as_today(document: Mapping[str, Any], schema: int, a_part: str) -> dict[str, Any]:
    """A document of an earlier schema with all members of today. Raises ManifestError for one
    that has what its schema did not know; ``a_part`` is what a part is called there."""
    today = dict(document)
    for later, (of_manifest, of_part) in _NEW.items():
        if later <= schema:
            continue
        today = _with(today, of_manifest, _("the manifest"))
        if isinstance(today.get("parts"), list):
            today["parts"] = [
                _with(part, of_part, a_part) if isinstance(part, dict) else part
                for part in today["parts"]
            ]
    return today


def as_then(document: dict[str, Any], schema: int) -> dict[str, Any]:
    """A document of today as the earlier schema has it."""
    for later, (of_manifest, of_part) in _NEW.items():
        if later > schema:
            document = {name: value for name, value in document.items() if name not in of_manifest}
            document["parts"] = [
                {name: value for name, value in part.items() if name not in of_part}
                for part in document["parts"]
            ]
    return document


def _with(document: Mapping[str, Any], new: Mapping[str, Any], where: str) -> dict[str, Any]:
    if unknown := document.keys() & new.keys():
        raise invalid(
            _("%(where)s has an unknown member %(member)r", where=where, member=min(unknown))
        )
    return {**document, **new}
