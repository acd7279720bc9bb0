"""A folder goes into one tar and comes back, whatever is in it."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.media import archived, members, put, snapshot
from trustbackup.contents.media.archive import SMALL, FolderArchive
from trustbackup.contents.media.compare import differences
from trustbackup.contents.media.selection import Selection
from trustbackup.contents.media.walk import Mishap
from trustbackup.exceptions import DumpError
from trustbackup.store.compression import COMPRESSIONS

names = st.binary(min_size=1, max_size=12).filter(
    lambda name: not set(name) & {0, 0x2F} and name not in (b".", b"..")
)
modes = st.sampled_from([0o600, 0o644, 0o755, 0o440, 0o777])
times = st.integers(-(10**17), 4 * 10**18)
leaves = st.one_of(
    st.tuples(st.just("file"), st.binary(max_size=2000), modes, times),
    st.tuples(st.just("link"), names.map(lambda name: b"../" + name)),
)
trees = st.recursive(
    st.dictionaries(names, leaves, max_size=4),
    lambda inner: st.dictionaries(
        names, st.one_of(leaves, st.tuples(st.just("folder"), inner, modes, times)), max_size=4
    ),
    max_leaves=12,
)


def make(folder: Path, tree: dict[bytes, tuple[Any, ...]]) -> None:
    for name, (kind, *what) in tree.items():
        path = folder / os.fsdecode(name)
        if kind == "link":
            path.symlink_to(os.fsdecode(what[0]))
            continue
        content, mode, mtime = what
        if kind == "file":
            path.write_bytes(content)
        else:
            path.mkdir()
            make(path, content)
            mode |= 0o700
        path.chmod(mode)
        os.utime(path, ns=(mtime, mtime))


@contextmanager
def folders() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp())
    try:
        yield path
    finally:
        shutil.rmtree(path)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(tree=trees, how=st.sampled_from(sorted(COMPRESSIONS)))
def test_any_tree_of_files_comes_back_as_it_was(
    tree: dict[bytes, tuple[Any, ...]], how: str
) -> None:
    with folders() as folder:
        live, back = folder / "live", folder / "back"
        live.mkdir()
        make(live, tree)
        before = snapshot(live)
        found = archived(live, how=how)
        assert not found.mishaps.counts
        raw = COMPRESSIONS[how].reader(io.BytesIO(found.packed)).read()
        assert len(raw) == found.raw_size
        put(raw, found.index, back)
        assert snapshot(back) == before
        assert list(differences(back, members(found.index))) == []
        # The same tree is the same archive.
        assert archived(live, how=how).packed == found.packed


def test_tar_alone_brings_it_back(tmp_path: Path) -> None:
    live, back = tmp_path / "live", tmp_path / "back"
    live.mkdir()
    back.mkdir()
    tree: dict[bytes, tuple[Any, ...]] = {
        b"new\nline": ("file", b"a" * 9000, 0o640, 1_700_000_000_123_456_789),
        b"\xff\xfe": ("file", b"b", 0o600, -1_500_000_000),
        "Größe ß".encode(): ("folder", {b"x" * 200: ("link", b"../new")}, 0o755, 5),
        b"empty": ("folder", {}, 0o750, 7),
    }
    make(live, tree)
    found = archived(live)
    subprocess.run(["tar", "-xzpf", "-", "-C", back], input=found.packed, check=True)
    assert snapshot(back) == snapshot(live)


def test_a_file_over_8_gib_has_its_size_in_the_archive(tmp_path: Path) -> None:
    size = (8 << 30) + 5
    with (tmp_path / "large").open("wb") as file:
        file.truncate(size)
    archive = FolderArchive(tmp_path, Selection(), io.BytesIO())
    with closing(archive):
        head = bytearray(4096)
        archive.readinto(memoryview(head))
    with tarfile.open(fileobj=io.BytesIO(bytes(head)), mode="r|") as tar:
        info = tar.next()
        assert info is not None
        assert (info.name, info.size) == ("large", size)


def test_what_is_compressed_already_is_not_compressed_again(tmp_path: Path) -> None:
    noise = os.urandom(300_000)
    (tmp_path / "a.txt").write_bytes(b"text " * 60_000)
    (tmp_path / "b.txt").write_bytes(noise)  # names lie
    (tmp_path / "c.jpg").write_bytes(b"text " * 60_000)
    (tmp_path / "d").write_bytes(noise + os.urandom(2 * SMALL))
    found = archived(tmp_path)
    # What is stored can be read in the file as it is, but for the heads of its blocks.
    assert noise[:50_000] in found.packed
    assert len(found.packed) < len(noise) * 2 + 2 * SMALL + 20_000
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(found.packed))) as tar:
        assert tar.getnames() == ["a.txt", "b.txt", "c.jpg", "d"]


def test_a_link_is_a_link_and_no_way_out(tmp_path: Path) -> None:
    outside, live = tmp_path / "outside", tmp_path / "live"
    (live / "folder").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (live / "link").symlink_to(outside)
    (live / "folder" / "inner").write_text("a")
    (live / "sub").mkdir()
    (live / "sub" / "mine").write_text("mine")

    @dataclass(frozen=True)
    class Racing(Selection):
        """Somebody makes a folder a link between the look at it and its opening."""

        def takes(self, path: str, *, is_folder: bool) -> bool:
            if path == "sub":
                assert is_folder
                shutil.rmtree(live / "sub")
                (live / "sub").symlink_to(outside)
            return super().takes(path, is_folder=is_folder)

    archive = archived(live, Racing())
    found = {member.path: member.kind for member in members(archive.index)}
    assert found == {"folder": "folder", "folder/inner": "file", "link": "link"}
    assert (Mishap.VANISHED, "sub") in archive.mishaps.names


def test_special_files_are_named_and_left_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        (tmp_path / "file").write_text("a")
        found = archived(tmp_path)
    assert [member.path for member in members(found.index)] == ["file"]
    assert found.mishaps.counts == {Mishap.SPECIAL: 2}
    assert set(found.mishaps.names) == {(Mishap.SPECIAL, "pipe"), (Mishap.SPECIAL, "socket")}


@contextmanager
def nobody() -> Iterator[None]:
    """Without root's right to read everything."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_what_cant_be_read_is_named_and_the_rest_is_there() -> None:
    with folders() as folder:
        folder.chmod(0o755)
        (folder / "closed").mkdir()
        for name in ("a", "b\n", "c"):
            (folder / name).write_text(name)
        (folder / "b\n").chmod(0)
        (folder / "closed").chmod(0)
        with nobody():
            found = archived(folder)
        assert [member.path for member in members(found.index)] == ["a", "c"]
        assert found.mishaps.names == [
            (Mishap.UNREADABLE, "b\\n"),
            (Mishap.UNREADABLE, "closed"),
        ]
        (folder / "closed").chmod(0o700)


