"""A restore of everything dies around each step of its journal, or a swap in it goes on failing.

The process kills itself, so that PostgreSQL is as quick to try as SQLite: no tracer follows its
sessions, and a command of the tests is a fork.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_full_backup import FULL, change
from tests.integration.test_restore_together import execute, items
from tests.support.backups import make, more_settings
from tests.support.content import digest
from tests.support.media import Snapshot, beside, snapshot
from tests.support.restores import journal
from tests.support.sampling import Sweep
from tests.support.sites import Site
from tests.support.tracing import NEVER

DYING = """
import os, signal
from django.core.management import call_command
from trustbackup.store.journal import JournalWriter
real, seen = {{name: getattr(JournalWriter, name) for name in ("update", "forget")}}, []
def around(name):
    def step(self, *arguments, **changes):
        seen.append(name)
        if len(seen) == {number} and not {after}:
            os.kill(os.getpid(), signal.SIGKILL)
        real[name](self, *arguments, **changes)
        if len(seen) == {number}:
            os.kill(os.getpid(), signal.SIGKILL)
    return step
for name in real:
    setattr(JournalWriter, name, around(name))
call_command(*{command!r}, "--verbosity", "0")
print("steps", len(seen))
"""
FAILING = """
from django.core.management import call_command
from trustbackup.exceptions import FolderError
from trustbackup.operations.restore.folder_swap import FolderTarget
def swap(self, log):
    raise FolderError("The folder can't be swapped", why="it is busy")
FolderTarget.swap = swap
call_command(*{command!r})
"""
State = tuple[str, Snapshot, list[str]]


def shell(site: Site, code: str) -> Any:
    return site.manage("shell", "--no-imports", "-c", code, check=False)


def steps_of(site: Site, command: tuple[str, ...]) -> int:
    """How many steps the journal of a whole command has."""
    done = shell(site, DYING.format(number=NEVER, after=False, command=command))
    assert done.returncode == 0, done
    return int(done.stdout.split()[-1])


def go_back(site: Site) -> None:
    """Undo the newest restore, and let go of all of them."""
    site.manage("undo_restore")
    while site.manage("list_restores", "--json").json:
        site.manage("release_restore", "--yes")
    assert beside(site) == []


def sweep_all(
    site: Site, command: tuple[str, ...], state: Callable[[], State], new: State, sweep: Sweep
) -> list[bool]:
    """Kill it before and after steps of its journal; whether it was new after each, in order."""
    old = state()
    total = steps_of(site, command)
    assert state() == new
    go_back(site)
    assert state() == old
    ends = []
    points = [(number, after) for number in range(1, total + 1) for after in (False, True)]
    # The second database's swap, and what comes before anything is live.
    for number, after in sweep.choose(points, 2, always=[points[0], *points[-10:-7]]):
        shell(site, DYING.format(number=number, after=after, command=command))
        site.manage("list_backups")  # every command recovers first
        found = state()
        assert found in (old, new), (number, after)
        kept = site.manage("list_restores", "--json").json
        assert len({entry["restore"] for entry in kept}) == (found == new)
        assert {entry["state"] for entry in journal(site)} <= {"done"}
        ends.append(found == new)
        if found == new:
            go_back(site)
        assert state() == old
        assert beside(site) == []
    return ends


@pytest.fixture
def stock(any_site: Site) -> Path:
    """A second database of the site."""
    path = any_site.folder / "stock.sqlite3"
    execute(path, "CREATE TABLE item (id integer PRIMARY KEY, name text)")
    execute(path, "INSERT INTO item (name) VALUES ('then')")
    name = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}
    more_settings(any_site, f"DATABASES['stock'] = {name!r}")
    return path


def test_fault_35_sigkill_at_each_step_of_the_journal_leaves_all_of_several_old_or_new(
    any_site: Site, stock: Path, sweep: Sweep
) -> None:
    site = any_site

    def state() -> State:
        return digest(site), snapshot(site.media), items(stock)

    new = state()
    command = ("restore_backup", make(site, *FULL)["id"], "--force")
    change(site)
    execute(stock, "INSERT INTO item (name) VALUES ('now')")
    ends = sweep_all(site, command, state, new, sweep)
    assert ends == sorted(ends), "old once it was new"
    assert set(ends) == {True, False}


@pytest.mark.parametrize("undone", [False, True])
def test_a_folder_whose_swap_goes_on_failing_follows_its_database_once_it_can(
    any_site: Site, undone: bool
) -> None:
    site = any_site
    new = digest(site), snapshot(site.media)
    made = make(site, *FULL)
    change(site)
    old = digest(site), snapshot(site.media)
    failed = shell(
        site, FAILING.format(command=("restore_backup", made["id"], "--force", "--no-color"))
    )
    assert failed.returncode == 1
    assert "was restored in part" in " ".join(failed.stderr.split())
    for _try in range(2):
        # It goes on failing: said each time, and nothing is given up.
        looked = shell(site, FAILING.format(command=("list_backups",)))
        assert looked.returncode == 0, looked
        assert "can't be cleaned up yet" in looked.stderr
        assert (digest(site), snapshot(site.media)) == (new[0], old[1])
        states = {entry["alias"]: entry["state"] for entry in journal(site)}
        assert states == {"default": "done", "media/": "ready"}
    released = shell(site, FAILING.format(command=("release_restore", "--yes")))
    assert released.returncode == 1
    assert "'media/' is still to be swapped" in " ".join(released.stderr.split())
    if not undone:
        site.manage("list_backups")
        assert (digest(site), snapshot(site.media)) == new
        go_back(site)
    else:
        shell(site, FAILING.format(command=("undo_restore",)))
        site.manage("list_backups")
        assert {entry["state"] for entry in journal(site)} == {"done"}
        site.manage("release_restore", "--yes")
    assert (digest(site), snapshot(site.media)) == old
    assert beside(site) == []
