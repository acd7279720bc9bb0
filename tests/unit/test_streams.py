"""Streams: what goes in comes out, by any tool; damage is one error."""

from __future__ import annotations

import bz2
import hashlib
import io
import os
import signal
import threading
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.backups import wait_for
from trustbackup.exceptions import ManifestError, UsageError
from trustbackup.store.compression import COMPRESSIONS, get_compression, sniff_compression, zstd
from trustbackup.store.streams import (
    BLOCK,
    Decompressed,
    sha256_of,
    write_compressed,
)

PLAIN = {
    "gzip": lambda data: zlib.decompress(data, wbits=31),
    "zstd": zstd.decompress,
    "bzip2": bz2.decompress,
    "none": bytes,
}
SOME = b"".join(hashlib.sha256(str(n).encode()).digest() + b"text " * 20 for n in range(20_000))


@pytest.mark.parametrize("how", COMPRESSIONS)
@pytest.mark.parametrize("data", [b"", b"x", SOME[: BLOCK - 1], SOME[:BLOCK], SOME], ids=len)
def test_what_goes_in_comes_out_by_other_tools_and_by_ours(
    tmp_path: Path, how: str, data: bytes
) -> None:
    target = io.BytesIO()
    seen: list[int] = []
    stored = write_compressed(io.BytesIO(data), target, get_compression(how), seen.append)
    packed = target.getvalue()
    assert PLAIN[how](packed) == data
    assert (stored.size, stored.raw_size) == (len(packed), len(data))
    assert stored.sha256 == hashlib.sha256(packed).hexdigest()
    assert seen == sorted(seen)
    assert not data or seen[-1] == len(data)
    path = tmp_path / "file"
    path.write_bytes(packed)
    assert sha256_of(path) == stored.sha256
    if data:
        with Decompressed(path) as raw:
            assert b"".join(iter(lambda: raw.read(BLOCK), b"")) == data


@settings(max_examples=30, deadline=None)
@given(data=st.binary(max_size=5000), step=st.integers(1, 700))
def test_a_target_that_takes_a_part_gets_all(data: bytes, step: int) -> None:
    class Slow(io.BytesIO):
        def write(self, block, /):  # type: ignore[no-untyped-def, override] # noqa: ANN001, ANN202
            return super().write(bytes(block[:step]))

    target = Slow()
    write_compressed(io.BytesIO(data), target, get_compression("gzip"))
    assert PLAIN["gzip"](target.getvalue()) == data


@pytest.mark.parametrize("how", ["gzip", "zstd", "bzip2"])
@pytest.mark.parametrize("cut", [0.1, 0.5, 0.999])
def test_truncated_data_is_one_error_and_never_an_end(tmp_path: Path, how: str, cut: float) -> None:
    path = tmp_path / "backup_x.dump"
    target = io.BytesIO()
    write_compressed(io.BytesIO(SOME), target, get_compression(how))
    path.write_bytes(target.getvalue()[: int(len(target.getvalue()) * cut)])
    with pytest.raises(ManifestError, match=r"backup_x\.dump can't be decompressed"):
        read_all(path)


def read_all(path: Path) -> None:
    with Decompressed(path) as raw:
        while raw.read(BLOCK):
            pass


@pytest.mark.parametrize("how", ["gzip", "zstd", "bzip2"])
def test_a_flipped_bit_is_one_error(tmp_path: Path, how: str) -> None:
    target = io.BytesIO()
    write_compressed(io.BytesIO(SOME), target, get_compression(how))
    for part in (3, 5, 7):
        data = bytearray(target.getvalue())
        data[len(data) * part // 8] ^= 0x10
        path = tmp_path / f"{part}"
        path.write_bytes(data)
        with pytest.raises(ManifestError, match="truncated or damaged"):
            read_all(path)


def test_the_compression_is_known_by_the_first_bytes_not_by_the_name(tmp_path: Path) -> None:
    path = tmp_path / "misnamed.gz"
    path.write_bytes(bz2.compress(b"data"))
    with Decompressed(path) as raw:
        assert raw.compression.name == "bzip2"
        assert raw.read() == b"data"
    assert sniff_compression(b"").name == "none"
    assert sniff_compression(b"PGDMP").name == "none"


def test_an_unknown_compression_is_refused() -> None:
    with pytest.raises(UsageError, match="'rar'"):
        get_compression("rar")


UNDER_WAY = 16


class Endless:
    def __init__(self, blocks: int) -> None:
        self.left = blocks

    def readinto(self, buffer: memoryview, /) -> int:
        self.left -= 1
        return len(buffer) if self.left >= 0 else 0


class Sink:
    def write(self, data: bytes | memoryview, /) -> int:
        return len(data)


@pytest.mark.parametrize("how", ["none", "gzip"])
def test_memory_does_not_grow_with_the_data(how: str) -> None:
    peaks = []
    for blocks in (20, 200):
        tracemalloc.start()
        write_compressed(Endless(blocks), Sink(), get_compression(how))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(peaks) < (UNDER_WAY + 4) * BLOCK


def test_a_reporter_that_stops_ends_it_at_once() -> None:
    source = Endless(1000)

    def stop(done: int) -> None:
        if done > 5 * BLOCK:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_compressed(source, Sink(), get_compression("gzip"), stop)
    assert source.left > 980


@pytest.mark.parametrize("how", ["none", "gzip", "zstd"])
def test_a_target_that_fails_ends_it_with_its_error(how: str) -> None:
    class Full:
        def write(self, data: bytes | memoryview, /) -> int:
            raise OSError(28, "No space left on device")

    source = Endless(1000)
    with pytest.raises(OSError, match="No space left"):
        write_compressed(source, Full(), get_compression(how))
    assert source.left > 980


@pytest.mark.parametrize("how", ["none", "gzip"])
def test_nothing_is_written_after_an_interruption_at_the_very_end(how: str) -> None:
    source, interrupted = Endless(14), threading.Event()

    class Slow:
        writes = 0

        def write(self, data: bytes | memoryview, /) -> int:
            self.writes += 1
            if self.writes == 3:
                # All blocks are read at once; then the caller waits for the slow target.
                wait_for(lambda: source.left < 0)
                os.kill(os.getpid(), signal.SIGALRM)
                assert interrupted.wait(120)
            return len(data)

    def interrupt(_number: int, _frame: object) -> None:
        interrupted.set()
        raise KeyboardInterrupt

    target, threads = Slow(), threading.enumerate()
    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            write_compressed(source, target, get_compression(how))
    finally:
        signal.signal(signal.SIGALRM, previous)
    wait_for(lambda: threading.enumerate() == threads)  # nobody is left who could write
    assert target.writes < 14


@given(data=st.binary(max_size=5000), step=st.integers(1, 4000))
@settings(max_examples=50, deadline=None)
def test_nothing_is_lost_between_two_steps(data: bytes, step: int) -> None:
    target = io.BytesIO()
    stored = write_compressed(io.BytesIO(data), target, get_compression("gzip"), step=step)
    assert zlib.decompress(target.getvalue(), wbits=31) == data
    assert stored.raw_size == len(data)
    assert stored.sha256 == hashlib.sha256(target.getvalue()).hexdigest()
