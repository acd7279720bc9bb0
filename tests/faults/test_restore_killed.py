"""Row 35: a restore's process dies at any instant; the old state or the new, never between."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.content import digest
from tests.support.restores import beside, drill, journal, restore, undo, unfinished
from tests.support.sampling import Sweep
from tests.support.sites import Site
from tests.support.trial import RestoreTrial

DEATHS = 11
DYING = """
import os, signal, threading
from django.core.management import call_command
from django.db.backends.utils import CursorWrapper
real, seen = CursorWrapper.execute, [0]
def execute(self, sql, params=None):
    if threading.current_thread() is threading.main_thread():
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


def number_of_calls(trial: RestoreTrial, strace: str, log: Path, calls: str, *files: Path) -> int:
    """How many of these calls a whole restore makes; it is undone after."""
    only = [item for path in files for item in ("-P", str(path))]
    prefix = [strace, "-qq", "-s", "200", "-o", str(log), *only, "-e", f"trace={calls}"]
    assert not trial.kill_at(prefix)
    return len([line for line in log.read_text().splitlines() if "(" in line])


@pytest.mark.parametrize("part", range(5))
def test_fault_35_sigkill_at_random_moments_leaves_the_old_or_the_new_state(
    any_site: Site, part: int, sweep: Sweep
) -> None:
    trial = RestoreTrial(any_site)
    seconds = trial.measure()
    # At its first step at least it dies before it has changed anything.
    for moment in (0.0, *sweep.moments(1.1 * seconds, few=2, all_of_them=DEATHS)):
        trial.kill_after(moment)
    assert "old" in trial.ends
    trial.finish()


@pytest.mark.parametrize("calls", ["rename", "fsync", "unlink"])
def test_fault_35_sigkill_at_each_step_of_the_journal_leaves_the_old_or_the_new_state(
    any_site: Site, strace: str, tmp_path: Path, calls: str, sweep: Sweep
) -> None:
    trial = RestoreTrial(any_site)
    total = number_of_calls(trial, strace, tmp_path / "all", calls)
    assert total >= {"rename": 3, "fsync": 6, "unlink": 1}[calls]
    for number in sweep.choose(range(1, total + 1), 2, always=(1, total)):
        assert trial.kill_at(killing(strace, tmp_path / f"{calls}{number}", calls, number))
    assert "new" in trial.ends[1:], "no death came after the swap"
    # Before its journal and after its end there is nothing to say.
    assert not sweep.thorough or any("is as it was" in text for text in trial.said)
    trial.finish()


