"""Row 35: a restore's process dies at any instant; the old state or the new, never between."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.support.content import digest
from tests.support.restores import beside, drill, journal, restore, undo, unfinished
from tests.support.sites import Site
from tests.support.trial import Trial

SEED = 35
DEATHS = 11
DYING = """
import os, signal
from django.core.management import call_command
from django.db.backends.utils import CursorWrapper
real, seen = CursorWrapper.execute, [0]
def execute(self, sql, params=None):
    seen[0] += bool(seen[0] or {mark!r} in str(sql))
    if seen[0] == {n}:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, sql, params)
CursorWrapper.execute = execute
call_command(*{args!r})
"""


def killing(strace: str, log: Path, calls: str, number: int, *files: Path) -> list[str]:
    """Kill the process itself, not its children, at the so-manieth of these calls."""
    only = [item for path in files for item in ("-P", str(path))]
    inject = ["-e", f"trace={calls}", "-e", f"inject={calls}:signal=KILL:when={number}"]
    return [strace, "-qq", "-o", str(log), *only, *inject]


def number_of_calls(trial: Trial, strace: str, log: Path, calls: str, *files: Path) -> int:
    """How many of these calls a whole restore makes; it is undone after."""
    only = [item for path in files for item in ("-P", str(path))]
    prefix = [strace, "-qq", "-s", "200", "-o", str(log), *only, "-e", f"trace={calls}"]
    assert not trial.kill_at(prefix)
    return len([line for line in log.read_text().splitlines() if "(" in line])


@pytest.mark.parametrize("part", range(5))
def test_fault_35_sigkill_at_random_moments_leaves_the_old_or_the_new_state(
    any_site: Site, part: int
) -> None:
    trial = Trial(any_site)
    seconds = trial.measure()
    chance = random.Random(SEED + part)
    for _ in range(DEATHS):
        trial.kill_after(chance.uniform(0, 1.1 * seconds))
    assert "old" in trial.ends
    trial.finish()


@pytest.mark.parametrize("calls", ["rename", "fsync", "unlink"])
def test_fault_35_sigkill_at_each_step_of_the_journal_leaves_the_old_or_the_new_state(
    any_site: Site, strace: str, tmp_path: Path, calls: str
) -> None:
    trial = Trial(any_site)
    number = 1
    while trial.kill_at(killing(strace, tmp_path / f"{calls}{number}", calls, number)):
        number += 1
    assert number > {"rename": 3, "fsync": 6, "unlink": 1}[calls]
    assert "new" in trial.ends[:-1], "no death came after the swap"
    assert any("is as it was" in text for text in trial.said)
    trial.finish()


@pytest.mark.parametrize("calls", ["pwrite64", "fdatasync", "ftruncate"])
def test_fault_35_sigkill_while_sqlite_replaces_the_content_leaves_the_old_or_the_new_state(
    sqlite_site: Site, strace: str, tmp_path: Path, calls: str
) -> None:
    trial = Trial(sqlite_site)
    live = sqlite_site.sqlite_file
    files = (live, live.with_name(f"{live.name}-wal"))
    total = number_of_calls(trial, strace, tmp_path / "all", calls, *files)
    assert total
    # Begin with the last ones: there the transaction is committed and carried into the file.
    for number in sorted({total, total - 1, total - 2, *range(1, total, max(1, total // 9))}):
        if number > 0:
            trial.kill_at(killing(strace, tmp_path / str(number), calls, number, *files))
    trial.finish()


def test_fault_35_sigkill_while_a_rollback_journal_is_written_leaves_the_old_or_the_new_state(
    sqlite_site: Site, strace: str, tmp_path: Path
) -> None:
    sqlite_site.query("PRAGMA journal_mode = DELETE")
    url = f"{sqlite_site.database_url}?init_command=PRAGMA%20journal_mode%3DDELETE"
    trial = Trial(Site(sqlite_site.folder, url))
    live = sqlite_site.sqlite_file
    files = (live, live.with_name(f"{live.name}-journal"))
    for calls in ("pwrite64", "fdatasync", "unlink"):
        total = number_of_calls(trial, strace, tmp_path / calls, calls, *files)
        for number in sorted({1, total // 3, total // 2, total - 1, total} - {0, -1}):
            trial.kill_at(killing(strace, tmp_path / f"{calls}{number}", calls, number, *files))
    assert "old" in trial.ends
    trial.finish()


def dying(trial: Trial, mark: str, number: int) -> tuple[str, ...]:
    """The restore as a command that dies before the so-manieth statement from this one on."""
    return ("shell", "--no-imports", "-c", DYING.format(args=trial.command, mark=mark, n=number))


def test_fault_35_sigkill_before_each_statement_of_the_swap_leaves_the_old_or_the_new_state(
    postgres_site: Site,
) -> None:
    trial = Trial(postgres_site)
    for number in range(1, 10):
        assert trial.kill_at([], *dying(trial, "ALLOW_CONNECTIONS false", number))
    # The sixth is COMMIT.
    assert trial.ends == ["old"] * 6 + ["new"] * 3
    trial.finish()


def test_fault_35_sigkill_during_an_in_place_restore_leaves_the_old_or_the_new_state(
    postgres_site: Site,
) -> None:
    trial = Trial(postgres_site, ("--in-place", "--no-safety-backup"))
    seconds = trial.measure()
    chance = random.Random(SEED)
    for _ in range(10):
        trial.kill_after(chance.uniform(0, seconds))
    trial.finish()


def test_fault_35_sigkill_around_the_commit_of_an_in_place_restore_is_told_right(
    postgres_site: Site,
) -> None:
    trial = Trial(postgres_site, ("--in-place", "--no-safety-backup"))
    for number in range(1, 5):
        assert trial.kill_at([], *dying(trial, "pg_current_xact_id", number))
        last = trial.said[-1]
        assert not last or ("the restored one" in last) == (trial.ends[-1] == "new"), trial
    # The second is COMMIT.
    assert trial.ends == ["old"] * 2 + ["new"] * 2
    trial.finish()


def test_fault_35_sigkill_during_an_undo_leaves_the_old_or_the_new_state(any_site: Site) -> None:
    trial = Trial(any_site)
    restore(any_site, trial.made["id"])
    seconds = trial.measure("undo_restore")
    restore(any_site, trial.made["id"])
    chance = random.Random(SEED)
    for _ in range(8):
        trial.kill(chance.uniform(0, seconds), "undo_restore")
        any_site.manage("list_restores")
        (other,) = journal(any_site)
        assert beside(any_site) == [other["kept"].rpartition("/")[2]]
        states = [digest(any_site), digest(any_site, other["kept"])]
        assert sorted(states) == sorted([trial.then, trial.now])
        assert not unfinished(any_site)
        if states[0] == trial.now:
            undo(any_site)
    trial.go_back()
    trial.finish()


@pytest.mark.parametrize("part", range(2))
def test_fault_35_sigkill_during_a_drill_leaves_no_scratch_database(
    any_site: Site, part: int
) -> None:
    trial = Trial(any_site)
    command = ("verify_backup", trial.made["id"], "--restore")
    seconds = trial.measure(*command)
    chance = random.Random(SEED + part)
    for _ in range(5):
        trial.kill_after(chance.uniform(0, seconds), *command)
        assert trial.ends[-1] == "old"
    assert drill(any_site, trial.made["id"])["ok"]
    assert not unfinished(any_site)


def test_fault_35_a_living_restore_is_left_alone_by_the_next_command(
    postgres_site: Site,
) -> None:
    trial = Trial(postgres_site)
    process = postgres_site.start(*trial.command)
    trial.wait_for_start(process)
    while process.poll() is None:
        assert postgres_site.manage("list_restores").stderr == ""
    assert process.wait() == 0, os.read(process.stderr.fileno(), 4096)
    process.communicate()
    trial.go_back()
