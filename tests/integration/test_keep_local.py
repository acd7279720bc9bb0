"""``KEEP_LOCAL``: older data is dropped here once a destination has it, and comes back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.backups import (
    assert_refused,
    leftovers,
    listed,
    make,
    more_settings,
    verify,
)
from tests.support.content import digest
from tests.support.offsite import add, look, shell
from tests.support.restores import go_on
from tests.support.sites import Site


@pytest.fixture
def away(tmp_path: Path) -> Path:
    folder = tmp_path / "another disk" / "copies"
    folder.parent.mkdir()
    return folder


def keep_local(site: Site, count: object) -> None:
    more_settings(site, f"TRUSTBACKUP = {{**TRUSTBACKUP, 'KEEP_LOCAL': {count!r}}}")


def data(site: Site) -> list[str]:
    """The ids whose data is here."""
    return sorted(path.name[7:-8] for path in site.backups.glob("*.dump.gz"))


def states(site: Site) -> dict[str, str]:
    return {row["id"]: row["state"] for row in listed(site)}


def record(site: Site, identifier: str) -> Any:
    return json.loads((site.backups / f"backup_{identifier}.record.json").read_bytes())


def test_the_newest_keep_their_data_and_older_ones_are_elsewhere(
    any_site: Site, away: Path
) -> None:
    add(any_site, away)
    keep_local(any_site, 1)
    first, second = make(any_site), make(any_site)
    third = make(any_site)
    assert [made["dropped"] for made in (first, second, third)] == [
        [],
        [first["id"]],
        [second["id"]],
    ]
    assert data(any_site) == [third["id"]]
    rows = {row["id"]: row for row in listed(any_site)}
    assert rows[third["id"]]["state"] == "complete"
    assert rows[first["id"]]["state"] == "elsewhere"
    assert rows[first["id"]]["elsewhere"] == "disk"
    assert rows[first["id"]]["problem"] == ""
    assert rows[first["id"]]["bytes"] == first["files"][0]["bytes"]
    assert "at disk" in any_site.manage("list_backups").stdout
    assert "at disk only" in any_site.manage("show_backup", first["id"]).stdout
    assert any_site.manage("rescan_backups", "--json").json["states"]["elsewhere"] == 2
    assert states(any_site)[first["id"]] == "elsewhere"
    assert record(any_site, first["id"])["away"]["address"] == away.as_uri()
    assert leftovers(any_site.backups) == []


def test_zero_keeps_none_and_everything_works_all_the_same(any_site: Site, away: Path) -> None:
    keep_local(any_site, 0)
    then = digest(any_site)
    made = make(any_site, "--to", away.as_uri())
    assert made["dropped"] == [made["id"]]
    assert data(any_site) == []
    assert verify(any_site, "latest")["ok"], "read where it is"
    drilled = any_site.manage("verify_backup", "latest", "--restore", "--json").json
    assert drilled["ok"], drilled
    assert data(any_site) == [], "what a drill fetched it drops again"
    assert [row["drilled"]["ok"] for row in listed(any_site)] == [True]
    go_on(any_site)
    shown = any_site.manage("restore_backup", "latest", "--dry-run", "--json").json
    assert "fetched" in shown["warnings"][0]
    assert data(any_site) == [], "nothing is touched"
    any_site.manage("restore_backup", "latest", "--force")
    assert digest(any_site) == then
    assert states(any_site) == {made["id"]: "complete"}
    assert leftovers(any_site.backups) == []


def test_sync_neither_pushes_nor_pulls_it_in_circles(sqlite_site: Site, away: Path) -> None:
    add(sqlite_site, away)
    add(sqlite_site, away.with_name("second"), name="second", automatic=False)
    keep_local(sqlite_site, 0)
    made = make(sqlite_site)
    for _time in range(2):
        first, second = sqlite_site.manage("sync_backups", "--pull", "--json").json
        assert (first["both"], first["copied"], first["fetched"]) == ([made["id"]], [], [])
        assert (second["elsewhere"], second["copied"], second["errors"]) == ([made["id"]], [], [])
        assert data(sqlite_site) == []
    named = ("sync_backups", "disk", "--pull", "--backup", made["id"], "--json")
    (found,) = sqlite_site.manage(*named).json
    assert found["fetched"] == [made["id"]]
    assert data(sqlite_site) == [made["id"]]
    assert states(sqlite_site) == {made["id"]: "complete"}
    assert verify(sqlite_site, made["id"])["ok"]
    nowhere = sqlite_site.manage("sync_backups", "disk", "--backup", "nosuch", check=False)
    assert "nosuch" in nowhere.stderr
    assert nowhere.returncode == 1


def test_a_copy_to_another_place_goes_through_here(sqlite_site: Site, away: Path) -> None:
    add(sqlite_site, away)
    second = away.with_name("second")
    add(sqlite_site, second, name="second", automatic=False)
    keep_local(sqlite_site, 0)
    made = make(sqlite_site)
    code = f"""
