"""A backup's list of files, looked into a folder and a page at a time."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from tests.support.media import a_file, index_of
from trustbackup.contents.media.browse import (
    list_folder,
    members_below,
    path_as_text,
    path_from_text,
    search,
)
from trustbackup.contents.media.index import Member, MemberKind
from trustbackup.contents.media.zipped import zipped

NAMES = st.sampled_from(
    [
        "a",
        "b",
        "a.b",
        'a"',
        "ü",
        "a\\",
        "%",
        "%41",
        "a\nb",
        os.fsdecode(b"\xff"),
        '","kind":"folder"',
    ]
)
TREES = st.dictionaries(st.lists(NAMES, min_size=1, max_size=4).map(tuple), st.integers(0, 9))


def members_of(tree: dict[tuple[str, ...], int]) -> list[Member]:
    """The files of a tree, but those in whose place a folder is, and all of its folders."""
    folders = {path[:depth] for path in tree for depth in range(1, len(path))}
    found = [_folder("/".join(each)) for each in folders]
    found += [
        a_file("/".join(each), b"x" * size, "ab" * 32)
        for each, size in tree.items()
        if each not in folders
    ]
    return sorted(found, key=lambda member: member.names)


def _folder(path: str) -> Member:
    return Member(path=path, kind=MemberKind.FOLDER, mode=0o755, uid=0, gid=0, mtime=7)


def below(members: list[Member], folder: str) -> list[Member]:
    return [each for each in members if not folder or each.path.startswith(f"{folder}/")]


@given(TREES, st.integers(0, 4), st.integers(1, 3))
def test_each_folder_has_what_lies_in_it_and_its_sums(
    tree: dict[tuple[str, ...], int], first: int, most: int
) -> None:
    members = members_of(tree)
    raw = index_of(members)
    for folder in ["", *(each.path for each in members if each.kind is MemberKind.FOLDER)]:
        depth = folder.count("/") + 1 if folder else 0
        inside = below(members, folder)
        direct = [each for each in inside if each.path.count("/") == depth]
        page = list_folder(io.BytesIO(raw), folder, first, most)
        assert [each.path for each in page.items] == [
            each.path for each in direct[first : first + most]
        ]
        assert (page.total, page.is_there) == (len(direct), True)
        assert page.size == sum(each.size for each in inside)
        assert page.files == sum(each.kind is MemberKind.FILE for each in inside)
        for each in page.items:
            deeper = below(members, each.path)
            if each.kind is MemberKind.FOLDER:
                assert each.size == sum(one.size for one in deeper)
                assert each.files == sum(one.kind is MemberKind.FILE for one in deeper)


@given(TREES, NAMES)
def test_a_path_has_itself_and_what_is_below_it(
    tree: dict[tuple[str, ...], int], name: str
) -> None:
    members = members_of(tree)
    raw = index_of(members)
    for path in ["", "nowhere", name, *(each.path for each in members)]:
        wanted = [each for each in members if not path or each.path == path]
        wanted += below(members, path) if path else []
        assert list(members_below(io.BytesIO(raw), path)) == wanted
        assert path_from_text(path_as_text(path)) == path
        path_as_text(path).encode()


@given(TREES, st.text('abAüÜ%"/', min_size=1, max_size=2))
def test_a_search_finds_what_has_a_text_in_its_path(
    tree: dict[tuple[str, ...], int], text: str
) -> None:
    members = members_of(tree)
    raw = index_of(members)
    for folder in ("", "a"):
        start = len(folder) + 1 if folder else 0
        wanted = [
            each.path
            for each in below(members, folder)
            if text.casefold() in each.path[start:].casefold()
        ]
        page = search(io.BytesIO(raw), folder, text, 0, 1000)
        assert [each.path for each in page.items] == wanted
        assert page.total == len(wanted)


def test_what_is_no_folder_is_not_there() -> None:
    raw = index_of([_folder("a"), a_file("a/b", b"", "ab" * 32), a_file("c", b"", "ab" * 32)])
    for path in ("c", "a/b", "none", "a/", "A"):
        assert not list_folder(io.BytesIO(raw), path, 0, 9).is_there
        assert not search(io.BytesIO(raw), path, "b", 0, 9).is_there


def test_a_zip_keeps_times_modes_and_links() -> None:
    link = Member(
        path="a/link", kind=MemberKind.LINK, mode=0o777, uid=0, gid=0, mtime=0, target="/etc"
    )
    odd = Member(
        path=os.fsdecode(b"a/\xff"), kind=MemberKind.FILE, mode=0o4640, uid=0, gid=0,
        mtime=1_763_604_934_000_000_000, size=3, sha256="ab" * 32,
    )  # fmt: skip
    contents: list[tuple[Member, Iterator[bytes]]] = [
        (_folder("a"), iter(())), (link, iter(())), (odd, iter([b"cup"])),
    ]  # fmt: skip
    made = b"".join(zipped(contents, 0))
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a/", "a/link", "a/\\xff"]
        assert archive.read("a/link") == b"/etc"
        assert archive.read("a/\\xff") == b"cup"
        info = archive.getinfo("a/\\xff")
        assert info.date_time == (2025, 11, 20, 2, 15, 34)
        assert info.external_attr >> 16 == 0o100640
        assert archive.getinfo("a/link").external_attr >> 16 == 0o120777
