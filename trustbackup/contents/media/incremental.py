"""A folder as objects: read is what has changed since the backup before, all else is taken over.

The walk and the index of the backup before have the same order, so both are gone through side by
side, and memory does not grow with them. A file whose line would begin as it began then has the
same size, times, mode and owner, and keeps its line.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path

from trustbackup.contents.media.archive import Sink
from trustbackup.contents.media.index import Member, MemberKind, split_lines, write_member
from trustbackup.contents.media.packs import ALONE, ObjectWriter
from trustbackup.contents.media.reading import BLOCK, OPEN_FILE, is_same, member_of, read_whole
from trustbackup.contents.media.selection import Selection
from trustbackup.contents.media.walk import Found, Mishap, Mishaps, walk
from trustbackup.store.streams import Readable

_SURE_AFTER = 2.0
"""Seconds. A file that was written to as long before it was read has another time when it is
written to again, on every file system."""
_TOLD = 64
"""Files after which progress is told."""
_END = re.compile(
    rb',"sha256":"(?P<sha256>[0-9a-f]{64})","offset":(?P<offset>\d+),"object":"(?P<object>[0-9a-f]{64})"}'
)
_SIZE = re.compile(rb',"size":(\d+),')
"""Of a name its quotes are escaped, so that this stands once in a line."""
_OBJECT = slice(-66, -2)
"""Where a line has its object's name."""


class Before:
    """The index of the backup before; ``open`` gives it from its start, again and again.

    ``gone`` are objects that are not there any more, or not whole: what lies in them is read again.
    """

    def __init__(
        self, open_index: Callable[[], Readable] | None, gone: Collection[str] = ()
    ) -> None:
        self._open, self._gone = open_index, frozenset(gone)
        self._lines: Iterator[bytes] = split_lines(open_index()) if open_index else iter(())
        self._line = next(self._lines, b"")
        self._places: dict[bytes, tuple[str, int]] | None = None
        self._objects: dict[bytes, str] = {}

    def take(self, path: str, start: bytes) -> bytes:
        """The line of a file that is as it was; b"" for one that is new, or has changed."""
        if not self._line.startswith(start) and self._line:
            names = os.fsencode(path).split(b"/")
            while self._line and _names(self._line) < names:
                self._line = next(self._lines, b"")
        if not self._line.startswith(start):
            return b""
        line, self._line = self._line, next(self._lines, b"")
        return b"" if self._gone and line[_OBJECT].decode() in self._gone else line

    def place(self, sha256: str) -> tuple[str, int] | None:
        """Where a content of this hash lies, whichever file's it was: its object, and offset."""
        if self._places is None:
            self._places = {}
            for line in split_lines(self._open()) if self._open else ():
                if match := _END.search(line, max(0, len(line) - 200)):
                    name = self._objects.setdefault(match["object"], match["object"].decode())
                    if name not in self._gone:
                        digest = bytes.fromhex(match["sha256"].decode())
                        self._places[digest] = name, int(match["offset"])
        return self._places.get(bytes.fromhex(sha256))

    def note(self, sha256: str, place: str, offset: int) -> None:
        """Remember what was put into an object just now."""
        if self._places is not None:
            self._places[bytes.fromhex(sha256)] = place, offset


def live_bytes(index: Readable) -> Counter[str]:
    """How many bytes of each object a list's files have; twice what two of them share.

    Raises ManifestError for lines without an end.
    """
    found: Counter[str] = Counter()
    for line in split_lines(index):
        if _END.search(line, max(0, len(line) - 200)) and (match := _SIZE.search(line)):
            found[line[_OBJECT].decode()] += int(match[1])
    return found


def _names(line: bytes) -> list[bytes]:
    return os.fsencode(json.loads(line)["path"]).split(b"/")


