"""Full backups and those of the settings: copied and back, by plans, and crafted by others."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.integration.test_app_restore_page import browse
from tests.integration.test_full_backup import FULL, change, restore, state
from tests.integration.test_plan_runs import give_plans
from tests.support.backups import assert_refused, listed, make, more_settings, verify
from tests.support.content import digest
from tests.support.media import a_file, beside, index_of
from tests.support.sites import SECRET_KEY, Site
from tests.unit.test_media_crafted import file, special, tar_of
from trustbackup.store import manifest as manifests
from trustbackup.store.signature import Signer

LOOK = """
made = VALUE
pages = [said(operator.get(f"{BASE}backup/{made}/restore/", {"part": part}))
         for part in ("", "media")]
print(json.dumps(pages))
"""


def test_what_lies_at_a_destination_alone_is_offered_on_the_page_and_comes_back(
    sqlite_site: Site,
) -> None:
    url = f"file://{sqlite_site.folder / 'copies'}"
    then = state(sqlite_site)
    made = make(sqlite_site, *FULL, "--to", url)
    sqlite_site.manage("verify_backup", made["id"], "--restore")
    change(sqlite_site)
    more_settings(sqlite_site, "TRUSTBACKUP['KEEP_LOCAL'] = 1")
    assert make(sqlite_site, *FULL, "--to", url)["offloaded"] == [made["id"]]
    both, files = browse(sqlite_site, LOOK.replace("VALUE", repr(made["id"])))
    assert "Replace the database and the files" in both, both[both.find("</h1>") :]
    assert "Replace the uploaded files" in files
    assert "it is fetched first" in files
    for page in (both, files):
        assert str(sqlite_site.media) in page
        assert "Not in the backup" not in page
    restore(sqlite_site, made)
    assert state(sqlite_site) == then


def test_full_and_settings_backups_come_back_from_a_destination_where_nothing_is_left(
    sqlite_site: Site,
) -> None:
    url = f"file://{sqlite_site.folder / 'copies'}"
    then = state(sqlite_site)
    rows = make(sqlite_site, "--type", "settings", "--to", url)
    made = make(sqlite_site, *FULL, "--to", url)
    for each in (rows, made):
        assert [copied["error"] for copied in each["copies"]] == [""]
        told = sqlite_site.manage("verify_backup", each["id"], "--at", url).stdout
        assert "is whole" in told or "every hash matches" in told
    shutil.rmtree(sqlite_site.backups)
    shutil.rmtree(sqlite_site.media)
    sqlite_site.sqlite_file.unlink()
    sqlite_site.manage("restore_backup", "latest", "--from", url, "--force")
    assert state(sqlite_site) == then
    assert beside(sqlite_site) == []
    sqlite_site.manage("sync_backups", url, "--pull")
    assert {found["id"]: found["state"] for found in listed(sqlite_site)} == {
        made["id"]: "complete", rows["id"]: "complete"
    }  # fmt: skip
    restore(sqlite_site, rows)
    assert digest(sqlite_site) == then[0]


def test_archives_of_files_are_taken_over_with_their_manifest_and_never_without(
    sqlite_site: Site,
) -> None:
    made, then = make(sqlite_site, "--type", "media"), state(sqlite_site)
    away = shutil.move(sqlite_site.backups, sqlite_site.folder / "away")
    paths = sorted(str(path) for path in Path(away).glob("backup_*"))
    (archive,) = (path for path in paths if ".media.tar" in path)
    alone = shutil.copy(archive, sqlite_site.home)
    assert_refused(sqlite_site.manage("adopt_backup", alone, check=False), "media.tar.gz")
    assert listed(sqlite_site) == []
    sqlite_site.manage("adopt_backup", *paths)
    assert verify(sqlite_site, made["id"])["ok"]
    change(sqlite_site)
    restore(sqlite_site, made)
    assert state(sqlite_site)[1] == then[1]


def test_a_plan_of_everything_runs_and_keeps_what_its_rules_say(sqlite_site: Site) -> None:
    give_plans(
        sqlite_site,
        all={"KIND": "full", "SCHEDULE": "@hourly", "RETENTION": {"last": 1}},
        rows={"KIND": "settings", "SCHEDULE": "@hourly", "RETENTION": {"last": 1}},
    )
    first = [made["id"] for made in listed_after_plans(sqlite_site)]
    second = listed_after_plans(sqlite_site)
    assert sorted(made["kind"] for made in second) == ["full", "settings"]
    assert not set(first) & {made["id"] for made in second}
    (whole,) = (made for made in second if made["kind"] == "full")
    assert whole["databases"] == ["default", "media/", "settings"]
    assert verify(sqlite_site, whole["id"])["ok"]
    change(sqlite_site)
    restore(sqlite_site, whole)
    assert sorted(found["kind"] for found in listed(sqlite_site)) == ["full", "settings"]


def listed_after_plans(site: Site) -> list[dict[str, Any]]:
    ran = site.manage("backup_all", "--json").json
    assert [each["state"] for each in ran] == ["succeeded", "succeeded"], ran
    return listed(site)


def test_a_crafted_archive_within_restores_neither_files_nor_rows(sqlite_site: Site) -> None:
    made = make(sqlite_site, *FULL)
    change(sqlite_site)
    there, evil = state(sqlite_site), sqlite_site.folder / "evil"
    told = a_file("../evil", b"x", hashlib.sha256(b"x").hexdigest())
    link = special("way", tarfile.SYMTYPE, str(sqlite_site.folder))
    for tar, listing in (
        (tar_of(file("../evil", b"x")), None),
        (tar_of(file(str(evil), b"x")), None),
        (tar_of(link, file("way/evil", b"x")), None),
        (tar_of(file("../evil", b"x")), index_of([told])),
        (tar_of(file(str(evil), b"x")), index_of([replace(told, path=str(evil))])),
    ):
        swap_part(made, "media", tar)
        if listing is not None:
            swap_part(made, "media-files", listing)
        for part in ([], ["--part", "media"]):
            ended = sqlite_site.manage("restore_backup", made["id"], "--force", *part, check=False)
            assert_refused(ended, "another copy")
            assert state(sqlite_site) == there
        assert not evil.exists()
        assert beside(sqlite_site) == []
    assert sqlite_site.manage("list_restores", "--json").json == []
    assert not list(sqlite_site.backups.glob(".restores/*.json"))


def swap_part(made: dict[str, Any], name: str, data: bytes) -> None:
    """Let a part be something else, as if this site had signed it."""
    signer, path = Signer([SECRET_KEY]), Path(made["manifest"])
    document, _signature = manifests.read_signed(path.read_bytes(), signer)
    found = manifests.load(document, expected_id=made["id"])
    packed = gzip.compress(data)
    parts = []
    for part in found.parts:
        if part.part == name:
            (path.parent / part.file).write_bytes(packed)
            sha256 = hashlib.sha256(packed).hexdigest()
            values = {"bytes": len(packed), "raw_bytes": len(data), "sha256": sha256}
            part = replace(part, **values)
        parts.append(part)
    path.write_bytes(manifests.dump(replace(found, parts=tuple(parts), signature={}), signer))
