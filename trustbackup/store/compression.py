"""The ways to compress a backup: by name when it is made, by first bytes when it is read."""

from __future__ import annotations

import bz2
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import BinaryIO, Protocol, cast

from isal import igzip_lib, igzip_threaded, isal_zlib

from trustbackup.exceptions import UsageError
from trustbackup.phrases import gettext as _
from trustbackup.store.age import SUFFIX

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


class Compressor(Protocol):
    """``flush()`` ends it; with the ``cut_mode`` of its Compression it goes on behind a cut."""

    def compress(self, data: memoryview, /) -> bytes | memoryview: ...
    @property
    def flush(self) -> Callable[..., bytes]: ...


class _Plain:
    def compress(self, data: memoryview, /) -> memoryview:
        return data

    def flush(self) -> bytes:
        return b""


@dataclass(frozen=True)
class Compression:
    """A way to compress: its name, its file suffix, and its first bytes.

    ``cut_mode`` is how its compressor is flushed at a cut (``store/cuts.py``); None where that
    is of no use.
    """

    name: str
    suffix: str
    magic: bytes
    compressor: Callable[[], Compressor]
    reader: Callable[[BinaryIO], BinaryIO]
    cut_mode: int | None = None
    store: Callable[[], Compressor] | None = None
    """Makes what leaves bytes as they are, and goes before or behind the compressor's own in one
    file; None where the compressor is quick enough with what is compressed already."""
    recipients: tuple[str, ...] = ()
    """Public keys that what it made is encrypted to; none leaves it as it is."""

    def encrypted_to(self, recipients: tuple[str, ...]) -> Compression:
        """The same, and encrypted."""
        if not recipients:
            return self
        return replace(self, suffix=self.suffix + SUFFIX, recipients=recipients)


class StoredGzip:
    """A member of a gzip file that only holds its bytes (RFC 1951, 3.2.4; RFC 1952)."""

    _LARGEST = 0xFFFF
    """Bytes of a stored block."""

    def __init__(self) -> None:
        self._begun = False
        self._crc = self._size = 0

    def compress(self, data: memoryview, /) -> bytes:
        pieces: list[bytes | memoryview] = [] if self._begun else [self._HEADER]
        self._begun = True
        for start in range(0, len(data), self._LARGEST):
            piece = data[start : start + self._LARGEST]
            pieces += [struct.pack("<BHH", 0, len(piece), len(piece) ^ 0xFFFF), piece]
        self._crc = isal_zlib.crc32(data, self._crc)
        self._size += len(data)
        return b"".join(pieces)

    _HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    """Deflate, no flags, no time, of an unknown system."""

    def flush(self) -> bytes:
        """The end of the member: an empty last block, the sum and the size."""
        head = b"" if self._begun else self._HEADER
        end = struct.pack("<II", self._crc, self._size & 0xFFFFFFFF)
        return head + b"\x01\x00\x00\xff\xff" + end


def _gzip_compressor() -> Compressor:
    # Levels 1 and 2 of ISA-L take the same time here, and 2 saves a hundredth; 31 makes one
    # ordinary gzip member.
    return isal_zlib.compressobj(level=2, wbits=31)


def _gzip_reader(raw: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", igzip_threaded.open(raw, "rb"))  # type: ignore[no-untyped-call]


# A flush that forgets all that came before (Z_FULL_FLUSH, a new frame) makes dumps up to 2.5 %
# larger in gzip, and 15 % in zstd. These two remember, cost a thousandth, and do as well: what
# they remember is the same again a window after a change, 32 KiB in gzip and 512 KiB in zstd.
# And a file that was truncated at a cut still has no end.
_GZIP_CUT = isal_zlib.Z_SYNC_FLUSH
_ZSTD_CUT = zstd.ZstdCompressor.FLUSH_BLOCK


def _zstd_compressor() -> Compressor:
    parameter = zstd.CompressionParameter
    options: dict[int, int] = {
        parameter.compression_level: 1,
        # Four times level 1's table finds more in the many short rows of a dump: smaller than
        # level 2, and quicker.
        parameter.hash_log: 16,
        parameter.checksum_flag: 1,
    }
    return zstd.ZstdCompressor(options=options)


def _zstd_reader(raw: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", zstd.ZstdFile(raw, "rb"))


def _bzip2_reader(raw: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", bz2.BZ2File(raw, "rb"))


COMPRESSIONS = {
    item.name: item
    for item in (
        Compression(
            "gzip", ".gz", b"\x1f\x8b", _gzip_compressor, _gzip_reader, _GZIP_CUT, StoredGzip
        ),
        Compression("zstd", ".zst", b"\x28\xb5\x2f\xfd", _zstd_compressor, _zstd_reader, _ZSTD_CUT),
        Compression("bzip2", ".bz2", b"BZh", bz2.BZ2Compressor, _bzip2_reader),
        Compression("none", "", b"", _Plain, lambda raw: raw),
    )
}


def get_compression(name: str) -> Compression:
    """Raises UsageError for an unknown name."""
    try:
        return COMPRESSIONS[name]
    except KeyError:
        raise UsageError(
            _("There is no compression %(name)r", name=name),
            todo=_("Choose one of %(known)s.", known=", ".join(COMPRESSIONS)),
        ) from None


def sniff_compression(head: bytes) -> Compression:
    """By a file's first bytes, never by its name."""
    for compression in COMPRESSIONS.values():
        if compression.magic and head.startswith(compression.magic):
            return compression
    return COMPRESSIONS["none"]


DAMAGE: tuple[type[Exception], ...] = (
    EOFError,
    OSError,
    ValueError,
    zstd.ZstdError,
    cast("type[Exception]", igzip_lib.IsalError),
)
"""What the decompressors raise on truncated or damaged data."""
