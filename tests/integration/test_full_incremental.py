"""Everything as one backup whose uploaded files lie in objects that other backups share."""

from __future__ import annotations

import shutil

from tests.integration.test_full_backup import FULL, change, restore, state
from tests.integration.test_media_incremental import age, objects
from tests.support.backups import assert_refused, listed, make, more_settings, verify
from tests.support.media import MEDIA, fill, snapshot
from tests.support.sites import Site

INCREMENTAL = (*FULL, "--incremental")


def test_everything_comes_back_from_objects_that_backups_of_both_types_share(
    sqlite_site: Site,
) -> None:
    fill(sqlite_site)
    then = state(sqlite_site)
    media = make(sqlite_site, *MEDIA, "--incremental")
    there = objects(sqlite_site)
    made = make(sqlite_site, *INCREMENTAL)
    assert objects(sqlite_site) == there
    prefix = f"backup_{made['id']}."
    assert [file["file"] for file in made["files"]][1:3] == [
        f"{prefix}media.jsonl.gz", f"{prefix}media-files.jsonl.gz"
    ]  # fmt: skip
    (sqlite_site.media / "uploads" / "cup.txt").write_text("another cup")
    after = make(sqlite_site, *MEDIA, "--incremental")
    new = [size for name, size in objects(sqlite_site).items() if name not in there]
    assert new == [len("another cup")]
    (sqlite_site.media / "large").unlink()
    age(sqlite_site)
    for other in (media, after):
        sqlite_site.manage("delete_backup", other["id"], "--yes", "--last-good-too")
    assert objects(sqlite_site) == there
    assert verify(sqlite_site, made["id"])["ok"]
    drilled = sqlite_site.manage("verify_backup", made["id"], "--restore").stdout
    assert "every table's rows, every file's content and the settings compared" in drilled
    change(sqlite_site)
    now = state(sqlite_site)
    restore(sqlite_site, made, "--part", "media")
    assert state(sqlite_site) == (now[0], then[1])
    restore(sqlite_site, made)
    assert state(sqlite_site) == then
    sqlite_site.manage("undo_restore")
    assert state(sqlite_site) == (now[0], then[1])
    sqlite_site.manage("delete_backup", made["id"], "--yes", "--last-good-too")
    assert objects(sqlite_site) == {}


def test_a_copy_brings_everything_back_where_nothing_is_left(sqlite_site: Site) -> None:
    fill(sqlite_site)
    folder = sqlite_site.folder / "copies"
    url = f"file://{folder}"
    first = make(sqlite_site, *INCREMENTAL, "--to", url)
    (sqlite_site.media / "uploads" / "cup.txt").write_text("another cup")
    then = state(sqlite_site)
    second = make(sqlite_site, *INCREMENTAL, "--to", url)
    assert [path.stat().st_size for path in folder.glob("backup_object_*")].count(
        len("another cup")
    ) == 1
    verified = sqlite_site.manage("verify_backup", second["id"], "--at", url)
    assert "every hash matches" in verified.stdout
    shutil.rmtree(sqlite_site.backups)
    shutil.rmtree(sqlite_site.media)
    sqlite_site.sqlite_file.unlink()
    path = str(folder / f"backup_{second['id']}.manifest.json")
    sqlite_site.manage("restore_backup", path, "--force")
    assert state(sqlite_site) == then
    sqlite_site.manage("sync_backups", url, "--pull")
    assert {row["id"] for row in listed(sqlite_site)} == {first["id"], second["id"]}
    for made in (first, second):
        assert verify(sqlite_site, made["id"])["ok"]
    assert len(objects(sqlite_site)) == len(list(folder.glob("backup_object_*")))


def test_a_folder_that_cant_be_read_leaves_the_others_in_objects(sqlite_site: Site) -> None:
    fill(sqlite_site)
    contents = {
        "gone": {"FOLDER": str(sqlite_site.folder / "gone")},
        "media": {"FOLDER": str(sqlite_site.media)},
    }
    more_settings(sqlite_site, f"TRUSTBACKUP['CONTENTS'] = {contents!r}")
    ended = sqlite_site.manage("create_backup", *INCREMENTAL, "--json", check=False)
    assert ended.returncode == 1
    (sentence,) = ended.json["amiss"]
    assert "media-gone" in sentence
    then = snapshot(sqlite_site.media)
    shutil.rmtree(sqlite_site.media)
    done = restore(sqlite_site, ended.json, "--part", "media")
    assert set(done["folders"]) == {"media/"}
    assert snapshot(sqlite_site.media) == then


def test_what_holds_no_files_cant_be_incremental(sqlite_site: Site) -> None:
    refused = sqlite_site.manage(
        "create_backup", "--type", "settings", "--incremental", check=False
    )
    assert_refused(refused, "Use --type media or full")
    assert not sqlite_site.backups.exists() or listed(sqlite_site) == []
