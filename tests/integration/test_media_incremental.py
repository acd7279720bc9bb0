"""Uploaded files as objects that backups share: out, proven, and back; deleted without harm."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path

from tests.support.backups import listed, make, verify
from tests.support.media import MEDIA, fill, restored, snapshot
from tests.support.sites import Site, finish
from trustbackup.exceptions import Busy
from trustbackup.operations.backup.sweep import sweep_objects
from trustbackup.store.folder import BackupFolder
from trustbackup.store.signature import Signer

INCREMENTAL = (*MEDIA, "--incremental")


def objects(site: Site) -> dict[str, int]:
    folder = site.backups / "objects"
    return {path.name: path.stat().st_size for path in sorted(folder.glob("backup_object_*"))}


def age(site: Site) -> None:
    """Let the grace of all objects be over."""
    for path in (site.backups / "objects").iterdir():
        os.utime(path, (time.time() - 7200,) * 2)


def test_each_backup_restores_by_itself_and_writes_what_is_new(sqlite_site: Site) -> None:
    fill(sqlite_site)
    (sqlite_site.media / "film").write_bytes(os.urandom(9 << 20))
    first_state = snapshot(sqlite_site.media)
    first = make(sqlite_site, *INCREMENTAL)
    assert [file["file"] for file in first["files"]] == [
        f"backup_{first['id']}.media.jsonl.gz",
        f"backup_{first['id']}.media-files.jsonl.gz",
    ]
    before = objects(sqlite_site)
    assert len(before) == len(["the film", "a pack"])
    again = make(sqlite_site, *INCREMENTAL)
    assert objects(sqlite_site) == before
    (sqlite_site.media / "uploads" / "cup.txt").write_text("another cup")
    (sqlite_site.media / "large").rename(sqlite_site.media / "moved")
    shutil.copy(sqlite_site.media / "film", sqlite_site.media / "the same film")
    second_state = snapshot(sqlite_site.media)
    second = make(sqlite_site, *INCREMENTAL)
    new = {name: size for name, size in objects(sqlite_site).items() if name not in before}
    assert list(new.values()) == [len("another cup")]
    (found,) = [row for row in listed(sqlite_site) if row["id"] == second["id"]]
    assert (found["kind"], found["databases"], found["state"]) == ("media", ["media/"], "complete")
    for made in (first, second):
        assert verify(sqlite_site, made["id"])["ok"]
        drilled = sqlite_site.manage("verify_backup", made["id"], "--restore").stdout
        assert "every file's content compared" in drilled
    sqlite_site.manage("delete_backup", again["id"], "--yes")
    shutil.rmtree(sqlite_site.media)
    restored(sqlite_site, first)
    assert snapshot(sqlite_site.media) == first_state
    restored(sqlite_site, second)
    assert snapshot(sqlite_site.media) == second_state
    sqlite_site.manage("undo_restore")
    assert snapshot(sqlite_site.media) == first_state


def test_deleting_one_backup_hurts_no_other_and_frees_what_none_names(sqlite_site: Site) -> None:
    fill(sqlite_site)
    first = make(sqlite_site, *INCREMENTAL)
    shared = objects(sqlite_site)
    (sqlite_site.media / "film").write_bytes(os.urandom(9 << 20))
    second = make(sqlite_site, *INCREMENTAL)
    (sqlite_site.media / "film").unlink()
    third = make(sqlite_site, *INCREMENTAL)
    assert len(objects(sqlite_site)) == len(shared) + 1
    sqlite_site.manage("delete_backup", second["id"], "--yes")
    assert len(objects(sqlite_site)) == len(shared) + 1  # a grace is given to what is young
    age(sqlite_site)
    sqlite_site.manage("delete_backup", first["id"], "--yes")
    assert objects(sqlite_site) == shared
    assert verify(sqlite_site, third["id"])["ok"]


def test_what_is_left_of_a_hardly_used_pack_moves_and_the_pack_goes(sqlite_site: Site) -> None:
    fill(sqlite_site)
    (sqlite_site.media / "most of it").write_bytes(os.urandom(7 << 20))
    first = make(sqlite_site, *INCREMENTAL)
    [pack] = objects(sqlite_site)
    (sqlite_site.media / "most of it").unlink()
    then = snapshot(sqlite_site.media)
    second = make(sqlite_site, *INCREMENTAL)
    assert list(objects(sqlite_site)) == [pack]
    third = make(sqlite_site, *INCREMENTAL)
    there = objects(sqlite_site)
    assert (len(there), sum(there.values()) - there[pack] < there[pack] / 2) == (2, True)
    make(sqlite_site, *INCREMENTAL)
    assert objects(sqlite_site) == there
    age(sqlite_site)
    sqlite_site.manage("delete_backup", first["id"], second["id"], "--yes")
    assert set(objects(sqlite_site)) == set(there) - {pack}
    assert verify(sqlite_site, third["id"])["ok"]
    shutil.rmtree(sqlite_site.media)
    restored(sqlite_site, third)
    assert snapshot(sqlite_site.media) == then


def test_a_list_that_cannot_be_read_stops_the_sweep(sqlite_site: Site) -> None:
    fill(sqlite_site)
    first = make(sqlite_site, *INCREMENTAL)
    shutil.rmtree(sqlite_site.media)
    sqlite_site.media.mkdir()
    (sqlite_site.media / "another").write_bytes(os.urandom(3 << 20))
    second = make(sqlite_site, *INCREMENTAL)
    third = make(sqlite_site, *INCREMENTAL)
    age(sqlite_site)
    there = objects(sqlite_site)
    path = sqlite_site.backups / f"backup_{second['id']}.media.jsonl.gz"
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    sqlite_site.manage("delete_backup", first["id"], "--yes")
    assert objects(sqlite_site) == there
    path.write_bytes(content)
    sqlite_site.manage("delete_backup", second["id"], "--yes")
    assert len(objects(sqlite_site)) < len(there)
    assert verify(sqlite_site, third["id"])["ok"]


def test_fault_31_a_damaged_object_is_found_and_written_again(sqlite_site: Site) -> None:
    fill(sqlite_site)
    then = snapshot(sqlite_site.media)
    first = make(sqlite_site, *INCREMENTAL)
    (name,) = objects(sqlite_site)
    path: Path = sqlite_site.backups / "objects" / name
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    ended = sqlite_site.manage("verify_backup", first["id"], "--json", check=False)
    assert ended.returncode == 1
    assert f"1 object of media is missing or damaged: {name}." in ended.json["problems"]
    refused = sqlite_site.manage("restore_backup", first["id"], "--force", check=False)
    assert refused.returncode == 1
    assert "its content in the objects is not the one of its hash" in refused.stderr
    assert snapshot(sqlite_site.media) == then
    mended = make(sqlite_site, *INCREMENTAL, "--read-all")
    assert verify(sqlite_site, first["id"])["ok"]
    assert verify(sqlite_site, mended["id"])["ok"]


def test_where_the_objects_are_gone_nothing_is_touched_and_the_next_backup_is_whole(
    sqlite_site: Site,
) -> None:
    fill(sqlite_site)
    then = snapshot(sqlite_site.media)
    first = make(sqlite_site, *INCREMENTAL)
    (name,) = objects(sqlite_site)
    shutil.rmtree(sqlite_site.backups / "objects")
    refused = sqlite_site.manage("restore_backup", first["id"], "--force", check=False)
    assert f"1 object of media is missing or damaged: {name}." in refused.stderr
    assert snapshot(sqlite_site.media) == then
    made = make(sqlite_site, *INCREMENTAL)
    assert verify(sqlite_site, made["id"])["ok"]
    shutil.rmtree(sqlite_site.media)
    restored(sqlite_site, made)
    assert snapshot(sqlite_site.media) == then


def test_sweeps_that_go_on_while_a_backup_is_made_take_nothing_of_it(sqlite_site: Site) -> None:
    fill(sqlite_site)
    make(sqlite_site, *INCREMENTAL)
    folder = BackupFolder(sqlite_site.backups, Signer(["whoever signed"]))
    (sqlite_site.media / "film").write_bytes(os.urandom(9 << 20))
    (sqlite_site.media / "uploads" / "cup.txt").write_text("another cup")
    running = sqlite_site.start("create_backup", *INCREMENTAL)
    swept = 0
    while running.poll() is None:
        with contextlib.suppress(Busy):
            sweep_objects(folder, grace=-3600.0)  # what is young, too
            swept += 1
        time.sleep(0.001)
    assert finish(running, timeout=60).returncode == 0
    assert swept
    verified = sqlite_site.manage("verify_backup", "all", "--json").json
    assert (verified["ok"], len(verified["backups"])) == (True, 2)