@pytest.mark.parametrize("calls", ["pwrite64", "fdatasync", "ftruncate"])
def test_fault_35_sigkill_while_sqlite_replaces_the_content_leaves_the_old_or_the_new_state(
    sqlite_site: Site, strace: str, tmp_path: Path, calls: str, sweep: Sweep
) -> None:
    trial = RestoreTrial(sqlite_site)
    live = sqlite_site.sqlite_file
    files = (live, live.with_name(f"{live.name}-wal"))
    total = number_of_calls(trial, strace, tmp_path / "all", calls, *files)
    assert total
    # Begin with the last ones: there the transaction is committed and carried into the file.
    last = {number for number in (total - 2, total - 1, total) if number > 0}
    points = sorted({*last, *range(1, total, max(1, total // 9))})
    for number in sweep.choose(points, 2, always=last):
        trial.kill_at(killing(strace, tmp_path / str(number), calls, number, *files))
    trial.finish()


def test_fault_35_sigkill_while_a_rollback_journal_is_written_leaves_the_old_or_the_new_state(
    sqlite_site: Site, strace: str, tmp_path: Path, sweep: Sweep
) -> None:
    sqlite_site.query("PRAGMA journal_mode = DELETE")
    url = f"{sqlite_site.database_url}?init_command=PRAGMA%20journal_mode%3DDELETE"
    trial = RestoreTrial(Site(sqlite_site.folder, url))
    live = sqlite_site.sqlite_file
    files = (live, live.with_name(f"{live.name}-journal"))
    for calls in ("pwrite64", "fdatasync", "unlink"):
        total = number_of_calls(trial, strace, tmp_path / calls, calls, *files)
        points = sorted({1, total // 3, total // 2, total - 1, total} - {0, -1})
        for number in sweep.choose(points, 1, always=(1, total)):
            trial.kill_at(killing(strace, tmp_path / f"{calls}{number}", calls, number, *files))
    assert "old" in trial.ends
    trial.finish()


def dying(trial: RestoreTrial, mark: str, number: int) -> tuple[str, ...]:
    """The restore as a command that dies before the so-manieth statement from this one on."""
    return ("shell", "--no-imports", "-c", DYING.format(args=trial.command, mark=mark, n=number))


def test_case_r3_sigkill_before_each_statement_of_the_swap_never_shuts_the_site(
    postgres_site: Site,
) -> None:
    trial = RestoreTrial(postgres_site)
    number = 1
    while trial.ends.count("new") < 2:
        assert trial.kill_at([], *dying(trial, "datconnlimit", number))
        number += 1
    # BEGIN, two names, the limit and COMMIT at least.
    assert trial.ends.count("old") > 5
    assert trial.ends == sorted(trial.ends, reverse=True), "old once it was new"
    trial.finish()


def test_fault_35_sigkill_during_an_in_place_restore_leaves_the_old_or_the_new_state(
    postgres_site: Site, sweep: Sweep
) -> None:
    trial = RestoreTrial(postgres_site, ("--in-place", "--no-safety-backup"))
    seconds = trial.measure()
    for moment in sweep.moments(seconds, few=3, all_of_them=10):
        trial.kill_after(moment)
    trial.finish()


def test_fault_35_sigkill_around_the_commit_of_an_in_place_restore_is_told_right(
    postgres_site: Site,
) -> None:
    trial = RestoreTrial(postgres_site, ("--in-place", "--no-safety-backup"))
    for number in range(1, 5):
        assert trial.kill_at([], *dying(trial, "pg_current_xact_id", number))
        last = trial.said[-1]
        assert not last or ("the restored one" in last) == (trial.ends[-1] == "new"), trial
    # The second is COMMIT.
    assert trial.ends == ["old"] * 2 + ["new"] * 2
    trial.finish()


def test_fault_35_sigkill_during_an_undo_leaves_the_old_or_the_new_state(
    any_site: Site, sweep: Sweep
) -> None:
    trial = RestoreTrial(any_site)
    restore(any_site, trial.made["id"])
    seconds = trial.measure("undo_restore")
    restore(any_site, trial.made["id"])
    for moment in sweep.moments(seconds, few=3, all_of_them=8):
        (kept,) = journal(any_site)
        trial.kill(moment, "undo_restore", kept["id"])
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


@pytest.mark.parametrize("part", range(2))
def test_fault_35_sigkill_during_a_drill_leaves_no_scratch_database(
    any_site: Site, part: int, sweep: Sweep
) -> None:
    trial = RestoreTrial(any_site)
    command = ("verify_backup", trial.made["id"], "--restore")
    seconds = trial.measure(*command)
    for moment in sweep.moments(seconds, few=2, all_of_them=5):
        trial.kill_after(moment, *command)
        assert trial.ends[-1] == "old"
    assert drill(any_site, trial.made["id"])["ok"]
    assert not unfinished(any_site)


def test_fault_35_a_living_restore_is_left_alone_by_the_next_command(
    postgres_site: Site,
) -> None:
    trial = RestoreTrial(postgres_site)
    process = postgres_site.start(*trial.command)
    trial.wait_for_start(process)
    while process.poll() is None:
        assert postgres_site.manage("list_restores").stderr == ""
    assert process.wait() == 0, os.read(process.stderr.fileno(), 4096)
    process.communicate()
    trial.go_back()


FINISHED_MEANWHILE = """
from dataclasses import replace
from trustbackup.operations.context import Context
from trustbackup.operations.restore.recover import recover_database, recover_restores
from trustbackup.store.journal import RestoreJournal
from trustbackup.store.journal_entry import State
journal = Context.current().journal
(done,) = journal.entries()
abandoned = RestoreJournal.abandoned

def finished_first(self, identifier):
    self.writer(done).update()
    return abandoned(self, identifier)

RestoreJournal.abandoned = finished_first
for recover in (recover_restores, lambda: recover_database(Context.current(), done.alias)):
    journal.writer(replace(done, state=State.SWAPPING)).update()
    print(recover() or [], journal.entries() == [done])
"""


def test_fault_35_a_restore_that_ends_while_it_is_looked_at_is_not_recovered(
    any_site: Site,
) -> None:
    trial = RestoreTrial(any_site)
    restore(any_site, trial.made["id"])
    before = beside(any_site)
    said = any_site.manage("shell", "--no-imports", "-c", FINISHED_MEANWHILE)
    assert (said.stdout.splitlines(), said.stderr) == (["[] True"] * 2, "")
    assert beside(any_site) == before
    trial.go_back()
    trial.finish()
