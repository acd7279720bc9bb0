"""How a backup's files are named: the one place that builds and reads such names.

    backup_2026-11-20_02-15-33.dump.gz             database "default"
    backup_2026-11-20_02-15-33.analytics.dump.gz   database "analytics"
    backup_2026-11-20_02-15-33.app-shop.jsonl.gz   the data of app "shop"
    backup_2026-11-20_02-15-33.dump.gz.age         the same, encrypted
    backup_2026-11-20_02-15-33.manifest.json       published last, deleted first
    backup_2026-11-20_02-15-33.record.json         what became of it since: protected
    backup_object_<sha256>                         contents that several backups share

The time is UTC. A second backup in one second is ``…_02-15-33_2``, so that sorting by
name is sorting by time.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from datetime import UTC, datetime
from typing import NamedTuple

PREFIX = "backup_"
MANIFEST = ".manifest.json"
RECORD = ".record.json"

_ID = r"\d{4}-\d{2}-\d{2}_\d{2}-\d{2}-\d{2}(?:_[1-9]\d{0,5})?"
_ID_PATTERN = re.compile(_ID, re.ASCII)
_FILE_PATTERN = re.compile(
    rf"{PREFIX}(?P<id>{_ID})(?P<rest>"
    r"\.manifest\.json|\.record\.json|"
    r"(?:\.(?P<part>[A-Za-z0-9_-]{1,64}))?\.(?:dump\.tar|dump|tar|jsonl|json|xml|yaml)(?:\.gz|\.zst|\.bz2)?(?:\.age)?)",
    re.ASCII,
)
# A dump that someone named by hand is still listed, under its whole stem.
_FOREIGN_PATTERN = re.compile(
    rf"{PREFIX}(?P<id>[A-Za-z0-9][A-Za-z0-9_.-]{{0,150}}?)\.dump(?:\.tar)?(?:\.gz|\.zst|\.bz2)?(?:\.age)?",
    re.ASCII,
)

_OBJECT_PATTERN = re.compile(rf"{PREFIX}object_(?P<sha256>[0-9a-f]{{64}})", re.ASCII)


class FileName(NamedTuple):
    """A file name taken apart; ``part`` is "" for the default database."""

    id: str
    rest: str
    part: str

    @property
    def is_manifest(self) -> bool:
        return self.rest == MANIFEST

    @property
    def is_record(self) -> bool:
        return self.rest == RECORD

    @property
    def is_data(self) -> bool:
        return not (self.is_manifest or self.is_record)


def is_archive(name: str) -> bool:
    """Whether a file is called as a part that is a tar, which no dump is."""
    parsed = parse(name)
    return parsed is not None and bool(parsed.part) and parsed.rest.split(".")[2] == "tar"


def backup_id(moment: datetime, number: int = 1) -> str:
    """The id of the ``number``-th backup made in that second (an aware datetime)."""
    stamp = moment.astimezone(UTC).strftime("%Y-%m-%d_%H-%M-%S")
    return stamp if number == 1 else f"{stamp}_{number}"


def is_backup_id(text: str) -> bool:
    return _ID_PATTERN.fullmatch(text) is not None


EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
"""Times from the first on and before the second are times of backups. At the edges of what
Python knows a time can't be told in another zone."""


def time_of(identifier: str) -> datetime | None:
    """When the id says that its backup was made (UTC), or None if it says nothing true."""
    moment = told_by(identifier)
    return moment if moment and EARLIEST <= moment < LATEST else None


def told_by(identifier: str) -> datetime | None:
    """The time in an id (UTC), however unlikely; None where there is none in the calendar."""
    if not _ID_PATTERN.match(identifier):
        return None
    try:
        text = f"{identifier[:10]} {identifier[11:19].replace('-', ':')}"
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return None


def moment(seconds: float) -> datetime:
    """A file's time (seconds since 1970) in UTC; what can't be placed is the earliest."""
    with contextlib.suppress(ValueError, OverflowError, OSError):
        found = datetime.fromtimestamp(seconds, UTC)
        if EARLIEST <= found < LATEST:
            return found
    return EARLIEST


def order(identifier: str) -> tuple[str, int]:
    """A sort key: by time, then by number within the second."""
    number = identifier[20:]
    return identifier[:19], int(number) if number.isdecimal() else 1


def parse(name: str) -> FileName | None:
    """Take a name apart, or None when the name is none of ours."""
    if match := _FILE_PATTERN.fullmatch(name):
        return FileName(match["id"], match["rest"], match["part"] or "")
    if match := _FOREIGN_PATTERN.fullmatch(name):
        return FileName(match["id"], name[len(PREFIX) + len(match["id"]) :], "")
    return None


def object_name(sha256: str) -> str:
    return f"{PREFIX}object_{sha256}"


def parse_object(name: str) -> str | None:
    """The SHA-256 (64 hex digits) that an object's name tells; None for any other name."""
    match = _OBJECT_PATTERN.fullmatch(name)
    return match["sha256"] if match else None


def is_object(name: str) -> bool:
    return parse_object(name) is not None


def is_of_backup(name: str) -> bool:
    """Whether a file of this name is one backup's."""
    return parse(name) is not None


def is_ours(name: str) -> bool:
    """Whether a file of this name is a backup's, or an object."""
    return is_of_backup(name) or is_object(name)


def manifest_name(identifier: str) -> str:
    return f"{PREFIX}{identifier}{MANIFEST}"


def record_name(identifier: str) -> str:
    return f"{PREFIX}{identifier}{RECORD}"


def part_name(identifier: str, part: str, kind: str, suffix: str) -> str:
    """The name of a part's file, for example ``part_name(id, "default", "dump", ".gz")``."""
    if part == "default":
        return f"{PREFIX}{identifier}.{kind}{suffix}"
    safe = re.sub(r"[^A-Za-z0-9_-]", "-", part)[:64]
    if safe != part:  # "shop eu" and "shop-eu" are two databases
        safe = f"{safe[:55]}-{hashlib.blake2b(part.encode(), digest_size=4).hexdigest()}"
    return f"{PREFIX}{identifier}.{safe}.{kind}{suffix}"
