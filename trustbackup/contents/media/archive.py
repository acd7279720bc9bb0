"""A folder as one tar, made while it is read.

PAX, because nothing older knows nanoseconds, files over 8 GiB, and names of any length and bytes.
A file is told by what it is when it is opened; what is written to it meanwhile is noted.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Protocol

from isal import isal_zlib

from trustbackup.contents.media.index import Member, MemberKind, write_member
from trustbackup.contents.media.reading import BLOCK, OPEN_FILE, is_same, member_of, read_whole
from trustbackup.contents.media.selection import Selection
from trustbackup.contents.media.walk import Found, Mishap, Mishaps, walk

SMALL = 1 << 20
"""Bytes. A file of so many is read whole before it is written: what is in the archive is one
reading then, and the header knows its size."""
_SAMPLE = 8 << 10
"""Bytes from a file's middle, by which it is told whether compressing it is of any use: names
lie, and a picture begins with text about itself."""
_WORTH = 0.95
_TYPES = {
    MemberKind.FILE: tarfile.REGTYPE,
    MemberKind.FOLDER: tarfile.DIRTYPE,
    MemberKind.LINK: tarfile.SYMTYPE,
}
Piece = tuple[bytes, bool]
"""Bytes of the tar, and whether they are compressed already."""


class Sink(Protocol):
    """Where the index's lines go."""

    def write(self, data: bytes, /) -> int: ...


class FolderArchive:
    """A source for ``write_compressed``; ``packed`` tells of the block that was read last."""

    def __init__(
        self,
        root: Path,
        selection: Selection,
        index: Sink,
        besides: os.stat_result | None = None,
    ) -> None:
        self.mishaps = Mishaps()
        self.counts: Counter[MemberKind] = Counter()
        self.bytes = 0
        """Of the content of files."""
        self.packed = False
        self._index = index
        self._found = walk(root, selection, self.mishaps, besides)
        self._pieces = self._archive()
        self._left = memoryview(b"")
        self._left_packed = False

    def readinto(self, buffer: memoryview, /) -> int:
        """Raises DumpError when the folder itself can't be read."""
        filled = 0
        while filled < len(buffer):
            if not self._left:
                found = next(self._pieces, None)
                if found is None:
                    break
                self._left, self._left_packed = memoryview(found[0]), found[1]
                continue  # an empty file has an empty content
            if filled and self._left_packed is not self.packed:
                break
            self.packed = self._left_packed
            count = min(len(buffer) - filled, len(self._left))
            buffer[filled : filled + count] = self._left[:count]
            self._left = self._left[count:]
            filled += count
        return filled

    def close(self) -> None:
        """Let go of the folders that are still open."""
        self._pieces.close()
        self._found.close()

    def _archive(self) -> Generator[Piece, None, None]:
        size = 0
        for found in self._found:
            for piece in self._member(found):
                size += len(piece[0])
                yield piece
        # Two empty blocks are the end, and tar fills its last record.
        end = 2 * tarfile.BLOCKSIZE
        yield bytes(end + -(size + end) % tarfile.RECORDSIZE), False

    def _member(self, found: Found) -> Iterator[Piece]:
        mode = found.status.st_mode
        if stat.S_ISREG(mode):
            yield from self._file(found)
        elif stat.S_ISDIR(mode):
            yield self._note(member_of(found.path, MemberKind.FOLDER, found.status))
        elif stat.S_ISLNK(mode):
            try:
                target = os.readlink(found.name, dir_fd=found.parent)
            except OSError as error:
                self.mishaps.note_error(error, found.path)
                return
            yield self._note(member_of(found.path, MemberKind.LINK, found.status, target=target))
        else:
            self.mishaps.note(Mishap.SPECIAL, found.path)

    def _note(self, member: Member) -> Piece:
        """A member without content: in the index, and its header."""
        self.counts[member.kind] += 1
        self.bytes += member.size
        self._index.write(write_member(member))
        return _header(member), False

    def _file(self, found: Found) -> Iterator[Piece]:
        try:
            descriptor = os.open(found.name, OPEN_FILE, dir_fd=found.parent)
        except OSError as error:
            self.mishaps.note_error(error, found.path)
            return
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                self.mishaps.note(Mishap.SPECIAL, found.path)
            elif status.st_size > SMALL:
                yield from self._large(found.path, descriptor, status)
            else:
                yield from self._small(found.path, descriptor)
        finally:
            os.close(descriptor)

    def _small(self, path: str, descriptor: int) -> Iterator[Piece]:
        try:
            data, before, is_as_it_was = read_whole(descriptor, SMALL)
        except OSError as error:
            self.mishaps.note_error(error, path)
            return
        if not is_as_it_was:
            self.mishaps.note(Mishap.CHANGED, path)
        member = member_of(
            path,
            MemberKind.FILE,
            before,
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )
        yield self._note(member)
        middle = max(0, (len(data) - _SAMPLE) // 2)
        yield data, _is_packed(data[middle : middle + _SAMPLE])
        yield _padding(len(data)), False

    def _large(self, path: str, descriptor: int, before: os.stat_result) -> Iterator[Piece]:
        size, left, digest = before.st_size, before.st_size, hashlib.sha256()
        try:
            packed = _is_packed(os.pread(descriptor, _SAMPLE, size // 2))
        except OSError as error:
            self.mishaps.note_error(error, path)
            return
        yield _header(member_of(path, MemberKind.FILE, before, size=size)), False
        broken = False
        while left:
            try:
                block = os.read(descriptor, min(BLOCK, left))
            except OSError:
                block, broken = b"", True
            if not block:
                break
            digest.update(block)
            left -= len(block)
            yield block, packed
        for start in range(0, left, BLOCK):  # the header has said how much there would be
            yield bytes(min(BLOCK, left - start)), False
        yield _padding(size), False
        if broken:
            self.mishaps.note(Mishap.UNREADABLE, path)
        elif not is_same(before, os.fstat(descriptor), size - left):
            self.mishaps.note(Mishap.CHANGED, path)
        self.counts[MemberKind.FILE] += 1
        self.bytes += size - left
        whole = member_of(
            path, MemberKind.FILE, before, size=size - left, sha256=digest.hexdigest()
        )
        self._index.write(write_member(whole))


def _is_packed(sample: bytes) -> bool:
    """Whether compressing it saves nothing to speak of."""
    if len(sample) < _SAMPLE // 2:
        return False
    return len(isal_zlib.compress(sample, 1)) > _WORTH * len(sample)


def _header(member: Member) -> bytes:
    info = tarfile.TarInfo(member.path)
    info.type = _TYPES[member.kind]
    info.mode, info.uid, info.gid = member.mode, member.uid, member.gid
    info.size, info.linkname = member.size, member.target
    seconds, fraction = divmod(abs(member.mtime), 10**9)
    info.mtime = max(0, member.mtime // 10**9)
    if fraction or member.mtime < 0:
        sign = "-" if member.mtime < 0 else ""
        info.pax_headers = {"mtime": f"{sign}{seconds}.{fraction:09}"}
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)
