"""Cuts: what did not change is the same bytes in the next backup, in an ordinary file."""

from __future__ import annotations

import hashlib
import io
import itertools
import random
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyfastcdc import FastCDC

from trustbackup.exceptions import ManifestError
from trustbackup.store import cuts
from trustbackup.store.compression import COMPRESSIONS, get_compression, zstd
from trustbackup.store.streams import BLOCK, Decompressed, write_compressed

CUT = [name for name, how in COMPRESSIONS.items() if how.cut_mode is not None]
WORDS = ("order", "item", "Münster", "paid", "Hauptstraße", "gift", "2026-11-30", "19.99", "sent")


def rows(table: str, count: int) -> bytes:
    """A table's rows; the first of a longer one are those of a shorter one."""
    chance = random.Random(table)
    return "".join(
        f"{table}\t{number}\t{' '.join(chance.choices(WORDS, k=9))}\t{chance.getrandbits(96):x}\n"
        for number in range(count)
    ).encode()


FIRST = rows("first", 16_000)
REST = b"".join(rows(table, 16_000) for table in ("second", "third"))


def compressed(raw: bytes, how: str, step: int = BLOCK) -> bytes:
    target = io.BytesIO()
    write_compressed(io.BytesIO(raw), target, get_compression(how), step=step)
    return target.getvalue()


def share_of_old(new: bytes, old: bytes) -> float:
    """How much of the new file a program that looks for pieces it knows need not store."""
    chunker = FastCDC(1 << 14)  # in proportion to these files as theirs are to a site's
    known = {hashlib.sha256(chunk.data).digest() for chunk in chunker.cut_buf(old)}
    same = sum(
        chunk.length
        for chunk in chunker.cut_buf(new)
        if hashlib.sha256(chunk.data).digest() in known
    )
    return same / len(new)


@pytest.fixture
def without_pyfastcdc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "pyfastcdc", None)
    cuts._chunker.cache_clear()
    yield
    cuts._chunker.cache_clear()


@pytest.mark.parametrize("how", CUT)
def test_what_did_not_change_is_the_same_bytes_though_the_first_table_grew(how: str) -> None:
    old = compressed(FIRST + REST, how)
    new = compressed(FIRST + rows("new", 500) + REST, how)
    assert share_of_old(new, old) > 0.5


@pytest.mark.parametrize("how", CUT)
def test_what_did_not_change_is_the_same_bytes_behind_rows_that_are_gone(how: str) -> None:
    old = compressed(FIRST + REST, how)
    new = compressed(FIRST[100_000:] + REST, how)
    assert share_of_old(new, old) > 0.5


@pytest.mark.usefixtures("without_pyfastcdc")
@pytest.mark.parametrize("how", COMPRESSIONS)
def test_without_pyfastcdc_nothing_is_cut(how: str) -> None:
    old, new = (compressed(first + REST, how) for first in (FIRST, rows("new", 500) + FIRST))
    assert share_of_old(new, old) > 0.9 if how == "none" else share_of_old(new, old) < 0.1
    if how == "gzip":
        assert b"\0\0\xff\xff" not in old


def test_where_pyfastcdc_was_not_compiled_nothing_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "pyfastcdc"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyfastcdc.cy", None)
    cuts._chunker.cache_clear()
    try:
        assert not cuts.can_cut()
    finally:
        cuts._chunker.cache_clear()


@pytest.mark.parametrize("how", CUT)
def test_a_cut_costs_next_to_nothing(how: str) -> None:
    chance = random.Random(2)
    raw = "".join(
        f"{number}\t{number // 3}\t{chance.randrange(500)}\t{chance.choice(WORDS)}\t2026-11-30\n"
        for number in range(60_000)
    ).encode()
    uncut = get_compression(how).compressor()
    plain = len(bytes(uncut.compress(memoryview(raw))) + uncut.flush())
    assert len(compressed(raw, how)) < 1.002 * plain


KINDS = {
    "nothing": b"",
    "a byte": b"x",
    "rows": FIRST,
    "rows, less than a piece": FIRST[: cuts.LEAST - 1],
    "noise": random.Random(1).randbytes(3 * BLOCK + 1),
    "zeros": bytes(3 * BLOCK + 1),
    "newlines": b"\n" * (2 * cuts.MOST),
}


