"""Attacks 11, 12 and 13, and whatever else an upload may try: a sentence, and nothing written."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client

from tests.support.uploads import (
    BOUNDARY,
    GOOD,
    ID,
    NAME,
    PAGE,
    assert_refused,
    multipart,
    plain,
    send,
    sqlite_bytes,
    tarred,
    zipped,
)
from trustbackup.store.compression import zstd

KIND = f"multipart/form-data; boundary={BOUNDARY}"


# ------------------------------------------------------------------ hostile archives

BAD_NAMES = [
    f"../{NAME}",
    f"../../{NAME}",
    f"/tmp/{NAME}",
    f"./{NAME}",
    f"folder/{NAME}",
    f"..\\{NAME}",
    "/etc/passwd",
    "..",
    ".drafts/x",
    ".bashrc",
    "notes.txt",
    f"{NAME}\n",
    f"{NAME} ",
    "-rf",
    "<script>alert(1)</script>",
    NAME.replace("dump", "dump\u202e"),
]


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize("form", ["zip", "tar", "tar.gz"])
def test_attack_11_a_member_of_another_name_refuses_all(
    folder: Path, operator: Client, form: str, name: str
) -> None:
    members = {f"backup_{ID}_2.dump.gz": GOOD, name: GOOD}
    if form == "zip":
        data = zipped(members)
    else:
        data = tarred([plain(*item) for item in members.items()], packed=form == "tar.gz")
    response = send(operator, (f"bundle.{form}", data))
    assert_refused(response, folder, "is no file of a backup")
    assert "<script>" not in response.content.decode().split("tb-error")[1].split("</p>")[0]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_attack_11_a_file_of_another_name_gets_one_of_ours(
    folder: Path, operator: Client, name: str
) -> None:
    """What a browser says that a file is called is never a path."""
    body = multipart({"complete": "1"}, [])[: -len(f"--{BOUNDARY}--\r\n")]
    safe = name.replace("\n", "\\n").encode()
    head = b'Content-Disposition: form-data; name="files"; filename="' + safe + b'"'
    body = f"--{BOUNDARY}\r\n".encode() + head + b"\r\n\r\n" + GOOD + b"\r\n" + body
    body += f"--{BOUNDARY}--\r\n".encode()
    response = operator.post(PAGE, body, content_type=KIND)
    # ".." is no file's name for Django itself.
    assert response.status_code == (422 if name == ".." else 302), response.content
    paths = [path for path in folder.parent.rglob("*") if path.is_file()]
    assert all(path.parent == folder and path.name.startswith("backup_2") for path in paths)


def test_attack_11_a_nul_in_a_name(folder: Path, operator: Client) -> None:
    data = zipped({NAME + "#../../x": GOOD}).replace(b"#", b"\0")
    assert_refused(send(operator, ("bundle.zip", data)), folder, "is no file of a backup")


def kind(flag: bytes, name: str = NAME, linkname: str = "/etc/passwd") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = flag, linkname
    return info


@pytest.mark.parametrize(
    "flag",
    [
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.FIFOTYPE,
        tarfile.CHRTYPE,
        tarfile.BLKTYPE,
        tarfile.DIRTYPE,
        tarfile.CONTTYPE,
        tarfile.GNUTYPE_SPARSE,
        b"Z",
    ],
)
def test_attack_12_a_tar_with_more_than_files(folder: Path, operator: Client, flag: bytes) -> None:
    bad = tarred([plain(f"backup_{ID}_2.dump.gz", GOOD), (kind(flag), b"")])
    assert_refused(send(operator, ("bundle.tar.gz", bad)), folder, "its member")


@pytest.mark.parametrize("form", ["zip", "tar"])
def test_attack_12_a_file_through_a_linked_parent(
    folder: Path, operator: Client, form: str
) -> None:
    if form == "tar":
        link = kind(tarfile.SYMTYPE, "backup_x.dump", "/")
        data = tarred([(link, b""), plain("backup_x.dump/owned", b"x")])
    else:
        data = zipped({"backup_x.dump": b"/", "backup_x.dump/owned": b"x"}, as_link)
    assert_refused(send(operator, ("bundle", data)), folder, "is no plain file")


def as_link(info: zipfile.ZipInfo) -> None:
    info.create_system, info.external_attr = 3, 0o120777 << 16


def as_fifo(info: zipfile.ZipInfo) -> None:
    info.create_system, info.external_attr = 3, 0o010666 << 16


@pytest.mark.parametrize("change", [as_link, as_fifo])
def test_attack_12_a_zip_with_more_than_files(
    folder: Path, operator: Client, change: Callable[[zipfile.ZipInfo], None]
) -> None:
    response = send(operator, ("bundle.zip", zipped({NAME: b"/etc/passwd"}, change)))
    assert_refused(response, folder, "is no plain file")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("form", ["zip", "tar"])
def test_a_name_that_comes_twice(folder: Path, operator: Client, form: str) -> None:
    if form == "tar":
        data = tarred([plain(NAME, GOOD), plain(NAME, b"another")])
    else:
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr(NAME, GOOD)
            archive.writestr(NAME, b"another")
        data = target.getvalue()
    assert_refused(send(operator, ("bundle", data)), folder, "comes twice")


def test_an_encrypted_zip(folder: Path, operator: Client) -> None:
    data = bytearray(zipped({NAME: GOOD}))
    directory = data.index(b"PK\x01\x02")
    for place in (6, directory + 8):
        data[place] |= 1
    assert_refused(send(operator, ("bundle.zip", bytes(data))), folder, "is encrypted")


def test_an_archive_in_an_archive_is_not_opened(folder: Path, operator: Client) -> None:
    inner = zipped({f"../{NAME}": GOOD})
    assert_refused(send(operator, ("bundle.zip", zipped({NAME: inner}))), folder, "zip archive")


# ------------------------------------------------------------------------------ bombs


# ----------------------------------------------------------------------- not a backup


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (b"hello", "text"),
        (b"DROP TABLE shop_order;", "SQL"),
        (gzip.compress(b"", mtime=0), "empty"),
        (gzip.compress(b"\\! rm -rf /\n", mtime=0), "SQL"),
        (b"PGDMP" + bytes(100), "PostgreSQL"),
        (b"PK\x03\x04 no zip", "damaged"),
        (b"PK\x05\x06" + bytes(18), "No backup was given"),
        (b"\x00\x01\x02\x03", "first bytes"),
        (b"{}", "text"),
        (b'{"schema": 1, "id": "x", "parts": []}', "not valid"),
        (b'{"schema": 1, "id": 5, "parts": []}', "not valid"),
        (b'{"schema": 99, "id": "x", "parts": []}', "schema 99"),
        (b"{" * 100_000, "text"),
        (GOOD[:-1], "truncated"),
        (GOOD[: len(GOOD) // 2], "truncated"),
        (GOOD[:5], "truncated"),
        (zstd.compress(sqlite_bytes())[:-4], "truncated"),
        (sqlite_bytes()[:-1], "cut short"),
        (sqlite_bytes()[:50], "cut short"),
        (tarred([plain(NAME, GOOD)])[:-100], "truncated"),
        (tarred([plain(NAME, GOOD)], packed=False)[:600], "cut short"),
        (tarred([plain(NAME, GOOD)], packed=False)[:1536], "cut short"),
        (tarred([plain(NAME, GOOD)], packed=False) + b"more", "follows its end"),
        (zipped({NAME: GOOD})[:-10], "damaged"),
        (zipped({NAME: GOOD}).replace(GOOD, GOOD[:-1] + b"!"), "damaged"),
    ],
)
def test_what_is_no_backup_is_a_sentence(
    folder: Path, operator: Client, data: bytes, word: str
) -> None:
    assert_refused(send(operator, ("upload", data)), folder, word)


@pytest.mark.parametrize("name", [f"backup_{ID}.manifest.json", f"backup_{ID}.record.json"])
@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"null", b'{"schema": 1}', b"\xff\xfe"])
def test_a_manifest_or_record_of_nonsense(
    folder: Path, operator: Client, name: str, data: bytes
) -> None:
    assert_refused(send(operator, (name, data)), folder)


def test_one_bad_file_refuses_all_that_came_with_it(folder: Path, operator: Client) -> None:
    assert_refused(send(operator, (NAME, GOOD), ("other", b"no dump")), folder, "other")


# ------------------------------------------------------------------------ the request


# ------------------------------------------------------------------- a real server


# ------------------------------------------------------------------------- crashes
