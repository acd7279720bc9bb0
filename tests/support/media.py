"""Trees of uploaded files: those of a site, and archived and unpacked in the test's own process."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.sites import Site
from trustbackup.contents.media.archive import FolderArchive
from trustbackup.contents.media.index import Member, MemberKind, read_index, write_member
from trustbackup.contents.media.selection import Selection
from trustbackup.contents.media.tree import TreeWriter
from trustbackup.contents.media.unpack import unpack
from trustbackup.contents.media.walk import Mishaps
from trustbackup.store.compression import get_compression
from trustbackup.store.streams import write_compressed

MEDIA = ("--type", "media")
Snapshot = dict[bytes, tuple[object, ...]]


def snapshot(folder: Path) -> Snapshot:
    """Everything below a folder: kind, mode, time of files, content, what links say."""
    return dict(_look(os.fsencode(folder), b""))


def _look(root: bytes, below: bytes) -> Iterator[tuple[bytes, tuple[object, ...]]]:
    with os.scandir(os.path.join(root, below)) as entries:  # noqa: PTH118  # paths are of any bytes
        for entry in entries:
            status = entry.stat(follow_symlinks=False)
            path = below + entry.name
            mode = stat.S_IMODE(status.st_mode)
            if entry.is_symlink():
                yield path, ("link", os.readlink(entry.path))  # noqa: PTH115
            elif entry.is_dir():
                yield path, ("folder", mode, status.st_mtime_ns)
                yield from _look(root, path + b"/")
            elif entry.is_file():
                with open(entry.path, "rb") as file:  # noqa: PTH123
                    yield path, ("file", mode, status.st_mtime_ns, file.read())
            else:
                yield path, ("special",)


@dataclass
class Archived:
    """A folder's archive: the compressed tar, its index, and what went amiss."""

    packed: bytes
    raw_size: int
    index: bytes
    mishaps: Mishaps


def archived(folder: Path, selection: Selection | None = None, how: str = "gzip") -> Archived:
    index, target = io.BytesIO(), io.BytesIO()
    archive = FolderArchive(folder, selection or Selection(), index)
    with closing(archive):
        done = write_compressed(
            archive, target, get_compression(how), is_packed=lambda: archive.packed
        )
    return Archived(target.getvalue(), done.raw_size, index.getvalue(), archive.mishaps)


def put(tar: bytes, index: bytes, folder: Path) -> None:
    """Unpack into a new folder."""
    folder.mkdir()
    with TreeWriter(folder) as tree:
        for member, content in unpack(io.BytesIO(tar), io.BytesIO(index)):
            tree.write(member, content)


def members(index: bytes) -> list[Member]:
    return list(read_index(io.BytesIO(index)))


def index_of(found: Iterable[Member]) -> bytes:
    return b"".join(map(write_member, found))


def a_file(path: str, content: bytes, sha256: str) -> Member:
    return Member(
        path=path,
        kind=MemberKind.FILE,
        mode=0o644,
        uid=0,
        gid=0,
        mtime=0,
        size=len(content),
        sha256=sha256,
    )


def fill(site: Site) -> None:
    media = site.media
    (media / "uploads").mkdir(exist_ok=True)
    (media / "empty").mkdir(exist_ok=True)
    (media / "uploads" / "cup.txt").write_text("cup")
    (media / "uploads" / "plate.txt").write_text("plate")
    (media / "new\nline").write_text("a")
    (media / os.fsdecode(b"\xff\xfe")).write_text("b")
    (media / "large").write_bytes(os.urandom(3 << 20))
    (media / "link").symlink_to("/etc")


def restored(site: Site, made: dict[str, Any], *options: str) -> dict[str, Any]:
    command = ("restore_backup", made["id"], "--force", "--json", *options)
    found: dict[str, Any] = site.manage(*command).json
    return found


def beside(site: Site) -> list[str]:
    return sorted(name for name in os.listdir(site.folder) if name.startswith(".trustbackup-"))