@pytest.mark.parametrize("raw", KINDS.values(), ids=KINDS)
def test_it_is_one_ordinary_gzip_member(raw: bytes, tmp_path: Path) -> None:
    packed = compressed(raw, "gzip")
    reader = zlib.decompressobj(wbits=31)
    assert reader.decompress(packed) == raw
    assert (reader.eof, reader.unused_data) == (True, b"")
    path = tmp_path / "backup.dump.gz"
    path.write_bytes(packed)
    subprocess.run(["gzip", "--test", path], check=True)
    assert subprocess.run(["zcat", path], check=True, stdout=subprocess.PIPE).stdout == raw


@pytest.mark.parametrize("raw", KINDS.values(), ids=KINDS)
def test_it_is_one_ordinary_zstd_frame(raw: bytes) -> None:
    reader = zstd.ZstdDecompressor()
    assert reader.decompress(compressed(raw, "zstd")) == raw
    assert (reader.eof, reader.unused_data) == (True, b"")


@pytest.mark.parametrize("how", CUT)
def test_what_is_smaller_than_a_piece_is_not_cut(how: str) -> None:
    for raw in (b"x", FIRST[: cuts.LEAST]):
        compressor = get_compression(how).compressor()
        assert compressed(raw, how) == bytes(compressor.compress(memoryview(raw))) + (
            compressor.flush()
        )


class InSmallParts(io.BytesIO):
    """Gives at each read as many bytes as a pipe happens to hold."""

    def __init__(self, raw: bytes, counts: list[int]) -> None:
        super().__init__(raw)
        self.counts = itertools.cycle(counts)

    def readinto(self, buffer, /):  # type: ignore[no-untyped-def, override] # noqa: ANN001, ANN201
        return super().readinto(buffer[: next(self.counts)])


@pytest.mark.parametrize("how", CUT)
@given(counts=st.lists(st.integers(1000, BLOCK), min_size=1, max_size=5))
@settings(max_examples=10, deadline=None)
def test_the_same_bytes_are_the_same_file_however_they_came(how: str, counts: list[int]) -> None:
    target = io.BytesIO()
    write_compressed(InSmallParts(FIRST, counts), target, get_compression(how))
    assert target.getvalue() == compressed(FIRST, how)


@given(
    raw=st.binary(max_size=2000),
    repeat=st.integers(1, 500),
    counts=st.lists(st.integers(1, BLOCK), min_size=1, max_size=5),
)
@settings(max_examples=50, deadline=None)
def test_the_pieces_are_the_bytes_that_came(raw: bytes, repeat: int, counts: list[int]) -> None:
    whole, blocks = raw * repeat, []
    for count in itertools.cycle(counts):
        if not whole[sum(map(len, blocks)) :]:
            break
        blocks.append(memoryview(whole)[sum(map(len, blocks)) :][:count])
        if len(blocks) == 1000:
            return
    found = [bytes(piece) for piece in cuts.pieces(iter(blocks))]
    assert b"".join(found) == whole
    assert all(cuts.LEAST <= len(piece) <= cuts.MOST for piece in found[:-1])


@pytest.mark.parametrize("how", CUT)
def test_a_file_that_ends_at_a_cut_is_truncated(how: str, tmp_path: Path) -> None:
    ends: list[int] = []

    class Target(io.BytesIO):
        def write(self, data, /):  # type: ignore[no-untyped-def, override] # noqa: ANN001, ANN202
            count = super().write(data)
            ends.append(self.tell())
            return count

    target = Target()
    write_compressed(io.BytesIO(FIRST), target, get_compression(how))
    assert len(ends) > 5
    path = tmp_path / "backup_x.dump"
    for end in ends[:-1]:
        path.write_bytes(target.getvalue()[:end])
        with pytest.raises(ManifestError, match="truncated"):
            read_all(path)


def read_all(path: Path) -> None:
    with Decompressed(path) as raw:
        while raw.read(BLOCK):
            pass
