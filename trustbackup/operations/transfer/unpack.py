"""A bundle taken apart, into a private folder, and only if every member is one of ours.

A bundle is a zip or a tar, compressed or not, with the files of backups under their own names
and perhaps a ``SHA256SUMS``, side by side. Anything else in it (a path, a link, a device, a
name twice, a member that is encrypted or grows beyond measure) refuses all of it.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator

from trustbackup.exceptions import ManifestError
from trustbackup.operations.progress import Progress, Reporter, quiet
from trustbackup.operations.transfer.bundle import SUMS
from trustbackup.phrases import Grouped
from trustbackup.phrases import gettext as _
from trustbackup.store import names
from trustbackup.store.staging import MOST_FILES, Received, StagingArea
from trustbackup.store.streams import BLOCK, Decompressed, Readable

RATIO = 100
"""Times its packed size that a bundle may have unpacked: its files are compressed already."""
ALLOWANCE = 16 << 20
"""Bytes that it may have besides; a small manifest shrinks well."""
_LARGEST_HEAD = 4 << 20
"""Bytes of a zip's directory that are read into memory."""
_LARGEST_EXTENDED = 64 << 10
"""Bytes of a tar's extended header that are read into memory."""
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_TAR = b"ustar"
_DIRECTORY_ARCHIVE = re.compile(rb"(\./)?(toc\.dat|blobs|blob_|\d+\.dat)")
_DAMAGED_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
)


class SizeLimited:
    """A stream that may not give more than ``limit`` bytes: then comes a ManifestError."""

    def __init__(self, raw: Readable, limit: int, name: str, report: Reporter = quiet) -> None:
        self.raw, self.limit, self.name, self.report = raw, limit, name, report
        self.done = 0

    def read(self, size: int = -1, /) -> bytes:
        block = self.raw.read(BLOCK if size < 0 else min(size, BLOCK))
        self.done += len(block)
        if self.done > self.limit:
            raise ManifestError(
                _("%(file)s was refused", file=self.name),
                why=_("it unpacks to more than %(size)s bytes", size=Grouped(self.limit)),
                todo=_("Give another copy of it."),
            )
        self.report(Progress(stage=f"reading {self.name}", done=self.done))
        return block


def unpack(area: StagingArea, received: Received, report: Reporter = quiet) -> list[Received]:
    """The members of a bundle, or the file itself when it is none. Raises ManifestError.

    A tar under the name of an archive of uploaded files is that: its manifest says what is in it.
    """
    with Decompressed(received.path) as raw:
        head = raw.read(512)
        packed = raw.compression.magic
    if head.startswith(_ZIP) and not packed:
        return _taken(area, received, _unpack_zip(area, received, report))
    is_tar = head[257:262] == _TAR and not _DIRECTORY_ARCHIVE.match(head)
    if is_tar and not names.is_archive(received.name):
        return _taken(area, received, _unpack_tar(area, received, report))
    return [received]


def _taken(area: StagingArea, archive: Received, members: Iterator[None]) -> list[Received]:
    before = len(area.received)
    for _member in members:
        pass
    archive.path.unlink(missing_ok=True)
    area.left += archive.size
    return area.received[before:]


class _Names:
    """The names that a bundle may have, each once."""

    def __init__(self, archive: Received) -> None:
        self.archive = archive
        self._seen: set[str] = set()

    def check(self, name: str) -> None:
        if name != SUMS and names.parse(name) is None:
            raise self.refused(_("its member %(name)s is no file of a backup", name=_shown(name)))
        if name in self._seen:
            raise self.refused(_("its member %(name)s comes twice", name=_shown(name)))
        self._seen.add(name)
        if len(self._seen) > MOST_FILES:
            raise self.refused(_("it has more than %(count)s members", count=Grouped(MOST_FILES)))

    def refused(self, why: str) -> ManifestError:
        return ManifestError(
            _("%(file)s was refused", file=self.archive.name),
            why=why,
            todo=_("Nothing of it was taken over."),
        )


def _shown(name: str) -> str:
    return repr(name if len(name) <= 100 else f"{name[:99]}…")


# ------------------------------------------------------------------------------ zip


class _CappedFile(io.FileIO):
    """A file of which nothing large is read at once, whatever its directory says."""

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = _LARGEST_HEAD + 1 if size is None or size < 0 else size
        if wanted > _LARGEST_HEAD + 1 or len(block := super().read(wanted) or b"") > _LARGEST_HEAD:
            raise ValueError("its directory is too large")
        return block


