"""Members with their contents as a zip that is made while it is sent; only names are held."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from trustbackup.contents.media.index import Member, MemberKind
from trustbackup.contents.media.unpack import Content
from trustbackup.contents.media.walk import readable

PIECE = 1 << 18
"""Bytes that are sent at a time."""
_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""What a zip's clock begins with."""
_YEARS = range(1980, 2108)
_UNIX = 3
"""The system whose modes a zip's attributes are."""
_FOLDER = 0x10
"""The bit by which MS-DOS knows a folder."""


class _Buffer:
    """Where a zip is written to, which is sent piece by piece; nobody can go back in it."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.size = 0

    def write(self, data: bytes, /) -> int:
        self.pieces.append(bytes(data))
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Of a file; there is nothing to do."""

    def take(self) -> bytes:
        data = b"".join(self.pieces)
        self.pieces, self.size = [], 0
        return data


def zipped(members: Iterable[tuple[Member, Content]], cut: int) -> Iterator[bytes]:
    """A zip whose members carry time, mode and kind; ``cut`` characters of each path are not
    said. Where a file has no UTF-8 name its bytes are written out."""
    buffer = _Buffer()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:  # type: ignore[call-overload]
        for member, content in members:
            name = "/".join(readable(part) for part in member.path[cut:].split("/"))
            if name:
                with archive.open(_described(member, name), "w", force_zip64=True) as target:
                    if member.kind is MemberKind.LINK:
                        target.write(member.target.encode("utf-8", "surrogateescape"))
                    for block in content:
                        target.write(block)
                        if buffer.size >= PIECE:
                            yield buffer.take()
            if buffer.size >= PIECE:
                yield buffer.take()
    yield buffer.take()


def _described(member: Member, name: str) -> zipfile.ZipInfo:
    moment = datetime.fromtimestamp(member.mtime // 10**9, UTC)
    clock = moment.timetuple()[:6] if moment.year in _YEARS else _EARLIEST
    is_folder = member.kind is MemberKind.FOLDER
    info = zipfile.ZipInfo(f"{name}/" if is_folder else name, clock)
    kinds = {MemberKind.FILE: stat.S_IFREG, MemberKind.FOLDER: stat.S_IFDIR}
    kind = kinds.get(member.kind, stat.S_IFLNK)
    info.create_system = _UNIX
    info.external_attr = (kind | member.mode & 0o777) << 16 | (_FOLDER if is_folder else 0)
    info.compress_type = zipfile.ZIP_STORED if is_folder else zipfile.ZIP_DEFLATED
    return info
