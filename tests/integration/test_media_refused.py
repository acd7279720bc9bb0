"""What is refused of uploaded files, in one sentence, with nothing changed and nothing left."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.backups import assert_refused, make, more_settings, run_all, verify
from tests.support.media import MEDIA, beside, fill, restored, snapshot
from tests.support.sites import Site


def test_what_cant_be_done_is_refused_in_one_sentence(sqlite_site: Site) -> None:
    fill(sqlite_site)
    made, whole = make(sqlite_site, *MEDIA), make(sqlite_site)
    there = snapshot(sqlite_site.media)
    restore = ["restore_backup", made["id"], "--force"]
    wanted = [
        (["create_backup", *MEDIA, "--database", "default"], "--database"),
        (["create_backup", *MEDIA, "--content"], "--content"),
        (["create_backup", *MEDIA, "--format", "directory"], "--format"),
        ([*restore, "--swap"], "--swap"),
        ([*restore, "--into", "other"], "--into"),
        ([*restore, "--mode", "add"], "--mode"),
        ([*restore, "--part", "nothing"], "nothing"),
        ([*restore, "--path", "nothing"], "nothing"),
        ([*restore, "--path", "../x"], "../x"),
        ([*restore, "--overwrite", "always"], "--overwrite"),
        ([*restore, "--path", "large", "--overwrite", "perhaps"], "perhaps"),
        ([*restore, "--only-missing", "--into-folder", "/x"], "--into-folder"),
        ([*restore, "--into-folder", str(sqlite_site.media)], "is there already"),
        (["restore_backup", whole["id"], "--force", "--path", "x"], "--path"),
        (["restore_backup", whole["id"], "--force", "--only-missing"], "--only-missing"),
    ]
    for result, (_command, word) in zip(
        run_all(sqlite_site, [command for command, _word in wanted]), wanted, strict=True
    ):
        assert_refused(result, word)
    assert snapshot(sqlite_site.media) == there
    assert beside(sqlite_site) == []


@pytest.mark.parametrize(
    ("contents", "word"),
    [
        ("[]", "CONTENTS"),
        ("{}", "CONTENTS"),
        ("{'files': {'FOLDER': '/x'}}", "files"),
        ("{'A b': {'FOLDER': '/x'}}", "A b"),
        ("{'media': {}}", "media"),
        ("{'media': {'FOLDER': 'relative'}}", "whole path"),
        ("{'media': {'FOLDER': '/x', 'STORAGE': 'default'}}", "two"),
        ("{'media': {'FOLDER': '/x', 'OTHER': 1}}", "known"),
        ("{'media': {'FOLDER': '/x', 'EXCLUDE': '*.tmp'}}", "patterns"),
        ("{'media': {'STORAGE': 'nothing'}}", "nothing"),
        ("{'media': {'FOLDER': '/'}}", "file system"),
        ("{'media': {'FOLDER': '/nowhere/at/all'}}", "/nowhere/at/all"),
    ],
)
def test_settings_that_name_no_folder_are_refused(
    sqlite_site: Site, contents: str, word: str
) -> None:
    more_settings(sqlite_site, f"TRUSTBACKUP = {{**TRUSTBACKUP, 'CONTENTS': {contents}}}")
    assert_refused(sqlite_site.manage("create_backup", *MEDIA, check=False), word)
    assert listed_files(sqlite_site) == []


def listed_files(site: Site) -> list[str]:
    return sorted(path.name for path in site.backups.glob("backup_*"))


def test_fault_31_a_damaged_archive_restores_nothing(sqlite_site: Site) -> None:
    fill(sqlite_site)
    made = make(sqlite_site, *MEDIA)
    there = snapshot(sqlite_site.media)
    for file in made["files"]:
        path = Path(file["path"])
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2] + b"x" + whole[len(whole) // 2 + 1 :])
        ended = sqlite_site.manage("restore_backup", made["id"], "--force", check=False)
        assert ended.returncode == 1
        assert "corrupt" in ended.stderr
        assert not verify(sqlite_site, made["id"])["ok"]
        path.write_bytes(whole)
    assert snapshot(sqlite_site.media) == there
    assert beside(sqlite_site) == []


def test_an_old_folder_that_is_another_one_is_not_put_back(sqlite_site: Site) -> None:
    fill(sqlite_site)
    made = make(sqlite_site, *MEDIA)
    done = restored(sqlite_site, made)["folders"]["media/"]
    previous = Path(done["previous"])
    previous.rename(sqlite_site.folder / "mine")
    previous.mkdir()
    there = snapshot(sqlite_site.media)
    assert_refused(sqlite_site.manage("undo_restore", check=False), previous.name)
    assert_refused(sqlite_site.manage("release_restore", "--yes", check=False), previous.name)
    assert snapshot(sqlite_site.media) == there
    assert previous.exists()
