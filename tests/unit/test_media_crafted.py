"""Archives that somebody made to get out of the folder: refused, with nothing written outside."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.media import a_file, archived, index_of, members, put, snapshot
from trustbackup.contents.media.index import Member, MemberKind, read_index
from trustbackup.contents.media.unpack import unpack
from trustbackup.exceptions import ManifestError
from trustbackup.store.compression import COMPRESSIONS

A = a_file("a", b"a", hashlib.sha256(b"a").hexdigest())
B = replace(A, path="b")
FOLDER = replace(A, path="f", kind=MemberKind.FOLDER, size=0, sha256="")
LINK = replace(FOLDER, path="l", kind=MemberKind.LINK, target="/etc")


def file(name: str, content: bytes = b"a") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    return info, content


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def as_told(member: Member) -> tuple[tarfile.TarInfo, bytes]:
    name = member.path.replace("\0", "")
    if member.kind is MemberKind.FILE:
        return file(name)
    kinds = {MemberKind.FOLDER: tarfile.DIRTYPE, MemberKind.LINK: tarfile.SYMTYPE}
    return special(name, kinds[member.kind], member.target)


def tar_of(*found: tuple[tarfile.TarInfo, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, content in found:
            tar.addfile(info, io.BytesIO(content))
    return target.getvalue()


def refused(tmp_path: Path, tar: bytes, index: bytes, word: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "here").write_text("here")
    before = snapshot(outside)
    with pytest.raises(ManifestError, match=word) as caught:
        put(tar, index, tmp_path / "outside.new")
    assert "\n" not in str(caught.value)
    assert snapshot(outside) == before
    assert {path.name for path in tmp_path.iterdir()} == {"outside", "outside.new"}


def test_a_sound_one_is_unpacked(tmp_path: Path) -> None:
    put(tar_of(file("a"), file("b")), index_of([A, B]), tmp_path / "new")
    assert (tmp_path / "new" / "b").read_bytes() == b"a"


@pytest.mark.parametrize(
    ("found", "word"),
    [
        ([replace(A, path="../a")], "no place"),
        ([replace(A, path="/etc/a")], "no place"),
        ([replace(A, path="a//b")], "no place"),
        ([replace(A, path="./a")], "no place"),
        ([FOLDER, replace(A, path="f/..")], "no place"),
        ([replace(A, path="")], "no place"),
        ([replace(A, path="a\0b")], "no place"),
        ([A, A], "twice"),
        ([B, A], "order"),
        ([replace(A, path="f/a")], "no folder"),
        ([LINK, replace(A, path="l/a")], "no folder"),
        ([FOLDER, A], "order"),
        ([A, replace(A, path="a/b")], "no folder"),
    ],
)
def test_attack_11_an_index_that_leads_elsewhere_is_refused(
    tmp_path: Path, found: list[Member], word: str
) -> None:
    tar = tar_of(*map(as_told, found))
    refused(tmp_path, tar, index_of(found), word)


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"{}",
        b"null",
        b'{"path": 1}',
        b"not json",
        b"[" * 100_000,
        index_of([A]).strip().replace(b'"size":1', b'"size":-1'),
        index_of([A]).strip().replace(b'"size":1', b'"size":true'),
        index_of([A]).strip().replace(b'"size":1', b'"size":99999999999999999999'),
        index_of([A]).strip().replace(b'"kind":"file"', b'"kind":"device"'),
        index_of([A]).strip().replace(b'"sha256":"', b'"sha256":"0'),
        index_of([A]).strip().replace(b'"target":""', b'"target":"x"'),
        index_of([A]).strip().replace(b'"target":""', b'"more":""'),
        index_of([A]).strip().replace(b'"path":"a"', b'"path":"\\ud800"'),
        index_of([LINK]).strip().replace(b'"target":"/etc"', b'"target":""'),
        b'{"path":"' + b"a" * (2 << 20),
    ],
)
def test_a_line_that_makes_no_sense_is_one_sentence(line: bytes) -> None:
    with pytest.raises(ManifestError, match="list of files") as caught:
        list(read_index(io.BytesIO(line + b"\n")))
    assert len(str(caught.value)) < 500


def test_an_index_without_its_end_is_refused() -> None:
    with pytest.raises(ManifestError, match="no end"):
        list(read_index(io.BytesIO(index_of([A, B])[:-1])))


@pytest.mark.parametrize(
    ("tar", "word"),
    [
        (tar_of(file("a"), file("../b")), "in the place of"),
        (tar_of(file("a"), file("/b")), "in the place of"),
        (tar_of(file("a"), special("b", tarfile.SYMTYPE, "/etc/passwd")), "in the place of"),
        (tar_of(file("a"), special("b", tarfile.LNKTYPE, "/etc/passwd")), "in the place of"),
        (tar_of(file("a"), special("b", tarfile.CHRTYPE)), "in the place of"),
        (tar_of(file("a"), special("b", tarfile.FIFOTYPE)), "in the place of"),
        (tar_of(file("a"), special("b", tarfile.DIRTYPE)), "in the place of"),
        (tar_of(file("a"), file("a"), file("b")), "in the place of"),
        (tar_of(file("a"), file("b"), file("b")), "besides"),
        (tar_of(file("a")), "has no 'b'"),
        (tar_of(file("a"), file("b", b"")), "another one"),
        (tar_of(file("a"), file("b", b"x")), "its hash"),
        (tar_of(file("a"), file("b"))[:1025], "ends within|too early|has no"),
        (b"", "has no|not unpacked"),
        (b"x" * 2000, "not unpacked"),
    ],
)
def test_attack_12_a_tar_that_is_not_what_its_index_says_is_refused(
    tmp_path: Path, tar: bytes, word: str
) -> None:
    refused(tmp_path, tar, index_of([A, B]), word)


def test_attack_13_a_header_that_asks_for_all_the_memory_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 1 << 33
    head = info.tobuf(tarfile.GNU_FORMAT)

    class Endless:
        """Zeros for ever, as a bomb unpacks to."""

        def __init__(self) -> None:
            self.given = 0

        def read(self, size: int = -1) -> bytes:
            data = (head + bytes(size))[self.given : self.given + size] if self.given < 512 else b""
            data = data or bytes(size)
            self.given += len(data)
            return data

    bomb = Endless()
    with pytest.raises(ManifestError, match="header"):
        list(unpack(bomb, io.BytesIO(index_of([A]))))
    assert bomb.given < 1 << 20


@pytest.mark.parametrize("flip", [lambda data: data[:-2000], lambda data: data[: len(data) // 2]])
def test_fault_34_an_archive_that_was_cut_is_refused(
    tmp_path: Path, flip: Callable[[bytes], bytes]
) -> None:
    live = tmp_path / "live"
    live.mkdir()
    for number in range(9):
        (live / str(number)).write_bytes(bytes([number]) * 5000)
    found = archived(live)
    raw = COMPRESSIONS["gzip"].reader(io.BytesIO(found.packed)).read()
    end = len(raw.rstrip(b"\0"))
    with pytest.raises(ManifestError):
        put(flip(raw[:end]), found.index, tmp_path / "back")
    assert members(found.index)
