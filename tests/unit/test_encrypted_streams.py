"""Encrypted files that are damaged: an error ends them, and what came out before it was right."""

from __future__ import annotations

import io
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.keys import Key, new_key
from trustbackup.exceptions import FolderError, ManifestError
from trustbackup.store import identities
from trustbackup.store.age import check_encrypted
from trustbackup.store.compression import get_compression
from trustbackup.store.streams import Decompressed, Written, write_compressed

RAW = os.urandom(300_000)
CHUNK = 64 << 10
HEADER = re.compile(rb"\n--- [^\n]+\n")


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return new_key(tmp_path_factory.mktemp("key"))


class Source(io.BytesIO):
    """What is backed up."""


def store(path: Path, *keys: Key, raw: bytes = RAW) -> Written:
    how = get_compression("none").encrypted_to(tuple(key.recipient for key in keys))
    with path.open("wb", buffering=0) as target:
        return write_compressed(Source(raw), target, how)  # type: ignore[arg-type]


def read(path: Path, key: Key) -> tuple[bytes, Exception | None]:
    """What came out, and what ended it."""
    known = identities.read_identities(key.identity.read_bytes())
    out = bytearray()
    try:
        with identities.using(known), Decompressed(path) as raw:
            while block := raw.read(10_000):
                out += block
    except ManifestError as error:
        return bytes(out), error
    return bytes(out), None


def boundaries(data: bytes) -> list[int]:
    """Where the header ends, and each authenticated chunk."""
    match = HEADER.search(data)
    assert match
    start = match.end() + 16
    return [match.end(), *range(start, len(data), CHUNK + 16), len(data)]


DAMAGES: dict[str, Callable[[bytes, int], bytes]] = {
    "cut": lambda data, at: data[:at],
    "flipped": lambda data, at: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :],
    "a chunk gone": lambda data, at: data[:at] + data[at + CHUNK + 16 :],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_attack_13_damage_at_every_boundary_ends_with_an_error(
    damage: str, key: Key, tmp_path: Path
) -> None:
    path = tmp_path / "backup.dump.age"
    store(path, key)
    good = path.read_bytes()
    assert read(path, key) == (RAW, None)
    found = boundaries(good)
    assert len(found) > 5
    points = {at + by for at in found for by in (-1, 0, 1) if 0 <= at + by < len(good)}
    for at in sorted(points):
        damaged = DAMAGES[damage](good, at)
        if damaged == good:
            continue
        path.write_bytes(damaged)
        out, error = read(path, key)
        assert error is not None, at
        assert "truncated or damaged" in str(error)
        assert out == RAW[: len(out)]
        assert len(out) < len(RAW) or damage == "cut", at
    assert not [each for each in threading.enumerate() if "crypt" in each.name]


def test_what_is_read_back_must_be_encrypted_to_the_keys_that_were_asked_for(
    key: Key, tmp_path: Path
) -> None:
    other, path = new_key(tmp_path, "other"), tmp_path / "backup.dump.age"
    keys = (key.recipient, other.recipient)
    written = store(path, key, other)
    check_encrypted(path, keys, written.plain_size)
    ssh = "ssh-ed25519 " + "A" * 68
    good = path.read_bytes()
    for recipients, size, content in (
        (keys[:1], written.plain_size, good),
        ((*keys, key.recipient), written.plain_size, good),
        ((keys[0], ssh), written.plain_size, good),
        (keys, written.plain_size - 1, good),
        (keys, written.plain_size, good[:-1]),
        (keys, len(RAW), RAW),
        (keys, 0, b""),
    ):
        path.write_bytes(content)
        with pytest.raises(FolderError, match="not encrypted as it should be"):
            check_encrypted(path, recipients, size)


def test_fault_13_what_writing_raises_comes_out_as_it_was(key: Key) -> None:
    full = OSError(28, "No space left on device")

    class Full:
        room = 150_000

        def write(self, data: bytes | memoryview) -> int:
            self.room -= len(data)
            if self.room < 0:
                raise full
            return len(data)

    how = get_compression("gzip").encrypted_to((key.recipient,))
    with pytest.raises(OSError, match="No space") as caught:
        write_compressed(Source(RAW * 20), Full(), how)  # type: ignore[arg-type]
    assert caught.value is full
    assert not [each for each in threading.enumerate() if "crypt" in each.name]