def test_what_vanishes_is_named_and_the_rest_is_there(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(name)
    index = io.BytesIO()
    archive = FolderArchive(tmp_path, Selection(), index)
    with closing(archive):
        archive.readinto(memoryview(bytearray(512)))
        (tmp_path / "b").unlink()
        while archive.readinto(memoryview(bytearray(1 << 16))):
            pass
    assert [member.path for member in members(index.getvalue())] == ["a", "c"]
    assert archive.mishaps.names == [(Mishap.VANISHED, "b")]


@pytest.mark.parametrize("grows", [True, False])
def test_a_file_that_changes_while_it_is_read_is_named_and_what_was_read_comes_back(
    tmp_path: Path, grows: bool
) -> None:
    live, back = tmp_path / "live", tmp_path / "back"
    live.mkdir()
    content = os.urandom(3 * SMALL)
    (live / "large").write_bytes(content)
    (live / "other").write_text("other")
    index, tar = io.BytesIO(), io.BytesIO()
    archive = FolderArchive(live, Selection(), index)
    with closing(archive):
        block = bytearray(SMALL)
        count = archive.readinto(memoryview(block))
        tar.write(block[:count])
        with (live / "large").open("r+b") as file:
            file.truncate(5 * SMALL if grows else SMALL + 7)
        while count := archive.readinto(memoryview(block)):
            tar.write(block[:count])
    assert archive.mishaps.names == [(Mishap.CHANGED, "large")]
    put(tar.getvalue(), index.getvalue(), back)
    came = (back / "large").read_bytes()
    assert content.startswith(came)
    assert len(came) >= SMALL
    assert (back / "other").read_text() == "other"


def test_patterns_choose(tmp_path: Path) -> None:
    for name in ("a.jpg", "cache/b.jpg", "sub/cache/c.jpg", "sub/d.tmp", "sub/e.jpg", "sub/f.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)

    def taken(*include: str, exclude: tuple[str, ...] = ()) -> list[str]:
        found = archived(tmp_path, Selection(include, exclude))
        return [member.path for member in members(found.index) if member.kind == "file"]

    assert taken(exclude=("cache/", "*.tmp")) == ["a.jpg", "sub/e.jpg", "sub/f.txt"]
    assert taken(exclude=("sub/cache",)) == [
        "a.jpg",
        "cache/b.jpg",
        "sub/d.tmp",
        "sub/e.jpg",
        "sub/f.txt",
    ]
    assert taken("*.jpg", exclude=("cache",)) == ["a.jpg", "sub/e.jpg"]
    assert taken("sub/*.txt") == ["sub/f.txt"]


def test_what_a_restore_keeps_is_never_taken(tmp_path: Path) -> None:
    (tmp_path / ".trustbackup-media-20260101T000000000000-old").mkdir()
    (tmp_path / ".trustbackup-media-20260101T000000000000-old" / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    found = archived(tmp_path)
    assert [member.path for member in members(found.index)] == ["b"]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DumpError, match="nowhere"):
        archived(tmp_path / "nowhere")
    (tmp_path / "file").write_text("a")
    with pytest.raises(DumpError, match="file"):
        archived(tmp_path / "file")


def test_what_did_not_come_back_as_it_was_is_seen(tmp_path: Path) -> None:
    live = tmp_path / "live"
    live.mkdir()
    for name in ("a", "b", "c"):
        (live / name).write_text(name)
    known = members(archived(live).index)
    assert list(differences(live, known)) == []
    status = (live / "b").stat()
    (live / "b").write_text("B")
    os.utime(live / "b", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert [str(each) for each in differences(live, known)] == ["b is not what it was."]
    (live / "d").write_text("d")
    assert "was not in the backup" in [*differences(live, known)][-1]
    (live / "a").unlink()
    assert [str(each) for each in differences(live, known)] == ["a did not come back."]
