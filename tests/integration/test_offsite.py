"""Copies at destinations: made, listed, checked, synchronised, and the way back from nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.backups import assert_refused, leftovers, listed, make, snapshot
from tests.support.content import digest
from tests.support.offsite import add, look
from tests.support.sites import Site


def url(path: Path) -> str:
    return path.as_uri()


def test_a_backup_goes_to_the_automatic_destinations_right_away(
    any_site: Site, offloaded: Path
) -> None:
    add(any_site, offloaded)
    made = make(any_site)
    (copied,) = made["copies"]
    assert (copied["destination"], copied["error"], copied["tries"]) == ("disk", "", 1)
    there = {path.name: path.read_bytes() for path in offloaded.iterdir() if path.is_file()}
    files = [Path(made["manifest"]), *(Path(file["path"]) for file in made["files"])]
    assert there == {path.name: path.read_bytes() for path in files}
    found = look(any_site)
    assert found["copies"] == [["stored", 1, ""]]
    assert any_site.manage("verify_backup", "latest", "--at", "disk").returncode == 0
    assert look(any_site)["copies"][0][0] == "verified"


def test_fault_51_one_destination_down_stops_no_other(
    any_site: Site, offloaded: Path, tmp_path: Path
) -> None:
    add(any_site, offloaded, name="good")
    add(any_site, tmp_path / "not mounted" / "copies", name="down")
    result = any_site.manage("create_backup", "--json", check=False)
    assert result.returncode == 1
    outcome = {item["destination"]: item for item in result.json["copies"]}
    assert not outcome["good"]["error"]
    assert "not mounted" in outcome["down"]["error"]
    assert len(listed(any_site)) == 1, "the backup itself is there"
    found = look(any_site)
    assert found["runs"] == [["create", "partial"]]
    assert sorted(state for state, _tries, _problem in found["copies"]) == ["failed", "stored"]


def test_sync_brings_what_is_missing_in_both_directions(any_site: Site, offloaded: Path) -> None:
    first, second = make(any_site), make(any_site)
    there = url(offloaded)
    (looked,) = any_site.manage("sync_backups", there, "--dry-run", "--json", check=False).json
    assert looked["only_here"] == [first["id"], second["id"]]
    assert any_site.manage("sync_backups", there).returncode == 0
    assert {item["id"] for item in remote(any_site, there)} == {first["id"], second["id"]}
    any_site.manage("delete_backup", first["id"], "--yes")
    (pulled,) = any_site.manage("sync_backups", there, "--pull", "--json").json
    assert pulled["fetched"] == [first["id"]]
    assert {row["id"] for row in listed(any_site)} == {first["id"], second["id"]}
    assert any_site.manage("verify_backup", "all").returncode == 0
    assert leftovers(any_site.backups) == []


def remote(site: Site, there: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = site.manage("list_backups", "--at", there, "--json").json
    return found


def test_fault_31_a_bit_that_flips_at_rest_is_found_and_never_restored(
    sqlite_site: Site, offloaded: Path
) -> None:
    made = make(sqlite_site, "--to", url(offloaded))
    now = digest(sqlite_site)
    copy = offloaded / made["files"][0]["file"]
    data = bytearray(copy.read_bytes())
    data[len(data) // 2] ^= 4
    copy.write_bytes(data)
    result = sqlite_site.manage("verify_backup", "all", "--at", url(offloaded), check=False)
    assert result.returncode == 1
    assert "corrupt" in result.stderr
    shutil.rmtree(sqlite_site.backups)
    refused = sqlite_site.manage(
        "restore_backup", "latest", "--from", url(offloaded), "--force", "--json", check=False
    )
    assert_refused(refused, made["files"][0]["file"])
    assert digest(sqlite_site) == now
    assert listed(sqlite_site) == []
    assert leftovers(sqlite_site.backups) == []


CANCEL = """
from trustbackup.exceptions import Cancelled
from trustbackup.operations.offsite.verify import verify_at
from trustbackup.operations.offsite.targets import find_destination
def stop(progress):
    raise Cancelled()
try:
    verify_at(find_destination("disk"), ["latest"], stop)
except Cancelled:
    print("cancelled")
