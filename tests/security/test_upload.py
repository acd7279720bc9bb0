"""Attacks 11, 12 and 13, and whatever else an upload may try: a sentence, and nothing written."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import socket
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import AsyncClient, Client

from tests.browser.conftest import PASSWORD, Served, serving
from tests.support.backups import leftovers, make, snapshot, wait_for
from tests.support.damage import sign_again
from tests.support.loops import run_async
from tests.support.sites import Site
from tests.support.uploads import (
    BOUNDARY,
    PAGE,
    Visitor,
    multipart,
    plain,
    sqlite_bytes,
    tarred,
    zipped,
)
from trustbackup.exceptions import Busy, FolderError, TrustbackupError
from trustbackup.operations import incoming, unpack
from trustbackup.operations.adopt import adopt_received
from trustbackup.store import drafts, durable, intake
from trustbackup.store.compression import zstd
from trustbackup.store.entry import scan

ID = "2026-11-20_10-00-00"
NAME = f"backup_{ID}.dump.gz"
GOOD = gzip.compress(sqlite_bytes(), mtime=0)
KIND = f"multipart/form-data; boundary={BOUNDARY}"


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    """The backup folder, in one that must stay empty but for it."""
    root = tmp_path / "own" / "backups"
    settings.TRUSTBACKUP = {"ROOT": root}
    return root


@pytest.fixture
def operator(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("operator"))
    return client


def send(client: Client, *files: tuple[str, bytes]) -> Any:
    sent = [SimpleUploadedFile(name, data) for name, data in files]
    return client.post(PAGE, {"files": sent, "complete": "1"})


def assert_nothing_written(folder: Path) -> None:
    """Neither in the backup folder nor beside it."""
    assert set(snapshot(folder.parent)) <= {"backups", "backups/.drafts", "backups/.deleted"}


def assert_refused(response: Any, folder: Path, *words: str) -> None:
    page = response.content.decode()
    assert response.status_code == 422, page
    for word in words:
        assert word in page
    assert str(folder.parent) not in page
    assert_nothing_written(folder)


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
    monkeypatch.setattr(incoming, "ALLOWANCE", 1 << 20)
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
    whole = unpack.Bounded.read
    monkeypatch.setattr(
        unpack.Bounded,
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
    with intake.begin(folder) as box:
        box.left = len(data) + len(GOOD)
        with box.receive("bundle.zip") as file:
            file.write(data)
        with pytest.raises(FolderError, match="does not fit"):
            adopt_received(box)
    assert_nothing_written(folder)


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


@pytest.mark.parametrize("rights", [[], ["view"], ["add"], ["view", "change", "download"]])
def test_attack_22_who_may_not_add_is_refused_before_the_body_is_read(
    client: Client, db: None, folder: Path, rights: list[str]
) -> None:
    user = User.objects.create_user("somebody")
    names = [f"{right}_backup" for right in rights]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    for method in ("get", "post"):
        body = _Untouchable() if method == "post" else None
        extra = {"wsgi.input": body, "CONTENT_LENGTH": "1000"} if body else {}
        response = client.generic(method.upper(), PAGE, b"", KIND, **extra)
        assert response.status_code == 403
    assert not folder.exists()


class _Untouchable:
    def read(self, *_: object) -> bytes:
        raise AssertionError("the body was read")

    readline = read


def test_attack_22_who_is_not_signed_in_goes_to_the_login(client: Client, db: None) -> None:
    extra: dict[str, Any] = {"wsgi.input": _Untouchable(), "CONTENT_LENGTH": "1000"}
    response = client.generic("POST", PAGE, b"", KIND, **extra)
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/login/")


@pytest.mark.parametrize("token", ["", "x" * 64, "\x00"])
def test_attack_23_a_forged_request_leaves_nothing(db: None, folder: Path, token: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("operator"))
    client.get(PAGE)
    sent = {"csrfmiddlewaretoken": token, "complete": "1", "files": SimpleUploadedFile(NAME, GOOD)}
    assert client.post(PAGE, sent).status_code == 403
    assert client.post(PAGE, sent, headers={"origin": "https://evil.example"}).status_code == 403
    assert_nothing_written(folder)


def test_attack_23_the_right_token_is_accepted(db: None, folder: Path) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("operator"))
    token = client.get(PAGE).context["csrf_token"]
    sent = {"csrfmiddlewaretoken": str(token), "complete": "1"}
    files = {"files": SimpleUploadedFile(NAME, GOOD)}
    assert client.post(PAGE, {**sent, **files}).status_code == 302
    assert (folder / NAME).read_bytes() == GOOD


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace"])
def test_attack_22_other_methods(operator: Client, folder: Path, method: str) -> None:
    assert operator.generic(method.upper(), PAGE).status_code == 405


@pytest.mark.parametrize(
    "content_type",
    [KIND, "multipart/form-data", "multipart/form-data; boundary=\xff", "text/plain", "", "x"],
)
@pytest.mark.parametrize("body", [b"", b"nonsense", b"--a-boundary-of-the-tests\r\n\r\n"])
def test_attack_22_odd_bodies_are_no_500(
    operator: Client, folder: Path, content_type: str, body: bytes
) -> None:
    response = operator.generic("POST", PAGE, body, content_type)
    assert response.status_code in (400, 422)
    assert_nothing_written(folder)


def test_too_many_files_are_no_500(operator: Client, folder: Path) -> None:
    body = multipart({"complete": "1"}, [("x", b"x")] * 200)
    assert operator.generic("POST", PAGE, body, KIND).status_code == 400
    assert_nothing_written(folder)


@pytest.mark.parametrize("fraction", [0.2, 0.5, 0.9, 0.995])
def test_a_body_that_ends_early_leaves_nothing(
    operator: Client, folder: Path, fraction: float
) -> None:
    """A dump that is not compressed has no end of its own that could be missed."""
    body = multipart({"complete": "1"}, [("one", GOOD), ("two", sqlite_bytes())])
    response = operator.generic("POST", PAGE, body[: int(len(body) * fraction)], KIND)
    assert_refused(response, folder, "cut off")


def test_a_full_folder_is_a_sentence(
    operator: Client, settings: Any, small_tmpfs: Callable[[int], Path], db: None
) -> None:
    root = small_tmpfs(1 << 20) / "backups"
    settings.TRUSTBACKUP = {"ROOT": root}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intake, "room", lambda _root: 1 << 40)  # others fill it meanwhile
        response = send(operator, (NAME, os.urandom(3 << 20)))
    assert response.status_code == 422
    assert "No space left" in response.content.decode()
    assert leftovers(root) == []


@pytest.mark.django_db(transaction=True)
def test_under_asgi(folder: Path) -> None:
    client = AsyncClient()

    async def upload() -> int:
        sent = {"files": SimpleUploadedFile(NAME, GOOD), "complete": "1"}
        response = await client.post(PAGE, sent)
        return int(response.status_code)

    client.force_login(User.objects.create_superuser("operator"))
    assert run_async(upload()) == 302
    assert (folder / NAME).read_bytes() == GOOD


# ------------------------------------------------------------------- a real server


@pytest.fixture
def served(sqlite_site: Site) -> Iterator[Served]:
    with serving(sqlite_site) as found:
        yield found


def test_a_client_that_goes_away_leaves_nothing_and_unfinished_files_are_private(
    served: Served,
) -> None:
    root = served.site.backups
    visitor = Visitor(served.address)
    visitor.log_in("operator", PASSWORD)
    fields = {"csrfmiddlewaretoken": visitor.token(), "complete": "1"}
    body = multipart(fields, [("big.dump", sqlite_bytes() + os.urandom(8 << 20))])
    connection = visitor.connect()
    connection.putrequest("POST", PAGE)
    for name, value in visitor.headers(KIND, **{"Content-Length": str(len(body))}).items():
        connection.putheader(name, value)
    connection.endheaders(body[: 5 << 20])
    wait_for(lambda: list(root.glob(".drafts/upload-*/1/big.dump")))
    modes = {path.stat().st_mode & 0o077 for path in root.rglob("*")}
    assert modes == {0}
    assert connection.sock is not None
    connection.sock.shutdown(socket.SHUT_RDWR)
    connection.close()
    wait_for(lambda: not list(root.glob(".drafts/*")))
    assert not list(root.glob("backup_*"))
    status, _, page = visitor.upload(("whole.dump", sqlite_bytes()))
    assert status == 302, page


# ------------------------------------------------------------------------- crashes


def test_what_a_crash_left_of_an_upload_is_swept(folder: Path) -> None:
    durable.prepare_root(folder)
    left = folder / ".drafts" / f"{drafts.UPLOAD}0123"
    (left / "1").mkdir(parents=True)
    (left / "1" / NAME).write_bytes(GOOD)
    with intake.begin(folder) as other, intake.begin(folder):
        assert not left.exists()
        assert other.folder.is_dir(), "one that is alive was swept"
    assert leftovers(folder) == []


def test_a_crash_before_data_alone_was_whole_leaves_nothing(
    folder: Path, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two files without a manifest: between their renames nothing is listed."""
    names = [NAME, f"backup_{ID}.analytics.dump.gz"]
    with intake.begin(folder) as box:
        for name in names:
            with box.receive(name) as file:
                file.write(GOOD)
        seen: list[list[str]] = []
        rename = drafts.Draft._rename

        def look(draft: drafts.Draft, name: str) -> None:
            rename(draft, name)
            if len(seen) == 1:
                raise FolderError("The power fails")
            seen.append(list(scan(folder)))

        monkeypatch.setattr(drafts.Draft, "_rename", look)
        with pytest.raises(TrustbackupError, match="The power fails"):
            adopt_received(box)
    assert seen == [[]]
    assert_nothing_written(folder)


def test_a_crash_after_data_alone_was_whole_keeps_it(folder: Path) -> None:
    durable.prepare_root(folder)
    (folder / ".drafts" / ID).mkdir()  # its journal is gone: everything was in place
    (folder / NAME).write_bytes(GOOD)
    drafts.sweep(folder)
    assert (folder / NAME).read_bytes() == GOOD
    assert leftovers(folder) == []


def test_an_id_that_is_being_made_is_not_taken(folder: Path) -> None:
    with drafts.begin_as(folder, ID), pytest.raises(Busy), drafts.begin_as(folder, ID):
        pass
