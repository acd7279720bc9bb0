"""Folders that can't be renamed: what is in them changes places with what is in another one."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest

from tests.support.media import snapshot
from trustbackup.contents.media.exchange_inside import recover_exchange, swap_in_entries

NEW, OLD = ".trustbackup-media-new", ".trustbackup-media-old"


class CutOffError(Exception):
    """The process ended here."""


def fill(live: Path) -> tuple[Path, Path]:
    (live / "products").mkdir(parents=True)
    (live / "products/cup.jpg").write_text("old cup")
    (live / "gone.txt").write_text("only in the old state")
    (live / "lost+found").mkdir()
    new = live / NEW
    (new / "products").mkdir(parents=True)
    (new / "products/cup.jpg").write_text("new cup")
    (new / "back.txt").write_text("only in the new state")
    (live / OLD).mkdir()
    return new, live / OLD


def names(folder: Path) -> dict[bytes, Any]:
    """What is in a folder, without times: an entry that moved has touched its folder."""
    found = snapshot(folder).items()
    return {name: each[-1] for name, each in found if each[0] == "file"}


def test_each_entry_has_moved_and_what_is_no_upload_stays(tmp_path: Path) -> None:
    new, old = fill(live := tmp_path / "media")
    before = names(live)
    swap_in_entries(new, live, old)
    assert {path.name for path in live.iterdir()} == {"products", "back.txt", "lost+found", OLD}
    assert (live / "products/cup.jpg").read_text() == "new cup"
    assert recover_exchange(new, live, old)

    swap_in_entries(old, live, new_old := make(live / f"{OLD}-2"))
    back = {name: content for name, content in before.items() if not name.startswith(b".trust")}
    kept = {b".trustbackup-media-old-2/" + name: text for name, text in names(new_old).items()}
    assert names(live) == back | kept


def make(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.mark.parametrize("again", [False, True], ids=["once", "and while it is mended"])
def test_cut_off_at_any_rename_it_is_all_old_or_all_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    rename = Path.rename
    left = 0

    def at_most(self: Path, target: Path) -> Path:
        nonlocal left
        if not left:
            raise CutOffError
        left -= 1
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", at_most)
    ended: set[bool] = set()
    for steps in range(8):
        new, old = fill(live := tmp_path / f"media-{steps}")
        of_new = names(new)
        of_old = {name: text for name, text in names(live).items() if name[:1] != b"."}
        left = steps
        try:
            swap_in_entries(new, live, old)
        except CutOffError:
            left = 1
            if again:
                with contextlib.suppress(CutOffError):
                    recover_exchange(new, live, old)
        left = -1
        is_new = recover_exchange(new, live, old)
        assert is_new == recover_exchange(new, live, old)
        assert {k: v for k, v in names(live).items() if k[:1] != b"."} == (
            of_new if is_new else of_old
        )
        assert names(old if is_new else new) == (of_old if is_new else of_new)
        ended.add(is_new)
    assert ended == {True, False}


def test_what_comes_meanwhile_is_kept_with_the_old_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename
    new, old = fill(live := tmp_path / "media")

    def upload(self: Path, target: Path) -> Path:
        moved = rename(self, target)
        if self.name == NEW:
            (live / "back.txt").write_text("uploaded in between")
        return moved

    monkeypatch.setattr(Path, "rename", upload)
    swap_in_entries(new, live, old)
    assert (live / "back.txt").read_text() == "only in the new state"
    assert (old / "back.txt").read_text() == "uploaded in between"
