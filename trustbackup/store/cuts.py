"""Where a stream is cut, so that what did not change is the same bytes in the next backup.

Who backs up the backup folder with restic, borg or kopia stores only pieces of files that are
new. A compressed stream hides from them what is old: a byte more near its beginning changes all
that follow. So its compressor lets go, at each cut, of the bits and bytes that it still holds
back, and soon after a change its output is what it was.

A cut depends on nothing but the bytes before it (FastCDC: Xia et al., USENIX ATC 2016): at
fixed distances none would be where it was once an earlier table has grown. The package
pyfastcdc finds the cuts; without it nothing is cut.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyfastcdc import FastCDC

LEAST, MOST = 1 << 17, 1 << 19
"""Raw bytes from a cut to the next one: 180 KiB as a rule. The least are not looked at, which is
most of the time that looking would take; and they are more than gzip can refer back to."""
_NORMALIZED: Final = 1
"""From the least on one place in 64 KiB is a cut: 2 to the power of 17 less this. Were they more,
the cuts after a change would take longer to be those of before it: 300 KiB as it is."""


def can_cut() -> bool:
    """Whether pyfastcdc is installed; it is loaded by that."""
    return _chunker() is not None


def pieces(blocks: Iterator[memoryview]) -> Iterator[memoryview]:
    """The same bytes from cut to cut, however the blocks were divided.

    A piece must not be used after the next one is asked for. Raises what ``blocks`` raises.
    """
    chunker = _chunker()
    if chunker is None:
        raise RuntimeError("pyfastcdc is not installed")
    for chunk in chunker.cut_stream(_Blocks(blocks)):
        yield chunk.data


class _Blocks:
    """Blocks as a stream, for the chunker."""

    def __init__(self, blocks: Iterator[memoryview]) -> None:
        self._blocks = blocks
        self._block = memoryview(b"")

    def readinto(self, buffer: memoryview, /) -> int:
        while not self._block:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._block = block
        count = min(len(buffer), len(self._block))
        buffer[:count] = self._block[:count]
        self._block = self._block[count:]
        return count


@functools.cache
def _chunker() -> FastCDC | None:
    try:
        with warnings.catch_warnings():
            # Where it could not be compiled it warns, and is two hundred times slower.
            warnings.simplefilter("error", UserWarning)
            from pyfastcdc import FastCDC
    except (ImportError, UserWarning):
        return None
    return FastCDC(LEAST, min_size=LEAST, max_size=MOST, normalized_chunking=_NORMALIZED)
