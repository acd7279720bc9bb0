"""Sweeps of SIGKILLs, each followed by a change of the schema, a second kill or another command.

Row 35 and cases R1, R3 and U3: what comes between a death and its recovery is no sign of anything.
`--thorough` kills a hundred times for each of restore, undo, in place, delete and sync.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.backups import aftermath, leftovers, listed, make
from tests.support.content import digest
from tests.support.restores import beside, journal, restore, undo, unfinished
from tests.support.sampling import Sweep
from tests.support.sites import Site, finish
from tests.support.trial import RestoreTrial

FEW, MANY = 3, 100
AFTERWARDS = ("a change of the schema", "a second kill", "another command")
DRILL = """
from trustbackup.operations.restore.drill import drill_backup
drill_backup({backup!r})
"""
"""As a worker of the page's runs would: it recovers nothing before."""


def start_and_kill(site: Site, seconds: float, *command: str) -> None:
    process = site.start(*command)
    time.sleep(seconds)
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    finish(process)


def go_on_after(site: Site, backup: str, how: str, chance: random.Random, *again: str) -> None:
    """What happens between the death and the next command that recovers."""
    if how == "a change of the schema":
        # Of a name that the states which are compared leave out.
        site.query("CREATE TABLE trustbackup_later (id integer PRIMARY KEY)")
        site.query("DROP TABLE trustbackup_later")
    elif how == "a second kill":
        start_and_kill(site, chance.uniform(0, 1.5), *again)
    else:
        code = DRILL.format(backup=backup)
        site.manage("shell", "--no-imports", "-c", code, check=False)


def ways(sweep: Sweep) -> Callable[[int], str]:
    """Each way in its turn, so that a small sample has all of them."""
    first = sweep.chance.randrange(len(AFTERWARDS))
    return lambda number: AFTERWARDS[(first + number) % len(AFTERWARDS)]


@pytest.mark.parametrize("strategy", ["--swap", "--in-place"])
def test_case_r1_a_killed_restore_is_told_right_whatever_comes_before_its_recovery(
    any_site: Site, strategy: str, sweep: Sweep
) -> None:
    if any_site.engine != "postgresql" and strategy == "--in-place":
        pytest.skip("only PostgreSQL is restored in place")
    arguments = ("--in-place", "--no-safety-backup") if strategy == "--in-place" else (strategy,)
    trial = RestoreTrial(any_site, arguments)
    seconds = trial.measure()
    chance, way = sweep.chance, ways(sweep)
    for number, moment in enumerate(sweep.moments(seconds, FEW, MANY)):
        trial.kill(moment, *trial.command)
        go_on_after(any_site, trial.made["id"], way(number), chance, "list_restores")
        trial.judge()
    trial.finish()


def test_case_r1_a_killed_undo_is_told_right_whatever_comes_before_its_recovery(
    any_site: Site, sweep: Sweep
) -> None:
    trial = RestoreTrial(any_site)
    restore(any_site, trial.made["id"])
    seconds = trial.measure("undo_restore")
    restore(any_site, trial.made["id"])
    chance, way = sweep.chance, ways(sweep)
    for number, moment in enumerate(sweep.moments(seconds, FEW, MANY)):
        kept = journal(any_site)[-1]
        trial.kill(moment, "undo_restore", kept["id"])
        go_on_after(any_site, trial.made["id"], way(number), chance, "list_restores")
        any_site.manage("list_restores")
        (other,) = journal(any_site)
        assert beside(any_site) == [other["previous"].rpartition("/")[2]]
        states = [digest(any_site), digest(any_site, other["previous"])]
        assert sorted(states) == sorted([trial.then, trial.now])
        assert not unfinished(any_site)
        if states[0] == trial.now:
            undo(any_site, other["id"])
    trial.go_back()
    trial.finish()


def seconds_of(site: Site, *command: str) -> float:
    began = time.monotonic()
    site.manage(*command)
    return time.monotonic() - began


def test_case_u3_a_killed_delete_is_whole_or_gone_whatever_comes_next(
    any_site: Site, sweep: Sweep
) -> None:
    stays = make(any_site)
    command = ("delete_backup", "--yes", "--last-good-too")
    seconds = seconds_of(any_site, *command, make(any_site)["id"])
    chance, way = sweep.chance, ways(sweep)
    for number, moment in enumerate(sweep.moments(1.1 * seconds, FEW, MANY)):
        made = make(any_site)
        start_and_kill(any_site, moment, *command, made["id"])
        again = (*command, made["id"])
        go_on_after(any_site, stays["id"], way(number), chance, *again)
        here = {item["id"]: item["state"] for item in listed(any_site)}
        assert here.get(made["id"], "complete") == "complete"
        assert here[stays["id"]] == "complete"
        if made["id"] in here:
            any_site.manage("verify_backup", made["id"])
        # The next delete finishes a killed one.
        other = make(any_site)
        any_site.manage(*command, other["id"])
        assert not leftovers(any_site.backups)
        if made["id"] in here:
            any_site.manage(*command, made["id"])
    aftermath(any_site)


def test_case_u3_a_killed_sync_leaves_nothing_and_is_finished_by_the_next(
    any_site: Site, tmp_path: Path, sweep: Sweep
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    url = f"file://{place}"
    make(any_site)
    seconds = seconds_of(any_site, "sync_backups", url)
    chance, way = sweep.chance, ways(sweep)
    for number, moment in enumerate(sweep.moments(1.1 * seconds, FEW, MANY)):
        made = make(any_site)
        start_and_kill(any_site, moment, "sync_backups", url)
        go_on_after(any_site, made["id"], way(number), chance, "sync_backups", url)
        found = any_site.manage("list_backups", "--at", url, "--json").json
        # A death between its data and its manifest leaves a copy that nobody calls complete.
        for item in found:
            names = [entry["file"] for entry in item["files"]]
            whole = any(name.endswith(".manifest.json") for name in names) and len(names) > 1
            assert item["complete"] == whole, item
        any_site.manage("sync_backups", url)
        found = any_site.manage("list_backups", "--at", url, "--json").json
        assert made["id"] in {item["id"] for item in found}
        assert all(item["complete"] for item in found), found
        left = [path.name for path in place.rglob("*") if path.suffix == ".part"]
        assert not left, "a finished sync leaves no part"
        any_site.manage("verify_backup", made["id"], "--at", url)
    aftermath(any_site)
