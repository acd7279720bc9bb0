"""A folder as objects: what is new is read and written, and each list gives its tree back."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.media import members, snapshot
from tests.support.objects import Objects, fill
from trustbackup.contents.media import incremental, packs
from trustbackup.contents.media.walk import Mishap
from trustbackup.exceptions import Busy, ManifestError, TrustbackupError
from trustbackup.operations import object_checks
from trustbackup.operations.backup.sweep import sweep_objects
from trustbackup.operations.progress import quiet
from trustbackup.store.folder import BackupFolder
from trustbackup.store.objects import StoredObject
from trustbackup.store.signature import Signer
from trustbackup.store.streams import sha256_of


def test_only_what_changed_is_read_again(objects: Objects, media: Path, tmp_path: Path) -> None:
    fill(media)
    objects.back_up(media)
    there = objects.store.statuses().keys()
    assert len(there) == len(["the large file", "a pack"])
    objects.back_up(media)
    assert objects.read[1] == 0
    assert objects.indexes[1] == objects.indexes[0]
    assert objects.store.statuses().keys() == there
    (media / "a" / "cup").write_text("another cup")
    (media / "new").write_text("new")
    (media / "large").rename(media / "moved")
    (media / "a.b").unlink()
    objects.back_up(media)
    assert objects.read[2] == len("another cup") + len("new") + packs.ALONE
    assert len(objects.store.statuses().keys() - there) == 1
    for index, then in zip(objects.indexes, ("one", "two", "three"), strict=True):
        objects.put(index, tmp_path / then)
    assert snapshot(tmp_path / "three") == snapshot(media)
    assert snapshot(tmp_path / "one") == snapshot(tmp_path / "two") != snapshot(media)


def test_reading_all_finds_what_changed_behind_the_times(objects: Objects, media: Path) -> None:
    (media / "file").write_text("before")
    objects.back_up(media)
    last = objects.indexes[-1]
    status = (media / "file").stat()
    (media / "file").write_text("after!")
    os.utime(media / "file", ns=(status.st_atime_ns, status.st_mtime_ns))
    # As if the system had kept the time of its state, too.
    now = (media / "file").stat().st_ctime_ns
    objects.indexes[-1] = last.replace(b'"ctime":%d' % status.st_ctime_ns, b'"ctime":%d' % now)
    objects.back_up(media)
    assert objects.read[-1] == 0
    objects.back_up(media, read_all=True)
    (member,) = members(objects.indexes[-1])
    assert member.sha256 == hashlib.sha256(b"after!").hexdigest()


def test_what_was_written_a_moment_before_it_was_read_is_read_again(
    objects: Objects, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    (media / "file").write_text("young")
    objects.back_up(media)
    objects.back_up(media)
    assert objects.read == [len("young")] * 2
    assert len(objects.store.statuses()) == 1


def test_what_lies_in_an_object_that_is_gone_is_written_again(
    objects: Objects, media: Path, tmp_path: Path
) -> None:
    fill(media)
    objects.back_up(media)
    gone = [name for name, status in objects.store.statuses().items() if status.st_size < 1000]
    objects.store.remove(gone[0])
    objects.back_up(media, gone)
    assert objects.read[-1] < 1000
    objects.put(objects.indexes[-1], tmp_path / "back")
    assert snapshot(tmp_path / "back") == snapshot(media)


def test_packs_are_closed_when_they_are_full(
    objects: Objects, media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "PACK", 1000)
    for number in range(10):
        (media / f"file{number}").write_bytes(os.urandom(600))
    objects.back_up(media)
    assert len(objects.store.statuses()) == 5
    objects.put(objects.indexes[-1], tmp_path / "back")
    assert snapshot(tmp_path / "back") == snapshot(media)


def test_what_can_not_be_read_is_named_and_left_out(objects: Objects, media: Path) -> None:
    fill(media)
    os.mkfifo(media / "pipe")
    seen = objects.back_up(media)
    assert seen.mishaps.counts == {Mishap.SPECIAL: 1}
    (media / "a").rename(media / "b")
    (media / "z").write_text("grows")
    opened = os.open

    def vanishing(path: str, flags: int, *rest: int, **options: int) -> int:
        if path == "z":
            (media / "z").unlink(missing_ok=True)
        return opened(path, flags, *rest, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", vanishing)
        seen = objects.back_up(media)
    assert seen.mishaps.counts == {Mishap.SPECIAL: 1, Mishap.VANISHED: 1}
    assert "z" not in {member.path for member in members(objects.indexes[-1])}


names = st.binary(min_size=1, max_size=6).filter(
    lambda name: not set(name) & {0, ord("/")} and name not in (b".", b"..")
)
trees = st.dictionaries(st.lists(names, min_size=1, max_size=3).map(tuple), st.binary(max_size=40))


def plant(folder: Path, tree: dict[tuple[bytes, ...], bytes]) -> None:
    for path, content in tree.items():
        place = folder.joinpath(*map(os.fsdecode, path))
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        except OSError:
            continue  # a file is in the place of a folder, or the other way round


@settings(max_examples=40, deadline=None)
@given(trees, trees)
def test_any_trees_come_back(
    first: dict[tuple[bytes, ...], bytes], second: dict[tuple[bytes, ...], bytes]
) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(incremental, "_SURE_AFTER", -60.0)
        patch.setattr(packs, "PACK", 30)
        patch.setattr(packs, "ALONE", 35)
        patch.setattr(incremental, "ALONE", 35)
        root = Path(name)
        objects, media = Objects.beside(root), root / "media"
        media.mkdir()
        states = []
        for tree in (first, second, {}):
            plant(media, tree)
            objects.back_up(media)
            states.append(snapshot(media))
        assert objects.read[2] == 0
        for number, state in enumerate(states):
            objects.put(objects.indexes[number], root / f"back{number}")
            assert snapshot(root / f"back{number}") == state


def test_an_error_of_the_disk_ends_the_backup(
    objects: Objects, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(media)
    written = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) > 1000:
            raise OSError(28, "No space left on device")
        return written(descriptor, data)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(TrustbackupError, match="No space left"):
        objects.back_up(media)
    assert objects.store.statuses() == {}


def test_nothing_is_removed_while_a_backup_names_objects(objects: Objects, media: Path) -> None:
    (media / "file").write_text("content")
    objects.back_up(media)
    folder = BackupFolder(objects.store.root, Signer(["secret"]))
    with objects.store.in_use(), objects.store.in_use(), pytest.raises(Busy):
        sweep_objects(folder, grace=-60.0)
    assert len(objects.store.statuses()) == 1
    assert sweep_objects(folder).young == 1
    assert len(sweep_objects(folder, grace=-60.0, dry_run=True).removed) == 1
    assert len(objects.store.statuses()) == 1
    (objects.store.folder / "foreign").touch()
    (objects.store.root / "backup_2026-11-20_02-15-33.media.jsonl").touch()
    with pytest.raises(ManifestError, match="has no manifest"):
        sweep_objects(folder, grace=-60.0)
    (objects.store.root / "backup_2026-11-20_02-15-33.media.jsonl").unlink()
    assert len(sweep_objects(folder, grace=-60.0).removed) == 1
    assert [path.name for path in objects.store.folder.iterdir()] == ["foreign"]


def test_a_large_file_that_can_not_be_read_to_its_end_leaves_room_for_the_next_folder(
    objects: Objects, media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (media / "large").write_bytes(os.urandom(packs.ALONE))
    reads = os.read

    def broken(descriptor: int, size: int) -> bytes:
        if size > 1000:
            raise OSError(errno.EIO, "Input/output error")
        return reads(descriptor, size)

    with monkeypatch.context() as patch:
        patch.setattr(os, "read", broken)
        seen = objects.back_up(media)
    assert seen.mishaps.counts == {Mishap.UNREADABLE: 1}
    assert members(objects.indexes[0]) == []
    assert list(objects.workdir.iterdir()) == []
    objects.back_up(media)
    objects.put(objects.indexes[1], tmp_path / "back")
    assert snapshot(tmp_path / "back") == snapshot(media)


def test_a_look_at_many_backups_reads_each_object_once(
    objects: Objects, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(media)
    objects.back_up(media)
    known = [
        StoredObject(name, status.st_size) for name, status in objects.store.statuses().items()
    ]
    reads: list[Path] = []

    def counted(path: Path, follow: Callable[[int], None]) -> str:
        reads.append(path)
        return sha256_of(path, follow)

    monkeypatch.setattr(object_checks, "sha256_of", counted)
    with object_checks.reading_each_once():
        assert list(object_checks.damaged_objects(objects.store, known, quiet)) == []
        assert list(object_checks.damaged_objects(objects.store, known, quiet)) == []
    assert len(reads) == len(known)
    objects.store.path(known[0].sha256).write_bytes(bytes(known[0].bytes))
    for _again in range(2):
        with object_checks.reading_each_once():
            found = list(object_checks.damaged_objects(objects.store, known, quiet))
        assert found == known[:1]


def test_what_a_folder_that_failed_has_left_is_not_in_the_way_of_the_next(
    objects: Objects, media: Path
) -> None:
    def fail() -> None:
        with packs.ObjectWriter(objects.store, objects.workdir) as writer:
            writer.add(b"half a pack")
            raise EOFError

    fill(media)
    with pytest.raises(EOFError):
        fail()
    assert list(objects.workdir.iterdir()) == []
    objects.back_up(media)
    assert list(objects.workdir.iterdir()) == []
