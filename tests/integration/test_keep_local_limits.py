"""KEEP_LOCAL and what it must not let go, or can not bring back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.backups import (
    assert_refused,
    listed,
    make,
    more_settings,
    verify,
)
from tests.support.content import digest
from tests.support.local_data import data, keep_local, states
from tests.support.offsite import add, look, shell
from tests.support.sites import Site


def test_what_is_not_known_to_be_there_stays_here(sqlite_site: Site, offloaded: Path) -> None:
    add(sqlite_site, offloaded.parent / "absent" / "copies")
    keep_local(sqlite_site, 0)
    made = sqlite_site.manage("create_backup", "--json", check=False).json
    assert made["offloaded"] == []
    assert data(sqlite_site) == [made["id"]]


@pytest.mark.parametrize("harm", ["flipped", "short", "other manifest", "failed", "only listed"])
def test_a_copy_that_is_not_good_any_more_drops_nothing(
    sqlite_site: Site, offloaded: Path, harm: str
) -> None:
    add(sqlite_site, offloaded)
    made = make(sqlite_site)
    copy = offloaded / made["files"][0]["file"]
    if harm in ("flipped", "only listed"):
        content = bytearray(copy.read_bytes())
        content[len(content) // 2] ^= 4
        copy.write_bytes(content)
        if harm == "flipped":
            sqlite_site.manage("verify_backup", "all", "--at", "disk", check=False)
            # That it is listed does not mend it.
            sqlite_site.manage("sync_backups", "--dry-run", check=False)
            assert look(sqlite_site)["copies"][0][0] == "failed"
        else:
            shell(sqlite_site, "from trustbackup.models import Copy; Copy.objects.all().delete()")
    elif harm == "short":
        copy.write_bytes(copy.read_bytes()[:-1])
    elif harm == "other manifest":
        manifest = offloaded / Path(made["manifest"]).name
        manifest.write_bytes(manifest.read_bytes().replace(b'"trigger": "', b'"trigger": "x'))
    else:
        shell(
            sqlite_site, "from trustbackup.models import Copy; Copy.objects.update(state='failed')"
        )
    keep_local(sqlite_site, 0)
    # With a push it would be mended first.
    sqlite_site.manage("sync_backups", "--no-push", "--pull", check=False)
    assert data(sqlite_site) == [made["id"]]
    assert states(sqlite_site) == {made["id"]: "complete"}


def test_kept_ones_stay_and_the_newest_proven_goes_only_for_a_copy_that_was_read_back(
    sqlite_site: Site, offloaded: Path
) -> None:
    add(sqlite_site, offloaded)
    kept, proven = make(sqlite_site, "--keep"), make(sqlite_site)
    sqlite_site.manage("verify_backup", proven["id"])
    keep_local(sqlite_site, 0)
    copy = offloaded / proven["files"][0]["file"]
    good = copy.read_bytes()
    copy.write_bytes(good[:-1] + b"x")
    sqlite_site.manage("sync_backups", check=False)
    assert data(sqlite_site) == [kept["id"], proven["id"]]
    assert sorted(state for state, *_rest in look(sqlite_site)["copies"]) == ["failed", "stored"]
    copy.write_bytes(good)
    sqlite_site.manage("verify_backup", proven["id"], "--at", "disk")
    sqlite_site.manage("sync_backups")
    assert data(sqlite_site) == [kept["id"]]


def test_one_in_use_stays(sqlite_site: Site, offloaded: Path) -> None:
    add(sqlite_site, offloaded)
    made = make(sqlite_site)
    keep_local(sqlite_site, 0)
    code = f"""
from trustbackup.operations.transfer.bundle import bundle_backups
from trustbackup.operations.offsite.evict import evict
from trustbackup.operations.context import Context
entry = Context.current().folder.find({made["id"]!r})
with entry.in_use():
    print(evict())
bundle = bundle_backups([entry.id], "zip")
sent = len(next(bundle.blocks))
print(evict())
sent += sum(map(len, bundle.blocks))
print(sent == bundle.length, evict() == [entry.id])
"""
    assert shell(sqlite_site, code) == "[]\n[]\nTrue True\n"


def test_without_its_note_a_missing_file_is_damage(sqlite_site: Site, offloaded: Path) -> None:
    add(sqlite_site, offloaded)
    keep_local(sqlite_site, 0)
    made = make(sqlite_site)
    path = sqlite_site.backups / f"backup_{made['id']}.record.json"
    noted = path.read_bytes()
    path.unlink()
    assert states(sqlite_site) == {made["id"]: "damaged"}
    path.write_bytes(noted.replace(b'"destination": "disk"', b'"destination": "evil"'))
    assert states(sqlite_site) == {made["id"]: "damaged"}, "nobody else may say so"
    path.write_bytes(noted)
    assert states(sqlite_site) == {made["id"]: "offloaded"}
    # A part of it that is here must be whole.
    (sqlite_site.backups / made["files"][0]["file"]).write_bytes(b"half")
    assert states(sqlite_site) == {made["id"]: "damaged"}
    sqlite_site.manage("sync_backups", "disk", "--pull", "--backup", made["id"])
    assert states(sqlite_site) == {made["id"]: "complete"}
    assert verify(sqlite_site, "latest")["ok"]


def test_a_destination_that_is_gone_is_said_and_nothing_is_lost(
    sqlite_site: Site, offloaded: Path
) -> None:
    add(sqlite_site, offloaded)
    keep_local(sqlite_site, 0)
    made = make(sqlite_site)
    now = digest(sqlite_site)
    elsewhere = offloaded.with_name("unplugged")
    shutil.move(offloaded, elsewhere)
    offloaded.parent.chmod(0o700)
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
    shutil.move(elsewhere, offloaded)
    (offloaded / made["files"][0]["file"]).unlink()
    (offloaded / Path(made["manifest"]).name).unlink()
    lost = sqlite_site.manage("sync_backups", "--json", check=False)
    assert made["id"] in lost.json[0]["differing"]
    assert lost.json[0]["copied"] == []
    assert lost.returncode == 1


@pytest.mark.parametrize("value", ["'1'", "-1", "True", "1.5"])
def test_a_wrong_value_is_said_by_the_system_check(sqlite_site: Site, value: str) -> None:
    more_settings(sqlite_site, f"TRUSTBACKUP = {{**TRUSTBACKUP, 'KEEP_LOCAL': {value}}}")
    check = sqlite_site.manage("check", "--tag", "trustbackup", check=False)
    assert check.returncode == 1
    assert "KEEP_LOCAL" in check.stderr
    assert_refused(sqlite_site.manage("create_backup", check=False), "KEEP_LOCAL", "whole number")
