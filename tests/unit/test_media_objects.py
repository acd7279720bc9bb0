"""A folder as objects: what is new is read and written, and each list gives its tree back."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.media import a_file, index_of, members, snapshot
from tests.support.objects import Objects
from trustbackup.contents.media import incremental, packs
from trustbackup.contents.media.walk import Mishap
from trustbackup.exceptions import Busy, FolderError, ManifestError, TrustbackupError
from trustbackup.operations import object_checks
from trustbackup.operations.backup.sweep import sweep_objects
from trustbackup.operations.progress import quiet
from trustbackup.store.folder import BackupFolder
from trustbackup.store.objects import StoredObject, read_object_list, write_object_line
from trustbackup.store.signature import Signer
from trustbackup.store.streams import sha256_of


@pytest.fixture
def objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Objects:
    """Files count as unchanged though they were written a moment ago."""
    monkeypatch.setattr(incremental, "_SURE_AFTER", -60.0)
    (tmp_path / "media").mkdir()
    return Objects.beside(tmp_path)


@pytest.fixture
def media(tmp_path: Path) -> Path:
    return tmp_path / "media"


def fill(media: Path) -> None:
    (media / "a").mkdir(parents=True)
    (media / "a" / "cup").write_text("cup")
    (media / "a" / "the same").write_text("cup")
    (media / "a.b").write_text("between, by the bytes of its name")
    (media / "empty").touch()
    (media / os.fsdecode(b"\xff")).write_text("no UTF-8")
    (media / 'quoted"object":"@0"').write_text("a name like a place")
    (media / "link").symlink_to("a/cup")
    (media / "large").write_bytes(os.urandom(packs.ALONE))


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