def _unpack_zip(area: StagingArea, received: Received, report: Reporter) -> Iterator[None]:
    known = _Names(received)
    try:
        with _CappedFile(received.path) as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            for member in members:
                _check_zip_member(known, member)
            intake_size = sum(member.file_size for member in members)
            if intake_size > received.size * RATIO + ALLOWANCE:
                raise known.refused(
                    _("it would unpack to %(size)s bytes", size=Grouped(intake_size))
                )
            for member in members:
                with archive.open(member) as source, area.receive(member.filename) as target:
                    while block := source.read(BLOCK):
                        target.write(block)
                        report(Progress(stage=f"unpacking {received.name}", done=target.size))
                yield
    except _DAMAGED_ZIP as error:
        raise known.refused(
            _("the zip archive is truncated or damaged (%(error)s)", error=error)
        ) from error


def _check_zip_member(known: _Names, member: zipfile.ZipInfo) -> None:
    # Python cuts a name at its first NUL; what was written there is what counts.
    name = member.orig_filename
    known.check(name)
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG) or member.is_dir():
        raise known.refused(_("its member %(name)s is no plain file", name=_shown(name)))
    if member.flag_bits & 0x2041:  # APPNOTE.TXT, 4.4.4: encrypted in one way or another
        raise known.refused(_("its member %(name)s is encrypted", name=_shown(name)))
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise known.refused(
            _("its member %(name)s is compressed in an unusual way", name=_shown(name))
        )
    if member.file_size > member.compress_size * RATIO + ALLOWANCE:
        raise known.refused(
            _(
                "its member %(name)s would unpack to %(size)s bytes",
                name=_shown(name),
                size=Grouped(member.file_size),
            )
        )


# ------------------------------------------------------------------------------ tar


def _unpack_tar(area: StagingArea, received: Received, report: Reporter) -> Iterator[None]:
    """Read here and not by tarfile, which takes what is cut off for the end, and headers of
    any size into memory."""
    known = _Names(received)
    with Decompressed(received.path) as stream:
        raw = SizeLimited(stream, received.size * RATIO + ALLOWANCE, received.name, report)
        while member := _next_member(raw, known):
            name, size = member
            with area.receive(name) as target:
                left = size
                while left:
                    target.write(block := _some(raw, left, known))
                    left -= len(block)
            _exactly(raw, -size % tarfile.BLOCKSIZE, known)
            yield
        while block := raw.read(BLOCK):
            if block.strip(b"\0"):
                raise known.refused(_("something follows its end"))


def _next_member(raw: Readable, known: _Names) -> tuple[str, int] | None:
    """The name and the size in bytes of the next member; None at the end."""
    extended: dict[str, str] = {}
    while True:
        header = _exactly(raw, tarfile.BLOCKSIZE, known)
        if not header.strip(b"\0"):
            return None
        try:
            member = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
            name, size = extended.get("path", member.name), int(extended.get("size", member.size))
        except (tarfile.HeaderError, ValueError) as error:
            raise known.refused(_("the tar archive is damaged (%(error)s)", error=error)) from error
        if member.type == tarfile.XHDTYPE and not extended:
            if not 0 < member.size <= _LARGEST_EXTENDED:
                raise known.refused(_("it has an extended header of an unusual size"))
            text = _exactly(raw, member.size, known)
            _exactly(raw, -member.size % tarfile.BLOCKSIZE, known)
            extended = _extended(text, known)
            continue
        known.check(name)
        if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or size < 0:
            raise known.refused(_("its member %(name)s is no plain file", name=_shown(name)))
        return name, size


def _extended(text: bytes, known: _Names) -> dict[str, str]:
    """The records of an extended header: "LENGTH KEY=VALUE" and a line feed each (POSIX pax)."""
    found: dict[str, str] = {}
    start = 0
    while start < len(text):
        length = text[start : start + 8].partition(b" ")[0]
        end = start + (int(length) if length.isdigit() else 0)
        key, equals, value = text[start + len(length) + 1 : max(end - 1, 0)].partition(b"=")
        if not equals or text[end - 1 : end] != b"\n":
            raise known.refused(_("the tar archive is damaged (an extended header)"))
        if key.startswith(b"GNU.sparse"):
            raise known.refused(_("it has a file with holes"))
        found[key.decode("utf-8", "replace")] = value.decode("utf-8", "replace")
        start = end
    return found


def _exactly(raw: Readable, count: int, known: _Names) -> bytes:
    found = b""
    while len(found) < count:
        found += _some(raw, count - len(found), known)
    return found


def _some(raw: Readable, count: int, known: _Names) -> bytes:
    block = raw.read(min(count, BLOCK))
    if not block:
        raise known.refused(_("the tar archive is cut short"))
    return block
