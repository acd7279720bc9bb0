"""``KEEP_LOCAL``: older data is dropped here once a destination has it, and comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.backups import (
    leftovers,
    listed,
    make,
    verify,
)
from tests.support.content import digest
from tests.support.local_data import data, keep_local, states
from tests.support.offsite import add, shell
from tests.support.restores import go_on
from tests.support.sites import Site


def record(site: Site, identifier: str) -> Any:
    return json.loads((site.backups / f"backup_{identifier}.record.json").read_bytes())


def test_the_newest_keep_their_data_and_older_ones_are_offloaded(
    any_site: Site, offloaded: Path
) -> None:
    add(any_site, offloaded)
    keep_local(any_site, 1)
    first, second = make(any_site), make(any_site)
    third = make(any_site)
    assert [made["offloaded"] for made in (first, second, third)] == [
        [],
        [first["id"]],
        [second["id"]],
    ]
    assert data(any_site) == [third["id"]]
    rows = {row["id"]: row for row in listed(any_site)}
    assert rows[third["id"]]["state"] == "complete"
    assert rows[first["id"]]["state"] == "offloaded"
    assert rows[first["id"]]["offloaded_to"] == "disk"
    assert rows[first["id"]]["problem"] == ""
    assert rows[first["id"]]["bytes"] == first["files"][0]["bytes"]
    assert "at disk" in any_site.manage("list_backups").stdout
    assert "at disk only" in any_site.manage("show_backup", first["id"]).stdout
    assert any_site.manage("rescan_backups", "--json").json["states"]["offloaded"] == 2
    assert states(any_site)[first["id"]] == "offloaded"
    assert record(any_site, first["id"])["offloaded"]["address"] == offloaded.as_uri()
    assert leftovers(any_site.backups) == []


def test_zero_keeps_none_and_everything_works_all_the_same(any_site: Site, offloaded: Path) -> None:
    keep_local(any_site, 0)
    then = digest(any_site)
    made = make(any_site, "--to", offloaded.as_uri())
    assert made["offloaded"] == [made["id"]]
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


def test_sync_neither_pushes_nor_pulls_it_in_circles(sqlite_site: Site, offloaded: Path) -> None:
    add(sqlite_site, offloaded)
    add(sqlite_site, offloaded.with_name("second"), name="second", automatic=False)
    keep_local(sqlite_site, 0)
    made = make(sqlite_site)
    for _time in range(2):
        first, second = sqlite_site.manage("sync_backups", "--pull", "--json").json
        assert (first["both"], first["copied"], first["fetched"]) == ([made["id"]], [], [])
        assert (second["offloaded"], second["copied"], second["errors"]) == ([made["id"]], [], [])
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


def test_a_copy_to_another_place_goes_through_here(sqlite_site: Site, offloaded: Path) -> None:
    add(sqlite_site, offloaded)
    second = offloaded.with_name("second")
    add(sqlite_site, second, name="second", automatic=False)
    keep_local(sqlite_site, 0)
    made = make(sqlite_site)
    code = f"""
from trustbackup.operations.offsite.copy import copy_backup
from trustbackup.operations.offsite.targets import find_destination
print(copy_backup({made["id"]!r}, [find_destination("second")])[0].error)
"""
    assert shell(sqlite_site, code) == "\n"
    assert {path.name for path in second.glob("backup_*")} >= {made["files"][0]["file"]}
    assert data(sqlite_site) == []


HALF = """
from trustbackup.operations.offsite.hydrate import noted_at
from trustbackup.operations.offsite.targets import find_destination
from trustbackup.operations.context import Context
from trustbackup.store import eviction
entry = Context.current().folder.find("latest")
place = find_destination("disk")
with place.open() as destination:
    eviction.note_offloaded(entry, noted_at(place, destination))
"""


def test_a_crash_between_the_note_and_the_removal_is_finished_by_the_next_run(
    sqlite_site: Site, offloaded: Path
) -> None:
    add(sqlite_site, offloaded)
    made = make(sqlite_site)
    shell(sqlite_site, HALF)
    assert states(sqlite_site) == {made["id"]: "complete"}, "its data is all here"
    assert verify(sqlite_site, "latest")["ok"]
    shell(sqlite_site, HALF)
    keep_local(sqlite_site, 0)
    sqlite_site.manage("sync_backups")
    assert states(sqlite_site) == {made["id"]: "offloaded"}


def test_retention_counts_them_and_a_delete_forgets_them(
    sqlite_site: Site, offloaded: Path
) -> None:
    add(sqlite_site, offloaded)
    keep_local(sqlite_site, 1)
    first, second, third = make(sqlite_site), make(sqlite_site), make(sqlite_site)
    sqlite_site.manage("verify_backup", second["id"])
    pruned = sqlite_site.manage("prune_backups", "--keep", "1", "--json").json
    assert json.dumps(pruned).count(first["id"]) >= 1
    assert set(states(sqlite_site)) == {second["id"], third["id"]}, "the newest good one stays"
    sqlite_site.manage("delete_backup", second["id"], "--yes", "--last-good-too")
    assert set(states(sqlite_site)) == {third["id"]}
    assert not list(sqlite_site.backups.glob(f"backup_{second['id']}.*"))


def test_from_the_name_that_was_noted_or_from_its_address(
    sqlite_site: Site, offloaded: Path
) -> None:
    add(sqlite_site, offloaded)
    keep_local(sqlite_site, 0)
    then = digest(sqlite_site)
    make(sqlite_site)
    go_on(sqlite_site)
    code = "from trustbackup.models import Destination; Destination.objects.all().delete()"
    shell(sqlite_site, code)
    sqlite_site.manage("restore_backup", "latest", "--force")
    assert digest(sqlite_site) == then


def test_the_same_backup_from_elsewhere_by_hand_brings_its_data_back(
    sqlite_site: Site, offloaded: Path
) -> None:
    add(sqlite_site, offloaded)
    keep_local(sqlite_site, 0)
    made = make(sqlite_site)
    (adopted,) = sqlite_site.manage(
        "adopt_backup", str(offloaded / made["files"][0]["file"]), "--json"
    ).json["backups"]
    assert (adopted["id"], adopted["new"]) == (made["id"], True)
    assert states(sqlite_site) == {made["id"]: "complete"}
    assert record(sqlite_site, made["id"])["offloaded"] is None
    assert verify(sqlite_site, "latest")["ok"]
