"""Several backups as one download: a zip or a tar.gz, made while it is sent.

Nothing is copied to memory or to a temporary file, and the length is known before the first
byte in both formats: backups are compressed already, so a bundle only stores them.
"""

from __future__ import annotations

import contextlib
import struct
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from isal import isal_zlib

from trustbackup.exceptions import BackupNotFound, TrustbackupError, UsageError, file_operation
from trustbackup.operations.context import Context
from trustbackup.phrases import gettext as _
from trustbackup.store import durable
from trustbackup.store.backup_files import BackupFiles
from trustbackup.store.eviction import nothing_removed
from trustbackup.store.objects import FORMAT

_STORED = 65_535
"""Bytes that one stored block of deflate can hold (RFC 1951, 3.2.4)."""
PIECE = 4 * _STORED
"""Bytes that are read and sent at a time: whole stored blocks, so that nothing is cut again."""
SUMS = "SHA256SUMS"
MOST_HELD = 200
"""Backups that a bundle holds one by one, with an open file for each; more it holds together."""
_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


@dataclass(frozen=True)
class Member:
    """One file of a bundle: its name, its length in bytes, and how to read it."""

    name: str
    size: int
    modified: float
    blocks: Callable[[], Iterator[bytes]]


@dataclass(frozen=True)
class Bundle:
    """A bundle under way. ``length`` is in bytes, None where nobody can know it before; iterate
    ``blocks`` once."""

    name: str
    content_type: str
    length: int | None
    blocks: Iterator[bytes]


def bundle_backups(references: Sequence[str], archive_format: str) -> Bundle:
    """All files of these backups in one archive, with a ``SHA256SUMS`` for ``sha256sum -c``.

    Raises UsageError for an unknown format or no backup at all, and BackupNotFound.
    """
    if archive_format not in FORMATS:
        raise UsageError(
            _("There is no archive format %(name)r", name=archive_format[:50]),
            todo=_("Choose one of %(known)s.", known=", ".join(FORMATS)),
        )
    with contextlib.ExitStack() as locks:
        members = _members(references, locks)
        content_type, measure, write = FORMATS[archive_format]
        moment = datetime.now(UTC).strftime("%Y-%m-%d_%H-%M-%S")
        name = f"backups_{moment}.{archive_format}"
        length = measure(members)
        return Bundle(name, content_type, length, Sent(write(members), locks.pop_all()))


class Sent:
    """The blocks, while nothing is deleted or evicted that is still to be sent."""

    def __init__(self, blocks: Iterator[bytes], locks: contextlib.ExitStack) -> None:
        self._blocks, self._locks = blocks, locks

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._blocks)
        except BaseException:
            self._locks.close()
            raise

    def close(self) -> None:
        """For who does not read it to its end, or not at all; Django calls it."""
        self._locks.close()

    __del__ = close


class FileBlocks:
    """``size`` bytes of an open file from ``start``, which is closed at the end.

    Raises FolderError, also when the file ends early.
    """

    def __init__(self, file: BinaryIO, size: int, start: int = 0) -> None:
        self._file, self._left = file, size
        file.seek(start)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if not self._left:
            self.close()
            raise StopIteration
        with file_operation(_("Reading"), self._file.name):
            wanted = min(PIECE, self._left)
            block = self._file.read(wanted)
            if len(block) < wanted:
                raise OSError(_("it is shorter than it was"))
        self._left -= len(block)
        return block

    def close(self) -> None:
        self._file.close()

    # An answer to HEAD, for instance, is never read.
    __del__ = close


def _file_blocks(path: Path, size: int) -> Iterator[bytes]:
    with durable.open_regular(path) as file:
        yield from FileBlocks(file, size)


def _chosen(references: Sequence[str], locks: contextlib.ExitStack) -> Iterator[BackupFiles]:
    """The backups, each held against who would remove it."""
    folder = Context.current().folder
    found = folder.scan()
    chosen = {folder.find(reference, found).id: None for reference in references}
    together = len(chosen) > MOST_HELD
    if together:
        locks.enter_context(nothing_removed(folder.root))
        found = folder.scan()
    for identifier in chosen:
        backup = folder.find(identifier, found)
        yield backup if together else locks.enter_context(backup.in_use())


