"""Attack 13: what is small when it arrives and large when it is unpacked."""

from __future__ import annotations

import hashlib
import io
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.support.backups import make
from tests.support.damage import sign_again
from tests.support.sites import Site
from tests.support.uploads import (
    GOOD,
    ID,
    NAME,
    assert_nothing_written,
    assert_refused,
    send,
    sqlite_bytes,
    zipped,
)
from trustbackup.exceptions import FolderError
from trustbackup.operations.transfer import candidates, unpack
from trustbackup.operations.transfer.adopt import adopt_received
from trustbackup.store import staging
from trustbackup.store.compression import zstd


def test_attack_13_a_zip_bomb_is_not_unpacked(folder: Path, operator: Client) -> None:
    target = io.BytesIO()
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open(NAME, "w") as member,
    ):
        for _ in range(64):
            member.write(bytes(1 << 20))
    response = send(operator, ("bomb.zip", target.getvalue()))
    assert_refused(response, folder, "would unpack to 67,108,864 bytes")


def test_attack_13_a_zip_that_lies_about_its_size(folder: Path, operator: Client) -> None:
    data = bytearray(zipped({NAME: bytes(40 << 20)}, compression=zipfile.ZIP_DEFLATED))
    directory = data.index(b"PK\x01\x02")
    struct.pack_into("<I", data, 22, 1000)
    struct.pack_into("<I", data, directory + 24, 1000)
    assert_refused(send(operator, ("bomb.zip", bytes(data))), folder, "damaged")


def test_attack_13_a_tar_bomb_stops(folder: Path, operator: Client) -> None:
    info = tarfile.TarInfo(NAME)
    info.size = 1 << 40
    raw = info.tobuf() + bytes(64 << 20)
    response = send(operator, ("bomb.tar.zst", zstd.compress(raw)))
    assert_refused(response, folder, "unpacks to more than")


def test_attack_13_an_extended_header_is_not_read_into_memory(
    folder: Path, operator: Client
) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 1 << 30
    response = send(operator, ("bomb.tar", info.tobuf() + bytes(1 << 20)))
    assert_refused(response, folder, "extended header")


def test_attack_13_a_zip_whose_directory_is_huge(folder: Path, operator: Client) -> None:
    entry = zipped({NAME: b""})
    directory = entry.index(b"PK\x01\x02")
    end = entry.index(b"PK\x05\x06")
    filler = bytes(8 << 20)
    data = bytearray(entry[:end] + filler + entry[end:])
    struct.pack_into("<I", data, len(filler) + end + 12, end - directory + len(filler))
    response = send(operator, ("bomb.zip", bytes(data)))
    assert_refused(response, folder, "directory is too large")


def test_attack_13_a_dump_alone_stops_at_a_bound(
    folder: Path, operator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "ALLOWANCE", 1 << 20)
    bomb = zstd.compress(sqlite_bytes() + bytes(64 << 20))
    assert_refused(send(operator, (NAME, bomb)), folder, "unpacks to more than")


def test_attack_13_a_dump_with_a_manifest_stops_at_the_signed_size(
    folder: Path, operator: Client, sqlite_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make(sqlite_site)
    bomb = zstd.compress(sqlite_bytes() + bytes(256 << 20))
    file = Path(made["files"][0]["path"])

    def describe(document: dict[str, Any]) -> None:
        (part,) = document["parts"]
        part["bytes"], part["sha256"] = len(bomb), hashlib.sha256(bomb).hexdigest()

    sign_again(made, describe)
    read: list[int] = []
    whole = unpack.SizeLimited.read
    monkeypatch.setattr(
        unpack.SizeLimited,
        "read",
        lambda self, size=-1: read.append(1) or whole(self, size),
    )
    manifest = Path(made["manifest"])
    response = send(operator, (manifest.name, manifest.read_bytes()), (file.name, bomb))
    size = f"{made['files'][0]['raw_bytes']:,}"
    assert_refused(response, folder, f"unpacks to more than {size} bytes")
    assert len(read) < 8


def test_attack_13_a_bundle_is_bounded_by_the_room(
    folder: Path, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = zipped({NAME: GOOD, f"backup_{ID}_2.dump.gz": GOOD})
    with staging.begin(folder) as box:
        box.left = len(data) + len(GOOD)
        with box.receive("bundle.zip") as file:
            file.write(data)
        with pytest.raises(FolderError, match="does not fit"):
            adopt_received(box)
    assert_nothing_written(folder)
