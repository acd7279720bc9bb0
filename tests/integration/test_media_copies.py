"""Copies of backups whose files lie in objects: what lacks is sent, and brought back."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

from tests.support.backups import listed, make, more_settings, verify
from tests.support.media import MEDIA, fill, restored, snapshot
from tests.support.sites import Site

INCREMENTAL = (*MEDIA, "--incremental")


def objects(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in sorted(folder.glob("backup_object_*"))}


def place(site: Site) -> tuple[Path, str]:
    folder = site.folder / "copies"
    return folder, f"file://{folder}"


def sync(site: Site, url: str, *options: str) -> Any:
    return site.manage("sync_backups", url, "--json", *options).json


def test_a_copy_gets_what_it_lacks_and_restores_where_nothing_else_is_left(
    sqlite_site: Site,
) -> None:
    fill(sqlite_site)
    (sqlite_site.media / "film").write_bytes(os.urandom(9 << 20))
    folder, url = place(sqlite_site)
    first = make(sqlite_site, *INCREMENTAL, "--to", url)
    assert objects(folder).keys() == objects(sqlite_site.backups / "objects").keys()
    there = objects(folder)
    (sqlite_site.media / "uploads" / "cup.txt").write_text("another cup")
    then = snapshot(sqlite_site.media)
    second = make(sqlite_site, *INCREMENTAL, "--to", url)
    assert there.items() < objects(folder).items()
    verified = sqlite_site.manage("verify_backup", second["id"], "--at", url)
    assert "every hash matches" in verified.stdout
    shutil.rmtree(sqlite_site.backups)
    shutil.rmtree(sqlite_site.media)
    sync(sqlite_site, url, "--pull")
    for made in (first, second):
        assert verify(sqlite_site, made["id"])["ok"]
    restored(sqlite_site, second)
    assert snapshot(sqlite_site.media) == then


def test_a_copy_that_lacks_objects_is_found_and_mended(sqlite_site: Site) -> None:
    fill(sqlite_site)
    folder, url = place(sqlite_site)
    made = make(sqlite_site, *INCREMENTAL, "--to", url)
    (name,) = objects(folder)
    content = bytearray((folder / name).read_bytes())
    content[1000] ^= 1
    (folder / name).write_bytes(content)
    verified = sqlite_site.manage("verify_backup", made["id"], "--at", url, "--json", check=False)
    assert verified.json["problems"] == [f"1 object of media is missing or damaged: {name}."]
    aside = shutil.move(sqlite_site.backups, sqlite_site.folder / "aside")
    refused = sqlite_site.manage("sync_backups", url, "--pull", "--json", check=False)
    assert refused.returncode == 1
    assert "it is corrupt there" in refused.stdout + refused.stderr
    assert listed(sqlite_site) == []
    assert objects(sqlite_site.backups / "objects") == {}
    shutil.rmtree(sqlite_site.backups)
    shutil.move(aside, sqlite_site.backups)
    (folder / name).unlink()
    compared = sqlite_site.manage("sync_backups", url, "--json", "--dry-run", check=False)
    assert "1 object of it is not there." in compared.stdout
    sync(sqlite_site, url)
    assert list(objects(folder)) == [name]
    assert "is whole" in sqlite_site.manage("verify_backup", made["id"], "--at", url).stdout


def test_evicted_files_take_their_objects_along_and_come_back(sqlite_site: Site) -> None:
    fill(sqlite_site)
    then = snapshot(sqlite_site.media)
    folder, url = place(sqlite_site)
    first = make(sqlite_site, *INCREMENTAL, "--to", url)
    shutil.rmtree(sqlite_site.media)
    sqlite_site.media.mkdir()
    (sqlite_site.media / "another").write_text("another")
    sqlite_site.manage("verify_backup", first["id"], "--restore")
    more_settings(sqlite_site, "TRUSTBACKUP['KEEP_LOCAL'] = 1")
    second = make(sqlite_site, *INCREMENTAL, "--to", url)
    assert second["offloaded"] == [first["id"]]
    here = sqlite_site.backups / "objects"
    assert len(objects(here)) == len(["the first", "the second"])
    for path in here.iterdir():
        os.utime(path, (time.time() - 7200,) * 2)
    swept = sqlite_site.manage("sweep_objects", "--json").json
    assert (len(swept["removed"]), len(objects(here))) == (1, 1)
    assert len(objects(folder)) == len(["the first", "the second"])
    restored(sqlite_site, first)
    assert snapshot(sqlite_site.media) == then


def test_a_sweep_at_a_destination_leaves_what_a_copy_names_and_waits_a_day(
    sqlite_site: Site,
) -> None:
    fill(sqlite_site)
    folder, url = place(sqlite_site)
    first = make(sqlite_site, *INCREMENTAL, "--to", url)
    (sqlite_site.media / "film").write_bytes(os.urandom(9 << 20))
    second = make(sqlite_site, *INCREMENTAL, "--to", url)
    for name in list(os.listdir(folder)):
        if name.startswith(f"backup_{second['id']}"):
            (folder / name).unlink()
    three = set(objects(folder))
    assert sqlite_site.manage("sweep_objects", "--at", url, "--json").json["young"] == 1
    assert set(objects(folder)) == three
    for name in three:
        os.utime(folder / name, (time.time() - 2 * 86400,) * 2)
    dry = sqlite_site.manage("sweep_objects", "--at", url, "--json", "--dry-run").json
    assert (len(dry["removed"]), set(objects(folder))) == (1, three)
    manifest = folder / f"backup_{first['id']}.manifest.json"
    content = manifest.read_bytes()
    manifest.write_bytes(content[:-10])
    refused = sqlite_site.manage("sweep_objects", "--at", url, check=False)
    assert (refused.returncode, set(objects(folder))) == (1, three)
    assert "does not tell its own" in refused.stderr
    manifest.write_bytes(content)
    sqlite_site.manage("sweep_objects", "--at", url)
    assert set(objects(folder)) == three - {f"backup_object_{dry['removed'][0]}"}
    assert "is whole" in sqlite_site.manage("verify_backup", first["id"], "--at", url).stdout


def test_a_copy_in_a_folder_is_restored_by_its_path(sqlite_site: Site) -> None:
    fill(sqlite_site)
    then = snapshot(sqlite_site.media)
    folder, url = place(sqlite_site)
    made = make(sqlite_site, *INCREMENTAL, "--to", url)
    shutil.rmtree(sqlite_site.backups)
    shutil.rmtree(sqlite_site.media)
    path = str(folder / f"backup_{made['id']}.manifest.json")
    sqlite_site.manage("restore_backup", path, "--force")
    assert snapshot(sqlite_site.media) == then


def test_a_bundle_and_an_upload_say_that_objects_travel_by_copies(sqlite_site: Site) -> None:
    fill(sqlite_site)
    made = make(sqlite_site, *INCREMENTAL)
    paths = [file["path"] for file in made["files"]] + [made["manifest"]]
    away = sqlite_site.folder / "away"
    away.mkdir()
    for path in paths:
        shutil.move(path, away)
    shutil.rmtree(sqlite_site.backups)
    refused = sqlite_site.manage("adopt_backup", *map(str, away.iterdir()), check=False)
    assert refused.returncode == 1
    assert "1 object of media is missing" in refused.stderr
    assert "sync_backups --pull" in refused.stderr


def test_two_folders_are_two_parts_and_one_may_have_no_object(sqlite_site: Site) -> None:
    fill(sqlite_site)
    invoices = sqlite_site.folder / "invoices"
    invoices.mkdir()
    (invoices / "one.pdf").write_bytes(os.urandom(9 << 20))
    (invoices / "empty").touch()
    contents = {"media": {"FOLDER": str(sqlite_site.media)}, "bills": {"FOLDER": str(invoices)}}
    more_settings(sqlite_site, f"TRUSTBACKUP['CONTENTS'] = {contents!r}")
    _folder, url = place(sqlite_site)
    made = make(sqlite_site, *INCREMENTAL, "--to", url)
    assert verify(sqlite_site, made["id"])["ok"]
    assert "is whole" in sqlite_site.manage("verify_backup", made["id"], "--at", url).stdout
    (invoices / "one.pdf").unlink()
    empty = make(sqlite_site, *INCREMENTAL, "--to", url)
    assert verify(sqlite_site, empty["id"])["ok"]
    assert "is whole" in sqlite_site.manage("verify_backup", empty["id"], "--at", url).stdout
