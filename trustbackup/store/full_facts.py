"""What the manifest of a full backup says of its parts together. Pure, as the manifest is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trustbackup.phrases import gettext as _
from trustbackup.store.members import list_of_texts, members_of, texts_of

_PARTS = _("the parts of a full backup")


@dataclass(frozen=True, kw_only=True)
class FullFacts:
    """What it lacks, and how the rows and the uploaded files fit."""

    lacking: Mapping[str, str] = field(default_factory=dict)
    """Parts that could not be read → why, in a sentence."""
    named: int = 0
    """How many files the file fields of the databases' rows name in the folders of the backup."""
    missing: int = 0
    """How many of these are not there."""
    rows: tuple[str, ...] = ()
    """The first rows whose file is missing, as ``shop.Product 3 picture: products/cup.jpg``."""
    unnamed: int = 0
    """How many files no field names."""


def read_full_facts(document: object) -> FullFacts | None:
    """Raises ManifestError."""
    if document is None:
        return None
    values: dict[str, Any] = members_of(document, FullFacts, _PARTS)
    values["lacking"] = texts_of(values["lacking"], "lacking")
    values["rows"] = list_of_texts(values["rows"], "rows")
    return FullFacts(**values)