from trustbackup.operations.copying import copy_backup
from trustbackup.operations.places import find_place
print(copy_backup({made["id"]!r}, [find_place("second")])[0].error)
"""
    assert shell(sqlite_site, code) == "\n"
    assert {path.name for path in second.glob("backup_*")} >= {made["files"][0]["file"]}
    assert data(sqlite_site) == []


def test_what_is_not_known_to_be_there_stays_here(sqlite_site: Site, away: Path) -> None:
    add(sqlite_site, away.parent / "absent" / "copies")
    keep_local(sqlite_site, 0)
    made = sqlite_site.manage("create_backup", "--json", check=False).json
    assert made["dropped"] == []
    assert data(sqlite_site) == [made["id"]]


@pytest.mark.parametrize("harm", ["flipped", "short", "other manifest", "failed", "only listed"])
def test_a_copy_that_is_not_good_any_more_drops_nothing(
    sqlite_site: Site, away: Path, harm: str
) -> None:
    add(sqlite_site, away)
    made = make(sqlite_site)
    copy = away / made["files"][0]["file"]
    if harm in ("flipped", "only listed"):
        content = bytearray(copy.read_bytes())
        content[len(content) // 2] ^= 4
        copy.write_bytes(content)
        if harm == "flipped":
            sqlite_site.manage("verify_backup", "all", "--at", "disk", check=False)
            # That it is listed does not mend it.
            sqlite_site.manage("sync_backups", "--dry-run")
            assert look(sqlite_site)["copies"][0][0] == "failed"
        else:
            shell(sqlite_site, "from trustbackup.models import Copy; Copy.objects.all().delete()")
    elif harm == "short":
        copy.write_bytes(copy.read_bytes()[:-1])
    elif harm == "other manifest":
        manifest = away / Path(made["manifest"]).name
        manifest.write_bytes(manifest.read_bytes().replace(b'"trigger": "', b'"trigger": "x'))
    else:
        shell(
            sqlite_site, "from trustbackup.models import Copy; Copy.objects.update(state='failed')"
        )
    keep_local(sqlite_site, 0)
    sqlite_site.manage("sync_backups", check=False)
    assert data(sqlite_site) == [made["id"]]
    assert states(sqlite_site) == {made["id"]: "complete"}


def test_kept_ones_stay_and_the_newest_proven_goes_only_for_a_copy_that_was_read_back(
    sqlite_site: Site, away: Path
) -> None:
    add(sqlite_site, away)
    kept, proven = make(sqlite_site, "--keep"), make(sqlite_site)
    sqlite_site.manage("verify_backup", proven["id"])
    keep_local(sqlite_site, 0)
    copy = away / proven["files"][0]["file"]
    good = copy.read_bytes()
    copy.write_bytes(good[:-1] + b"x")
    sqlite_site.manage("sync_backups", check=False)
    assert data(sqlite_site) == [kept["id"], proven["id"]]
    assert sorted(state for state, *_rest in look(sqlite_site)["copies"]) == ["failed", "stored"]
    copy.write_bytes(good)
    sqlite_site.manage("verify_backup", proven["id"], "--at", "disk")
    sqlite_site.manage("sync_backups")
    assert data(sqlite_site) == [kept["id"]]


def test_one_in_use_stays(sqlite_site: Site, away: Path) -> None:
    add(sqlite_site, away)
    made = make(sqlite_site)
    keep_local(sqlite_site, 0)
    code = f"""
from trustbackup.operations.bundle import bundle_backups
from trustbackup.operations.dropping import drop_local
from trustbackup.operations.site import Site
from trustbackup.store import catalog
entry = catalog.find(Site.current().settings.root, {made["id"]!r})
with entry.in_use():
    print(drop_local())
bundle = bundle_backups([entry.id], "zip")
sent = len(next(bundle.blocks))
print(drop_local())
sent += sum(map(len, bundle.blocks))
print(sent == bundle.length, drop_local() == [entry.id])
"""
    assert shell(sqlite_site, code) == "[]\n[]\nTrue True\n"


HALF = """
from trustbackup.operations.elsewhere import noted_at
from trustbackup.operations.places import find_place
from trustbackup.operations.site import Site
from trustbackup.store import catalog, dropping
site = Site.current()
entry = catalog.find(site.settings.root, "latest")
place = find_place("disk")
with place.open() as destination:
    dropping.note(entry, noted_at(place, destination), site.signer)