class FolderObjects:
    """Reads a folder into objects, and writes its index, with places, line by line."""

    def __init__(
        self,
        root: Path,
        selection: Selection,
        index: Sink,
        writer: ObjectWriter,
        before: Before,
        besides: os.stat_result | None = None,
        *,
        read_all: bool = False,
    ) -> None:
        self.mishaps = Mishaps()
        self.counts: Counter[MemberKind] = Counter()
        self.bytes = 0
        """Of the content of files."""
        self.read_bytes = 0
        """Of those that were read."""
        self.reused: set[bytes] = set()
        """The SHA-256, as 64 hex digits, of objects of the backups before that are named again."""
        self._root, self._selection, self._besides = root, selection, besides
        self._index, self._writer, self._before = index, writer, before
        self._read_all = read_all

    def run(self, on_bytes: Callable[[int], None]) -> None:
        """``on_bytes`` gets the bytes of all files so far, and may raise to stop.

        Raises DumpError when the folder itself can't be read, FolderError.
        """
        for number, found in enumerate(
            walk(self._root, self._selection, self.mishaps, self._besides)
        ):
            mode = found.status.st_mode
            if not number % _TOLD:
                on_bytes(self.bytes)
            if stat.S_ISREG(mode):
                self._file(found, on_bytes)
            elif stat.S_ISDIR(mode):
                self._note(member_of(found.path, MemberKind.FOLDER, found.status))
            elif stat.S_ISLNK(mode):
                try:
                    target = os.readlink(found.name, dir_fd=found.parent)
                except OSError as error:
                    self.mishaps.note_error(error, found.path)
                    continue
                self._note(member_of(found.path, MemberKind.LINK, found.status, target=target))
            else:
                self.mishaps.note(Mishap.SPECIAL, found.path)

    def _note(self, member: Member) -> None:
        self.counts[member.kind] += 1
        self.bytes += member.size
        self._index.write(write_member(member))

    def _file(self, found: Found, on_bytes: Callable[[int], None]) -> None:
        status = found.status
        if status.st_size and not self._read_all:
            line = self._before.take(found.path, _start(found.path, status))
            if line:
                self.counts[MemberKind.FILE] += 1
                self.bytes += status.st_size
                self.reused.add(line[_OBJECT])
                self._index.write(line + b"\n")
                return
        try:
            descriptor = os.open(found.name, OPEN_FILE, dir_fd=found.parent)
        except OSError as error:
            self.mishaps.note_error(error, found.path)
            return
        try:
            self._read(found.path, descriptor, on_bytes)
        finally:
            os.close(descriptor)

    def _read(self, path: str, descriptor: int, on_bytes: Callable[[int], None]) -> None:
        began = time.time()
        place, offset, content = "", 0, b""
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                self.mishaps.note(Mishap.SPECIAL, path)
                return
            if status.st_size < ALONE:
                content, status, is_as_it_was = read_whole(descriptor, ALONE)
                sha256, size = hashlib.sha256(content).hexdigest(), len(content)
            else:
                before = self.bytes
                large = _Large(descriptor, status.st_size, lambda done: on_bytes(before + done))
                place, sha256 = self._writer.add_large(large)
                size = large.read
                is_as_it_was = is_same(status, os.fstat(descriptor), size)
        except OSError as error:
            self.mishaps.note_error(error, path)
            return
        if not is_as_it_was:
            self.mishaps.note(Mishap.CHANGED, path)
        self.read_bytes += size
        if not place and size:
            place, offset = self._placed(sha256, content)
        member = member_of(path, MemberKind.FILE, status, size=size, sha256=sha256)
        if is_as_it_was and status.st_ctime_ns < (began - _SURE_AFTER) * 10**9:
            member = replace(member, ctime=status.st_ctime_ns)
        self._note(replace(member, object=place, offset=offset))

    def _placed(self, sha256: str, content: bytes) -> tuple[str, int]:
        """Where a small content lies: where it lay already, or in a pack."""
        if known := self._before.place(sha256):
            if not known[0].startswith("@"):
                self.reused.add(known[0].encode())
            return known
        place, offset = self._writer.add(content)
        self._before.note(sha256, place, offset)
        return place, offset


def _start(path: str, status: os.stat_result) -> bytes:
    """How the line begins of a file that is as it was; see ``write_member``."""
    return (
        f'{{"path":{json.dumps(path)},"kind":"file","mode":{stat.S_IMODE(status.st_mode)},'
        f'"uid":{status.st_uid},"gid":{status.st_gid},"mtime":{status.st_mtime_ns},'
        f'"size":{status.st_size},"target":"","ctime":{status.st_ctime_ns},"sha256":"'
    ).encode()


class _Large:
    """A file's content, block by block, as far as it went when it was opened."""

    def __init__(self, descriptor: int, size: int, on_bytes: Callable[[int], None]) -> None:
        self._descriptor, self._size, self._on_bytes = descriptor, size, on_bytes
        self.read = 0

    def __iter__(self) -> Iterator[bytes]:
        while self.read < self._size and (
            block := os.read(self._descriptor, min(BLOCK, self._size - self.read))
        ):
            self.read += len(block)
            self._on_bytes(self.read)
            yield block
