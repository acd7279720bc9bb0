"""Folders as objects: what is cut, flipped, crafted or a link gives nothing wrong."""

from __future__ import annotations

import hashlib
import io
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.media import a_file, index_of, members, snapshot
from tests.support.objects import Objects, fill
from trustbackup.exceptions import FolderError, ManifestError
from trustbackup.store.objects import StoredObject, read_object_list, write_object_line


@pytest.mark.parametrize(
    "change",
    [
        {"offset": 1},
        {"offset": 2**62},
        {"size": 2**62},
        {"object": "0" * 64},
        {"object": "", "offset": 0},
        {"path": "../out"},
        {"path": "/etc/out"},
        {"object": "../../../../etc/passwd"},
        {"sha256": "0" * 64},
        {"offset": -1},
    ],
    ids=str,
)
def test_attack_11_a_crafted_list_leads_nowhere(
    objects: Objects, media: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    (media / "file").write_text("content")
    objects.back_up(media)
    (member,) = members(objects.indexes[0])
    crafted = index_of([replace(member, **change)])  # type: ignore[arg-type]
    before = snapshot(tmp_path / "media")
    with pytest.raises(ManifestError):
        objects.put(crafted, tmp_path / "back")
    assert not (tmp_path / "out").exists()
    assert snapshot(tmp_path / "media") == before


def test_a_name_that_comes_twice_is_refused(objects: Objects, tmp_path: Path) -> None:
    member = a_file("file", b"", hashlib.sha256(b"").hexdigest())
    with pytest.raises(ManifestError, match="comes twice"):
        objects.put(index_of([member, member]), tmp_path / "back")


def test_fault_31_a_pack_that_is_cut_or_has_a_flipped_bit_gives_nothing_wrong(
    objects: Objects, media: Path, tmp_path: Path
) -> None:
    fill(media)
    (media / "large").unlink()
    objects.back_up(media)
    ((name, status),) = objects.store.statuses().items()
    path = objects.store.path(name)
    content = path.read_bytes()
    for number, damaged in enumerate((content[:-1], b"x" + content[1:], b"")):
        path.write_bytes(damaged)
        with pytest.raises(ManifestError):
            objects.put(objects.indexes[0], tmp_path / f"back{number}")
    assert status.st_size == len(content)


def test_attack_09_a_link_in_the_place_of_an_object_is_not_followed(
    objects: Objects, media: Path, tmp_path: Path
) -> None:
    (media / "file").write_text("content")
    objects.back_up(media)
    (name,) = objects.store.statuses()
    path, victim = objects.store.path(name), tmp_path / "victim"
    path.rename(victim)
    path.symlink_to(victim)
    with pytest.raises(ManifestError):
        objects.put(objects.indexes[0], tmp_path / "back")
    objects.back_up(media, {name})
    assert victim.read_text() == "content"
    assert path.is_file()
    assert not path.is_symlink()
    shutil.rmtree(objects.store.folder)
    objects.store.folder.symlink_to(tmp_path / "media")
    with pytest.raises(FolderError, match="is a symbolic link"):
        objects.store.prepare()


@pytest.mark.parametrize(
    "text",
    [
        b"{}\n",
        b'{"object": "x", "bytes": 1}\n',
        b'{"object": "%s", "bytes": 0}\n' % (b"0" * 64),
        b'{"object": "%s", "bytes": true}\n' % (b"0" * 64),
        b'{"object": "%s", "bytes": 1, "more": 1}\n' % (b"0" * 64),
        2 * (b'{"object": "%s", "bytes": 1}\n' % (b"0" * 64)),
        b'{"object": "%s", "bytes": 1}' % (b"0" * 64),
        b"[" * 2000 + b"\n",
        b"x" * (1 << 17),
    ],
)
def test_a_list_of_objects_is_read_strictly(text: bytes) -> None:
    with pytest.raises(ManifestError):
        list(read_object_list(io.BytesIO(text)))


def test_a_list_of_objects_is_what_was_written() -> None:
    known = [StoredObject(f"{number:064x}", number) for number in range(1, 2000)]
    assert list(read_object_list(io.BytesIO(b"".join(map(write_object_line, known))))) == known
