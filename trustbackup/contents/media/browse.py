"""One folder of a list of files, a page of it at a time, and what lies below a path.

A list of 200,000 files is read whole for each look, because its hash is of the whole; but only the
lines that are shown are taken apart, so that it takes half a second and no memory.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from trustbackup.contents.media.index import (
    Member,
    MemberKind,
    parse_member,
    split_lines,
)
from trustbackup.store.streams import Readable

_STRING = rb'(?:[^"\\]|\\.)'
_LINE = re.compile(
    rb'\{"path":"(' + _STRING + rb'+)","kind":"(file|folder|link)","mode":\d+,"uid":\d+,"gid":\d+,'
    rb'"mtime":(-?\d+),"size":(\d+),'
)
"""As ``write_member`` writes it, up to what is of interest."""


@dataclass(slots=True)
class Listed:
    """What a page shows of one file, link or folder; ``size`` and ``files`` are of all below."""

    path: str
    kind: MemberKind
    mtime: int
    """In nanoseconds since 1970."""
    size: int = 0
    files: int = 0
    """Files and links in it; of those themselves 0."""

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class ListedPage:
    """Some of what is in a folder, or of what was found in it, in the order of the list."""

    items: list[Listed]
    total: int
    """How many there are on all pages."""
    files: int
    """Files and links in the folder, however deep."""
    size: int
    is_there: bool
    """Whether the list has such a folder; "" always is."""


def list_folder(raw: Readable, folder: str, first: int, most: int) -> ListedPage:
    """At most ``most`` of what lies in a folder, from number ``first``; "" is the root.

    Raises ManifestError for a list that makes no sense.
    """
    items: list[Listed] = []
    found = total = files = size = 0
    now: Listed | None = None
    below = _literal(folder) + b"/" if folder else b""
    for line in _lines_of(raw, folder):
        path, kind, mtime, bytes_ = _glance(line)
        if folder and not path.startswith(below):
            found |= path == below[:-1] and kind is MemberKind.FOLDER
            continue
        is_counted = kind is not MemberKind.FOLDER
        files += is_counted
        size += bytes_
        name, deeper, _rest = path[len(below) :].partition(b"/")
        if deeper:
            # What is in a folder comes right behind it, so that it can only be in the last one.
            if now is not None:
                now.files += is_counted
                now.size += bytes_
            continue
        now = None
        if first <= total < first + most:
            text = json.loads(b'"' + below + name + b'"')
            now = Listed(text, kind, mtime, bytes_)
            items.append(now)
        total += 1
    is_there = not folder or bool(found)
    return ListedPage(items=items, total=total, files=files, size=size, is_there=is_there)


def search(raw: Readable, folder: str, text: str, first: int, most: int) -> ListedPage:
    """What lies anywhere below a folder and has ``text`` in its path there, in any case.

    Of a folder that is found no sums are made. Raises ManifestError.
    """
    items: list[Listed] = []
    found = total = files = size = 0
    wanted = text.casefold()
    below = _literal(folder) + b"/" if folder else b""
    for line in _lines_of(raw, folder):
        path, kind, mtime, bytes_ = _glance(line)
        if folder and not path.startswith(below):
            found |= path == below[:-1] and kind is MemberKind.FOLDER
            continue
        files += kind is not MemberKind.FOLDER
        size += bytes_
        relative: str = json.loads(b'"' + path[len(below) :] + b'"')
        if wanted not in relative.casefold():
            continue
        if first <= total < first + most:
            whole = f"{folder}/{relative}" if folder else relative
            items.append(Listed(whole, kind, mtime, bytes_))
        total += 1
    is_there = not folder or bool(found)
    return ListedPage(items=items, total=total, files=files, size=size, is_there=is_there)


def members_below(raw: Readable, path: str) -> Iterator[Member]:
    """A file, link or folder and all that is in it; nothing where there is none, all for "".

    Raises ManifestError.
    """
    exact, below = _literal(path), _literal(path) + b"/"
    for line in _lines_of(raw, path):
        at = _glance(line)[0]
        if not path or at == exact or at.startswith(below):
            yield parse_member(line)


def _lines_of(raw: Readable, path: str) -> Iterator[bytes]:
    """The lines of what has a path that begins so: to look at the others would take ten times as
    long as to pass over them."""
    begin = b'{"path":"' + _literal(path)
    return (line for line in split_lines(raw) if line.startswith(begin))


def _literal(path: str) -> bytes:
    """As it stands in a list, between quotes."""
    return json.dumps(path).encode()[1:-1]


def _glance(line: bytes) -> tuple[bytes, MemberKind, int, int]:
    if match := _LINE.match(line):
        path, kind, mtime, size = match.groups()
        return path, MemberKind(kind.decode()), int(mtime), int(size)
    member = parse_member(line)  # raises, or it was written in another order
    return _literal(member.path), member.kind, member.mtime, member.size


def path_as_text(path: str) -> str:
    """A path for addresses and rows, which hold no bytes that are no UTF-8: these as ``%FF``."""
    return "".join(
        f"%{ord(c) - 0xDC00:02X}" if "\udc80" <= c <= "\udcff" else "%25" if c == "%" else c
        for c in path
    )


def path_from_text(text: str) -> str:
    """The path that ``path_as_text`` gave this for; of anything else some path, that of nothing."""
    return os.fsdecode(unquote_to_bytes(text.strip("/")))