"""


def test_a_crash_between_the_note_and_the_removal_is_finished_by_the_next_run(
    sqlite_site: Site, away: Path
) -> None:
    add(sqlite_site, away)
    made = make(sqlite_site)
    shell(sqlite_site, HALF)
    assert states(sqlite_site) == {made["id"]: "complete"}, "its data is all here"
    assert verify(sqlite_site, "latest")["ok"]
    shell(sqlite_site, HALF)
    keep_local(sqlite_site, 0)
    sqlite_site.manage("sync_backups")
    assert states(sqlite_site) == {made["id"]: "elsewhere"}


def test_without_its_note_a_missing_file_is_damage(sqlite_site: Site, away: Path) -> None:
    add(sqlite_site, away)
    keep_local(sqlite_site, 0)
    made = make(sqlite_site)
    path = sqlite_site.backups / f"backup_{made['id']}.record.json"
    noted = path.read_bytes()
    path.unlink()
    assert states(sqlite_site) == {made["id"]: "damaged"}
    path.write_bytes(noted.replace(b'"destination": "disk"', b'"destination": "evil"'))
    assert states(sqlite_site) == {made["id"]: "damaged"}, "nobody else may say so"
    path.write_bytes(noted)
    assert states(sqlite_site) == {made["id"]: "elsewhere"}
    # A part of it that is here must be whole.
    (sqlite_site.backups / made["files"][0]["file"]).write_bytes(b"half")
    assert states(sqlite_site) == {made["id"]: "damaged"}
    sqlite_site.manage("sync_backups", "disk", "--pull", "--backup", made["id"])
    assert states(sqlite_site) == {made["id"]: "complete"}
    assert verify(sqlite_site, "latest")["ok"]


def test_retention_counts_them_and_a_delete_forgets_them(sqlite_site: Site, away: Path) -> None:
    add(sqlite_site, away)
    keep_local(sqlite_site, 1)
    first, second, third = make(sqlite_site), make(sqlite_site), make(sqlite_site)
    sqlite_site.manage("verify_backup", second["id"])
    pruned = sqlite_site.manage("prune_backups", "--keep", "1", "--json").json
    assert json.dumps(pruned).count(first["id"]) >= 1
    assert set(states(sqlite_site)) == {second["id"], third["id"]}, "the newest good one stays"
    sqlite_site.manage("delete_backup", second["id"], "--yes")
    assert set(states(sqlite_site)) == {third["id"]}
    assert not list(sqlite_site.backups.glob(f"backup_{second['id']}.*"))


def test_a_destination_that_is_gone_is_said_and_nothing_is_lost(
    sqlite_site: Site, away: Path
) -> None:
    add(sqlite_site, away)
    keep_local(sqlite_site, 0)
    made = make(sqlite_site)
    now = digest(sqlite_site)
    elsewhere = away.with_name("unplugged")
    shutil.move(away, elsewhere)
    away.parent.chmod(0o700)
    for command in (
        ["restore_backup", "latest", "--force"],
        ["verify_backup", "latest", "--restore"],
    ):
        result = sqlite_site.manage(*command, check=False)
        assert_refused(result, made["id"], "disk")
    result = sqlite_site.manage("verify_backup", "latest", check=False)
    assert_refused(result, made["id"])
    assert listed(sqlite_site)[0]["checked"] is None, "that nobody could look is no verdict"
    assert digest(sqlite_site) == now
    shutil.move(elsewhere, away)
    (away / made["files"][0]["file"]).unlink()
    (away / Path(made["manifest"]).name).unlink()
    lost = sqlite_site.manage("sync_backups", "--json", check=False)
    assert made["id"] in lost.json[0]["differing"]
    assert lost.json[0]["copied"] == []
    assert lost.returncode == 1


def test_from_the_name_that_was_noted_or_from_its_address(sqlite_site: Site, away: Path) -> None:
    add(sqlite_site, away)
    keep_local(sqlite_site, 0)
    then = digest(sqlite_site)
    make(sqlite_site)
    go_on(sqlite_site)
    code = "from trustbackup.models import Destination; Destination.objects.all().delete()"
    shell(sqlite_site, code)
    sqlite_site.manage("restore_backup", "latest", "--force")
    assert digest(sqlite_site) == then


@pytest.mark.parametrize("value", ["'1'", "-1", "True", "1.5"])
def test_a_wrong_value_is_said_by_the_system_check(sqlite_site: Site, value: str) -> None:
    more_settings(sqlite_site, f"TRUSTBACKUP = {{**TRUSTBACKUP, 'KEEP_LOCAL': {value}}}")
    check = sqlite_site.manage("check", "--tag", "trustbackup", check=False)
    assert check.returncode == 1
    assert "KEEP_LOCAL" in check.stderr
    assert_refused(sqlite_site.manage("create_backup", check=False), "KEEP_LOCAL", "whole number")


def test_the_same_backup_from_elsewhere_by_hand_brings_its_data_back(
    sqlite_site: Site, away: Path
) -> None:
    add(sqlite_site, away)
    keep_local(sqlite_site, 0)
    made = make(sqlite_site)
    (adopted,) = sqlite_site.manage(
        "adopt_backup", str(away / made["files"][0]["file"]), "--json"
    ).json["backups"]
    assert (adopted["id"], adopted["new"]) == (made["id"], True)
    assert states(sqlite_site) == {made["id"]: "complete"}
    assert record(sqlite_site, made["id"])["away"] is None
    assert verify(sqlite_site, "latest")["ok"]