"""


def test_a_check_that_is_cancelled_says_nothing_about_the_copy(
    sqlite_site: Site, offloaded: Path
) -> None:
    add(sqlite_site, offloaded)
    make(sqlite_site)
    assert sqlite_site.manage("verify_backup", "latest", "--at", "disk").returncode == 0
    said = sqlite_site.manage("shell", "--verbosity", "0", "-c", CANCEL).stdout
    assert said == "cancelled\n"
    assert look(sqlite_site)["copies"] == [["verified", 1, ""]]


def test_a_copy_without_its_manifest_is_none(sqlite_site: Site, offloaded: Path) -> None:
    made = make(sqlite_site, "--to", url(offloaded))
    (offloaded / Path(made["manifest"]).name).unlink()
    (item,) = remote(sqlite_site, url(offloaded))
    assert not item["complete"]
    refused = sqlite_site.manage(
        "restore_backup", "latest", "--from", url(offloaded), "--force", "--json", check=False
    )
    assert_refused(refused, "There is no backup at")
    assert sqlite_site.manage("sync_backups", url(offloaded)).returncode == 0
    (item,) = remote(sqlite_site, url(offloaded))
    assert item["complete"]


def test_the_same_backup_twice_is_copied_once_and_another_never_overwritten(
    sqlite_site: Site, offloaded: Path
) -> None:
    made = make(sqlite_site, "--to", url(offloaded))
    before = snapshot(offloaded)
    assert sqlite_site.manage("sync_backups", url(offloaded)).returncode == 0
    assert snapshot(offloaded) == before
    manifest = offloaded / Path(made["manifest"]).name
    manifest.unlink()
    other = offloaded / made["files"][0]["file"]
    other.write_bytes(b"another backup of that name")
    result = sqlite_site.manage("sync_backups", url(offloaded), check=False)
    assert result.returncode == 1
    assert other.read_bytes() == b"another backup of that name"


def test_a_destination_is_tested_step_by_step(sqlite_site: Site, offloaded: Path) -> None:
    good = sqlite_site.manage("test_destination", url(offloaded), "--json").json
    assert good["ok"]
    assert len(good["steps"]) >= 4
    assert not [path for path in offloaded.rglob("*") if path.is_file()], "nothing stays behind"
    bad = sqlite_site.manage("test_destination", url(offloaded / "a" / "b"), "--json", check=False)
    assert bad.returncode == 1
    assert not bad.json["ok"]
    assert bad.json["steps"][-1]["detail"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sync_backups"], "There is no destination"),
        (["sync_backups", "nowhere"], "nowhere"),
        (["create_backup", "--to", "nowhere"], "nowhere"),
        (["create_backup", "--to", "gopher://x/y"], "gopher"),
        (["list_backups", "--at", "file://elsewhere/x"], "folder of this machine"),
        (["test_destination", "sftp://user:secret@host/x"], "password"),
        (["restore_backup", "latest", "--from", "storage://"], "STORAGES"),
        (["verify_backup", "latest", "--at", "s3://UPPER CASE"], "space"),
    ],
)
def test_what_is_no_destination_is_a_sentence(
    sqlite_site: Site, arguments: list[str], said: str
) -> None:
    result = sqlite_site.manage(*arguments, "--json", check=False)
    assert_refused(result, said)
    assert "secret" not in result.stderr
    assert listed(sqlite_site) == [], "nothing is made before the destination is known"


@pytest.mark.parametrize("url", ["storage://default/copies", "file://{media}/copies"])
def test_case_t2_no_copy_goes_where_visitors_see_it(sqlite_site: Site, url: str) -> None:
    media = sqlite_site.manage(
        "shell",
        "--verbosity",
        "0",
        "-c",
        "from django.conf import settings as s; print(s.MEDIA_ROOT)",
    ).stdout.strip()
    assert media
    made = sqlite_site.manage(
        "create_backup", "--to", url.format(media=media), "--json", check=False
    )
    assert made.returncode == 1
    (copied,) = made.json["copies"]
    assert "inside MEDIA_ROOT" in copied["error"]
    assert copied["permanent"]
    assert not (Path(media) / "copies").exists()