def _members(references: Sequence[str], locks: contextlib.ExitStack) -> list[Member]:
    members: list[Member] = []
    sums: list[str] = []
    for entry in _chosen(references, locks):
        if (offloaded := entry.offloaded()) is not None:
            raise UsageError(
                _("Backup %(id)s can't be bundled", id=entry.id),
                why=_("its data is at %(where)s only", where=offloaded.where),
                todo=_("Bring it back first, then try again."),
            )
        for name, size in sorted(entry.files.items()):
            path = entry.root / name
            with file_operation(_("Reading"), path):
                modified = path.stat().st_mtime
            members.append(
                Member(name, size, modified, lambda path=path, size=size: _file_blocks(path, size))  # type: ignore[misc]
            )
        if entry.has_manifest:
            try:
                manifest, _signature = entry.read_manifest()
            except TrustbackupError:
                continue  # its files are worth having all the same
            if any(part.format == FORMAT for part in manifest.parts):
                raise UsageError(
                    _("Backup %(id)s can't be bundled", id=entry.id),
                    why=_("its files lie in objects, which it shares with other backups"),
                    todo=_("Look through its files on its page, or copy it to a destination."),
                )
            sums += [f"{part.sha256}  {part.file}\n" for part in manifest.parts]
    if not members:
        raise BackupNotFound(
            _("No backup was chosen"), todo=_("Tick at least one, then try again.")
        )
    text = "".join(sums).encode()
    now = datetime.now(UTC).timestamp()
    return [*members, Member(SUMS, len(text), now, lambda: iter([text]))]


def _zip(members: Sequence[Member]) -> Iterator[bytes]:
    return _in_pieces(iter(_zip_stream(members)))


def _zip_length(members: Sequence[Member]) -> int:
    return len(_zip_stream(members))


def _zip_stream(members: Sequence[Member]):  # type: ignore[no-untyped-def] # noqa: ANN202
    from zipstream import ZipStream

    stream = ZipStream(sized=True)
    for member in members:
        stream.add(member.blocks(), member.name, size=member.size)
    return stream


def _in_pieces(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in fewer writes: a member's head would be one of a few bytes."""
    held: list[bytes] = []
    size = 0
    for block in blocks:
        held.append(block)
        size += len(block)
        if size >= PIECE:
            yield b"".join(held)
            held.clear()
            size = 0
    if held:
        yield b"".join(held)


def _tar(members: Sequence[Member]) -> Iterator[bytes]:
    total = 0
    for member in members:
        header, padding = _header(member), _padding(member)
        yield header
        yield from member.blocks()
        if padding:
            yield bytes(padding)
        total += len(header) + member.size + padding
    yield bytes(_tail(total))


def _tar_sizes(members: Sequence[Member]) -> list[int]:
    """The length of each whole that ``_tar`` gives: heads, contents, paddings, the tail."""
    sizes = [
        size for member in members for size in (len(_header(member)), member.size, _padding(member))
    ]
    return [*sizes, _tail(sum(sizes))]


def _header(member: Member) -> bytes:
    info = tarfile.TarInfo(member.name)
    info.size, info.mtime, info.mode = member.size, int(member.modified), 0o600
    return info.tobuf(tarfile.PAX_FORMAT)


def _padding(member: Member) -> int:
    return -member.size % tarfile.BLOCKSIZE


def _tail(total: int) -> int:
    """Two blocks of zeros, and more until a whole record is full, as tar itself does."""
    end = total + 2 * tarfile.BLOCKSIZE
    return 2 * tarfile.BLOCKSIZE + -end % tarfile.RECORDSIZE


def _tar_gz(members: Sequence[Member]) -> Iterator[bytes]:
    """One gzip member of stored blocks (RFC 1952): compressing again gains nothing."""
    yield _GZIP_HEAD
    check = total = 0
    for block in _tar(members):
        check = isal_zlib.crc32(block, check)
        total += len(block)
        view = memoryview(block)
        pieces: list[bytes | memoryview] = []
        for start in range(0, len(block), _STORED):
            piece = view[start : start + _STORED]
            pieces += [struct.pack("<BHH", 0, len(piece), len(piece) ^ 0xFFFF), piece]
        yield b"".join(pieces)
    yield struct.pack("<BHHII", 1, 0, 0xFFFF, check, total & 0xFFFFFFFF)


def _tar_gz_length(members: Sequence[Member]) -> int:
    sizes = _tar_sizes(members)
    return len(_GZIP_HEAD) + sum(size + 5 * -(-size // _STORED) for size in sizes) + 5 + 8


FORMATS: dict[
    str,
    tuple[str, Callable[[Sequence[Member]], int], Callable[[Sequence[Member]], Iterator[bytes]]],
] = {
    "zip": ("application/zip", _zip_length, _zip),
    "tar.gz": (
        "application/gzip",
        _tar_gz_length,
        lambda members: _in_pieces(_tar_gz(members)),
    ),
}
