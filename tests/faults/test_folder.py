"""Rows 6, 8, 9 and 32: the order of calls, the folder's rights, names, foreign files."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.backups import (
    aftermath,
    assert_refused,
    leftovers,
    listed,
    make,
    snapshot,
    unchanged,
    verify,
)
from tests.support.sites import Site, finish
from tests.support.tracing import events, watching


def test_fault_06_each_file_is_flushed_then_named_then_its_folder_flushed_then_the_manifest(
    any_site: Site, strace: str, tmp_path: Path
) -> None:
    log = tmp_path / "trace"
    prefix = watching(strace, log, "openat,write,fsync,rename,renameat2,link,unlink")
    made = make(any_site, "--keep", prefix=prefix)
    root, identifier = any_site.backups, made["id"]
    draft = root / ".drafts" / identifier
    calls = [(call, file) for call, file, _line in events(log, root)]

    def position(call: str, path: Path) -> int:
        found = [index for index, item in enumerate(calls) if item == (call, str(path))]
        assert len(found) == 1, f"{call} {path}: {found}"
        return found[0]

    manifest = Path(made["manifest"]).name
    flushes = [index for index, item in enumerate(calls) if item == ("fsync", str(root))]
    names = (Path(made["files"][0]["path"]).name, f"backup_{identifier}.record.json")
    for name in names:
        flushed = position("fsync", draft / name)
        assert max(i for i, c in enumerate(calls) if c == ("write", str(draft / name))) < flushed
        assert flushed < position("rename", root / name) < flushes[0]
    journal = position("fsync", draft / "published")
    assert journal < position("fsync", draft) < position("rename", root / names[0])
    assert flushes[0] < position("openat", draft / manifest)
    flushed = position("fsync", draft / manifest)
    assert position("write", draft / manifest) < flushed < position("rename", root / manifest)
    assert position("rename", root / manifest) < flushes[1]
    assert len(flushes) == 2


def test_fault_06_a_delete_removes_the_manifest_first(
    sqlite_site: Site, strace: str, tmp_path: Path
) -> None:
    made = make(sqlite_site)
    log = tmp_path / "trace"
    prefix = watching(strace, log, "fsync,rename,unlink")
    sqlite_site.manage("delete_backup", made["id"], "--yes", "--last-good-too", prefix=prefix)
    root = sqlite_site.backups
    calls = [(call, file) for call, file, _line in events(log, root) if "/.restores/" not in file]
    tombstone = root / ".deleted" / Path(made["manifest"]).name
    assert calls == [
        ("rename", str(tombstone)),
        ("fsync", str(tombstone.parent)),
        ("fsync", str(root)),
        ("unlink", made["files"][0]["path"]),
        ("fsync", str(root)),
        ("unlink", str(tombstone)),
    ]


@pytest.fixture
def site_on_a_mount(any_site: Site, small_tmpfs: Callable[[int], Path]) -> Site:
    """A site with a backup in a folder that can be mounted read-only."""
    folder = small_tmpfs(8 << 20)
    site = replace(any_site, variables={"TRUSTBACKUP_ROOT": str(folder)})
    make(site)
    return site


def remount(folder: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode}", str(folder)], check=True)


def test_fault_08_a_read_only_folder_is_refused_and_its_backup_can_be_checked(
    site_on_a_mount: Site,
) -> None:
    folder = Path(site_on_a_mount.variables["TRUSTBACKUP_ROOT"])
    remount(folder, "ro")
    before = snapshot(folder)
    create = site_on_a_mount.manage("create_backup", "--json", check=False)
    assert_refused(create, "Opening the lock", str(folder), "Read-only file system")
    delete = site_on_a_mount.manage(
        "delete_backup", "latest", "--yes", "--last-good-too", check=False
    )
    assert_refused(delete, str(folder), "Read-only file system")
    keep = site_on_a_mount.manage("keep_backup", "latest", check=False)
    assert_refused(keep, "Read-only file system")
    assert verify(site_on_a_mount, "latest")["ok"]
    assert [item["state"] for item in listed(site_on_a_mount)] == ["complete"]
    assert "trustbackup.E003" in check_messages(site_on_a_mount)
    assert snapshot(folder) == before
    remount(folder, "rw")
    aftermath(site_on_a_mount)


def check_messages(site: Site) -> str:
    return site.manage("check", "--tag", "trustbackup", check=False).stderr


def test_fault_08_a_missing_folder_is_made_and_private(any_site: Site) -> None:
    site = replace(
        any_site, variables={"TRUSTBACKUP_ROOT": str(any_site.folder / "a" / "b" / "backups")}
    )
    root = Path(site.variables["TRUSTBACKUP_ROOT"])
    assert listed(site) == []
    assert not root.exists()
    assert "trustbackup.W001" in check_messages(site)
    assert_refused(site.manage("verify_backup", "latest", check=False), "no backup", str(root))
    make(site)
    assert root.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("where", ["backups", "backups/below"])
def test_fault_08_a_file_in_the_folders_place_is_refused(sqlite_site: Site, where: str) -> None:
    sqlite_site.backups.write_text("a file")
    site = replace(sqlite_site, variables={"TRUSTBACKUP_ROOT": str(sqlite_site.folder / where)})
    for command in (["create_backup"], ["list_backups"], ["verify_backup", "all"]):
        result = site.manage(*command, check=False)
        assert_refused(result, str(sqlite_site.backups))
    assert sqlite_site.backups.read_text() == "a file"


def test_fault_09_many_backups_in_one_second_all_have_names_of_their_own(any_site: Site) -> None:
    processes = [any_site.start("create_backup", "--json", "--name", str(n)) for n in range(6)]
    made = [finish(process).json for process in processes]
    found = listed(any_site)
    assert {item["id"] for item in found} == {item["id"] for item in made}
    assert len(found) == 6
    assert {item["name"] for item in found} == set("012345")
    assert verify(any_site, "all")["ok"]
    assert not leftovers(any_site.backups)


def test_fault_32_a_dump_without_its_manifest_is_unverified(any_site: Site) -> None:
    made = make(any_site)
    Path(made["manifest"]).unlink()
    (entry,) = listed(any_site)
    assert entry["state"] == "unverified"
    assert "no manifest" in entry["problem"]
    verdict = verify(any_site, made["id"])
    assert not verdict["ok"]
    assert_refused(any_site.manage("show_backup", "latest", check=False), "no backup")
    assert_refused(any_site.manage("restore_backup", "latest", "--force", check=False), "no backup")


def test_fault_32_swapped_manifests_belong_to_neither_backup(any_site: Site) -> None:
    first, second = make(any_site), make(any_site)
    one, two = Path(first["manifest"]), Path(second["manifest"])
    aside = one.with_name("aside")
    one.rename(aside)
    two.rename(one)
    aside.rename(two)
    for entry in listed(any_site):
        assert entry["state"] == "unreadable"
        assert "it belongs to backup" in entry["problem"]
    verdict = verify(any_site, "all")
    assert not verdict["ok"]
    assert len(verdict["problems"]) == 2
    restore = any_site.manage("restore_backup", first["id"], "--force", check=False)
    assert_refused(restore, one.name, second["id"])


@pytest.mark.three_engines
def test_fault_32_swapped_data_files_are_found_corrupt(any_site: Site) -> None:
    first = make(any_site)
    any_site.query("DELETE FROM shop_cartitem")
    second = make(any_site)
    one, two = (Path(made["files"][0]["path"]) for made in (first, second))
    aside = one.with_name("aside")
    one.rename(aside)
    two.rename(one)
    aside.rename(two)
    assert not verify(any_site, first["id"])["ok"]
    assert not verify(any_site, second["id"])["ok"]
    restore = any_site.manage("restore_backup", first["id"], "--force", check=False)
    assert_refused(restore, one.name)


def test_fault_32_foreign_files_are_neither_listed_nor_deleted(any_site: Site) -> None:
    make(any_site)
    root = any_site.backups
    foreign = {
        "notes.txt": "n",
        "backup.manifest.json": "{}",
        "backup_.dump.gz": "d",
        "backup_2026-01-01.manifest.json": "{}",
        "backup_2026-01-01_00-00-00.manifest.json.bak": "{}",
        "default-vm-2026-11-20-113519.dump.gz": "django-dbbackup's own",
        "x_backup_2026-01-01_00-00-00.dump.gz": "d",
        ".drafts/mine": "m",
        ".deleted/mine": "m",
    }
    for name, text in foreign.items():
        (root / name).write_text(text)
    (root / "backup_2025-01-01_00-00-00.dump.gz").mkdir()
    dump = root / "backup_2024-01-01_00-00-00.dump.gz"
    dump.write_bytes(b"not a dump")
    found = listed(any_site)
    assert [item["state"] for item in found] == ["complete", "unverified"]
    any_site.manage("rescan_backups")
    for entry in found[:1]:
        any_site.manage("delete_backup", entry["id"], "--yes", "--last-good-too")
    make(any_site)
    for name, text in foreign.items():
        assert (root / name).read_text() == text
    assert dump.read_bytes() == b"not a dump"
    verdict = any_site.manage("verify_backup", "2024-01-01_00-00-00", check=False)
    assert_refused(verdict, "no manifest", dump.name)
    restore = any_site.manage("restore_backup", str(dump), "--force", check=False)
    assert_refused(restore, dump.name)


def test_fault_32_a_manifest_of_another_site_is_known_as_such(any_site: Site) -> None:
    made = make(any_site, env={"SECRET_KEY": "another-sites-secret-key-of-more-than-fifty-chars"})
    (entry,) = listed(any_site)
    assert entry["signature"] == "unknown"
    verdict = verify(any_site, made["id"])
    assert verdict["problems"] == ["The manifest was signed by an unknown key."]
    restore = any_site.manage("restore_backup", made["id"], "--force", check=False)
    assert_refused(restore, made["id"], "signed by an unknown key")


def test_fault_32_an_altered_manifest_is_damaged_and_not_restored(any_site: Site) -> None:
    made = make(any_site)
    manifest = Path(made["manifest"])
    document = json.loads(manifest.read_bytes())
    document["created"] = "2030-01-01T00:00:00.000000Z"
    manifest.write_text(json.dumps(document, indent=1))
    (entry,) = listed(any_site)
    assert (entry["state"], entry["signature"]) == ("damaged", "altered")
    assert "altered since it was signed" in entry["problem"]
    with unchanged(any_site.backups):
        restore = any_site.manage("restore_backup", made["id"], "--force", check=False)
    assert_refused(restore, made["id"], "altered since it was signed")
