"""The index of an archive: what each of its members is, in the archive's own order.

One JSON object a line. It is what a restore believes; the tar beside it must have exactly these
members. Names are as the system has them: bytes that are no UTF-8 are lone surrogates, as
``os.fsdecode`` makes them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from trustbackup.exceptions import ManifestError
from trustbackup.phrases import gettext as _
from trustbackup.store.streams import Readable

LONGEST_LINE = 1 << 20
"""Bytes: a name of the longest path is a hundredth of it."""
_BLOCK = 1 << 16
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LARGEST = 2**63 - 1


class MemberKind(StrEnum):
    """What an archive holds; all else is left out of it."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """One member. ``mtime`` is in nanoseconds since 1970, ``size`` in bytes that were read."""

    path: str
    """Relative to the folder, with ``/`` between names."""
    kind: MemberKind
    mode: int
    uid: int
    gid: int
    mtime: int
    size: int = 0
    sha256: str = ""
    """Of a file's content, 64 hex digits."""
    target: str = ""
    """What a link says, whatever that is."""
    ctime: int = 0
    """When its state last changed, in nanoseconds; 0 where that is not told."""
    offset: int = 0
    """Bytes before its content in the object that this lies in."""
    object: str = ""
    """The SHA-256 of that object; "" for what is empty, or lies in an archive."""

    @property
    def names(self) -> tuple[bytes, ...]:
        """The names on its way, which is also what members are ordered by."""
        return tuple(os.fsencode(self.path).split(b"/"))


def write_member(member: Member) -> bytes:
    """Its line. Of what lies in an object it ends with the hash, the place, and the object."""
    values = asdict(member)
    if member.object:
        values["sha256"] = values.pop("sha256")
        values["offset"], values["object"] = values.pop("offset"), values.pop("object")
    else:
        del values["ctime"], values["offset"], values["object"]
    return json.dumps(values, separators=(",", ":")).encode() + b"\n"


def read_index(raw: Readable) -> Iterator[Member]:
    """The members, in order. Raises ManifestError for what no backup of ours has.

    Each lies in a folder that came before it, and none comes twice: whoever makes them one after
    the other in an empty folder never goes through a link, nor out of the folder.
    """
    before: tuple[bytes, ...] = ()
    folder: tuple[bytes, ...] = ()
    for line in split_lines(raw):
        member = parse_member(line)
        names = member.names
        if names <= before:
            raise _invalid(_("%(path)r comes twice, or not in its order", path=member.path))
        if folder[: len(names) - 1] != names[:-1]:
            raise _invalid(_("%(path)r lies in no folder of it", path=member.path))
        folder = names if member.kind is MemberKind.FOLDER else names[:-1]
        before = names
        yield member


def split_lines(raw: Readable) -> Iterator[bytes]:
    """The lines of an index, without their ends. Raises ManifestError."""
    pending = b""
    while block := raw.read(_BLOCK):
        *lines, pending = (pending + block).split(b"\n")
        yield from lines
        if len(pending) > LONGEST_LINE:
            raise _invalid(_("a line has more than %(limit)d bytes", limit=LONGEST_LINE))
    if pending:
        raise _invalid(_("its last line has no end"))


def parse_member(line: bytes) -> Member:
    """Raises ManifestError for what makes no sense, or is no place in the folder."""
    try:
        values: Any = json.loads(line)
        member = Member(**{**values, "kind": MemberKind(values["kind"])})
        numbers = (member.mode, member.uid, member.gid, member.size, member.offset)
        times = (member.mtime, member.ctime)
        texts = (member.path, member.sha256, member.target, member.object)
        is_valid = (
            all(type(text) is str for text in texts)
            and all(type(number) is int and 0 <= number <= _LARGEST for number in numbers)
            and all(type(time) is int and abs(time) <= _LARGEST for time in times)
        )
        for text in texts:
            os.fsencode(text)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _invalid(_("a line of it can't be read")) from error
    is_file = member.kind is MemberKind.FILE
    if (
        not is_valid
        or is_file is not bool(_SHA256.fullmatch(member.sha256))
        or (member.kind is MemberKind.LINK) is not bool(member.target)
        or "\0" in member.target
        or (member.size and not is_file)
        or (member.object and not (member.size and _SHA256.fullmatch(member.object)))
    ):
        raise _invalid(_("what it says of %(path)r makes no sense", path=member.path))
    if any(name in (b"", b".", b"..") or b"\0" in name for name in member.names):
        raise _invalid(_("it names %(path)r, which is no place in the folder", path=member.path))
    return member


def _invalid(why: str) -> ManifestError:
    return ManifestError(
        _("The list of files is not valid"), why=why, todo=_("Use another copy of this backup.")
    )
