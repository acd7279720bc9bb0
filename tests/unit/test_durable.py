"""Files and drafts: whole or absent, and nobody else's file touched."""

from __future__ import annotations

import contextlib
import errno
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trustbackup.exceptions import FolderError
from trustbackup.store import drafts, durable, private_folder, removal

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def publish(root: Path, content: bytes = b"data") -> str:
    with drafts.begin(root, MOMENT) as draft:
        with draft.create(f"backup_{draft.id}.dump.gz") as file:
            file.write(content)
        draft.publish(b"{}")
        return draft.id


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())


def test_a_write_is_whole_though_the_system_takes_a_part(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:3]))
    identifier = publish(root, b"0123456789")
    assert (root / f"backup_{identifier}.dump.gz").read_bytes() == b"0123456789"
    durable.replace_file(root, root / "record", b"0123456789")
    assert (root / "record").read_bytes() == b"0123456789"


def test_a_published_backup_leaves_no_draft(root: Path) -> None:
    identifier = publish(root)
    assert files(root) == [f"backup_{identifier}.dump.gz", f"backup_{identifier}.manifest.json"]
    assert drafts.unfinished(root) == set()


def test_a_second_backup_of_a_second_has_another_name(root: Path) -> None:
    assert publish(root) == "2026-01-01_00-00-00"
    assert publish(root) == "2026-01-01_00-00-00_2"
    with drafts.begin(root, MOMENT) as third, drafts.begin(root, MOMENT) as fourth:
        assert {third.id[-2:], fourth.id[-2:]} == {"_3", "_4"}


def test_a_later_backup_of_a_second_takes_no_name_that_an_earlier_one_left(root: Path) -> None:
    """It would be the older of the two, and the first to go."""
    publish(root)
    assert publish(root) == "2026-01-01_00-00-00_2"
    for name in files(root):
        if "_2." not in name:
            (root / name).unlink()
    assert publish(root) == "2026-01-01_00-00-00_3"


def test_a_name_that_is_taken_while_it_is_chosen_is_not_reserved(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_private = private_folder.make_private

    def after_another(folder: Path) -> contextlib.ExitStack | None:
        monkeypatch.setattr(private_folder, "make_private", make_private)
        assert publish(root) == folder.name
        return make_private(folder)

    monkeypatch.setattr(private_folder, "make_private", after_another)
    assert publish(root, b"second") == "2026-01-01_00-00-00_2"
    assert (root / "backup_2026-01-01_00-00-00.dump.gz").read_bytes() == b"data"


def test_what_is_not_published_leaves_nothing(root: Path) -> None:
    with drafts.begin(root, MOMENT) as draft, draft.create(f"backup_{draft.id}.dump") as file:
        file.write(b"x")
    assert files(root) == []


def fail() -> None:
    raise ZeroDivisionError


def test_an_error_leaves_nothing(root: Path) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        drafts.begin(root, MOMENT) as draft,
        draft.create(f"backup_{draft.id}.dump"),
    ):
        fail()
    assert files(root) == []


def test_a_draft_that_is_being_written_is_not_swept(root: Path) -> None:
    with drafts.begin(root, MOMENT) as draft:
        assert drafts.sweep(root) == []
        assert drafts.unfinished(root) == {draft.id}
        assert draft.folder.is_dir()


@pytest.mark.parametrize(
    "name",
    [
        "other.dump",
        "backup_2026-01-01_00-00-01.dump",
        "backup_2026-01-01_00-00-00.manifest.json",
        "../backup_2026-01-01_00-00-00.dump",
    ],
)
def test_a_draft_takes_only_its_own_names(root: Path, name: str) -> None:
    with drafts.begin(root, MOMENT) as draft, pytest.raises(ValueError, match="no new file"):
        draft.create(name)


def test_a_delete_removes_all_that_is_its_own_and_nothing_else(root: Path) -> None:
    one, two = publish(root), publish(root)
    removal.remove(root, one, [f"backup_{one}.dump.gz", f"backup_{one}.manifest.json"])
    assert files(root) == [f"backup_{two}.dump.gz", f"backup_{two}.manifest.json"]


def test_a_delete_that_was_cut_short_is_finished_by_the_sweep(root: Path) -> None:
    identifier = publish(root)
    manifest = f"backup_{identifier}.manifest.json"
    (root / manifest).rename(root / ".deleted" / manifest)
    assert drafts.unfinished(root) == {identifier}
    assert drafts.sweep(root) == [identifier]
    assert files(root) == []


def test_a_replaced_file_is_the_old_or_the_new_one(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    durable.prepare_root(root)
    path = root / "record"
    durable.replace_file(root, path, b"old")

    def broken(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", broken)
        with pytest.raises(FolderError, match=r"Flushing \(fsync\) failed .*Input/output error"):
            durable.replace_file(root, path, b"new")
    assert path.read_bytes() == b"old"
    assert files(root) == ["record"]


def test_a_link_is_never_opened(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(FolderError, match="link"):
        durable.open_regular(tmp_path / "link")


def test_a_relative_or_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="nowhere"):
        durable.sync_folder(tmp_path / "nowhere")


@pytest.mark.parametrize("links", [True, False])
def test_a_file_gets_a_name_that_is_free_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    """FAT, exFAT and some shares have no hard links."""

    def refuse(*_arguments: object, **_keywords: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    new, taken, free = tmp_path / "new", tmp_path / "taken", tmp_path / "free"
    new.write_text("new")
    taken.write_text("taken")
    with pytest.raises(FileExistsError):
        durable.name_exclusively(new, taken)
    assert (new.read_text(), taken.read_text()) == ("new", "taken")
    durable.name_exclusively(new, free)
    assert free.read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["free", "taken"]
