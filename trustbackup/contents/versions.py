"""A list of versions: which version of each object of a bucket a backup means.

One JSON object a line, in the order in which the server lists the bucket. Nothing is copied: the
bucket keeps the contents.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from trustbackup.contents.media.index import split_lines
from trustbackup.exceptions import ManifestError
from trustbackup.phrases import gettext as _
from trustbackup.store.streams import Readable

FORMAT = "versions"
"""The format of a part whose file is such a list."""
_LARGEST = 2**63 - 1
_LONGEST_KEY = 1024
"""Bytes that S3 lets a key have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectVersion:
    """One version of an object. ``key`` is the whole key, ``size`` in bytes."""

    key: str
    version: str
    """As the server calls it; "null" for what is older than the bucket's versioning."""
    etag: str
    """Without its quotes."""
    size: int
    modified: str
    """ISO 8601 in UTC: when the server got it."""


def write_version(item: ObjectVersion) -> bytes:
    """Its line."""
    return json.dumps(asdict(item), separators=(",", ":")).encode() + b"\n"


def read_versions(raw: Readable, prefix: str) -> Iterator[ObjectVersion]:
    """The versions that a list names, each of a key of its own that begins with ``prefix``.

    Raises ManifestError for what no backup of ours has.
    """
    seen: set[str] = set()
    for line in split_lines(raw):
        item = _parse(line)
        if item.key in seen or not item.key.startswith(prefix) or item.key == prefix:
            raise _invalid(_("what it says of %(path)r makes no sense", path=item.key[:200]))
        seen.add(item.key)
        yield item


def _parse(line: bytes) -> ObjectVersion:
    try:
        values: Any = json.loads(line)
        item = ObjectVersion(**values)
        texts = (item.key, item.version, item.etag, item.modified)
        is_valid = (
            all(type(text) is str and 0 < len(text.encode()) <= _LONGEST_KEY for text in texts)
            and type(item.size) is int
            and 0 <= item.size <= _LARGEST
        )
    except (ValueError, TypeError, RecursionError):
        is_valid = False
    if not is_valid:
        raise _invalid(_("a line of it makes no sense"))
    return item


def _invalid(why: str) -> ManifestError:
    return ManifestError(
        _("The list of versions is not valid"), why=why, todo=_("Use another copy of this backup.")
    )
