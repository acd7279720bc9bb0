"""The process dies while objects are written, copied or removed: every backup stays whole."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.integration.test_full_backup import FULL
from tests.support.backups import aftermath, leftovers, listed, make, verify
from tests.support.media import MEDIA, fill
from tests.support.media_killed import killed
from tests.support.sampling import Sweep
from tests.support.sites import Site
from tests.support.tracing import NEVER, number_of

INCREMENTAL = (*MEDIA, "--incremental")


def change(site: Site, number: int) -> None:
    """A new large file, and a new small one: each backup brings an object and a pack."""
    (site.media / "film").write_bytes(os.urandom(8 << 20))
    (site.media / "uploads" / f"new {number}").write_text(f"new {number}")


@pytest.mark.parametrize(("call", "fewest"), [("rename", 5), ("fsync", 7)])
def test_fault_04_sigkill_while_objects_are_written_leaves_whole_backups(
    sqlite_site: Site, strace: str, tmp_path: Path, sweep: Sweep, call: str, fewest: int
) -> None:
    fill(sqlite_site)
    make(sqlite_site, *INCREMENTAL)
    change(sqlite_site, 0)
    command = ("create_backup", *INCREMENTAL)
    assert not killed(sqlite_site, strace, tmp_path / "all", call, NEVER, *command)
    total = number_of(call, tmp_path / "all")
    assert total >= fewest
    for number in sweep.choose(range(1, total + 1), 2):
        change(sqlite_site, number)
        killed(sqlite_site, strace, tmp_path / str(number), call, number, *command)
        aftermath(sqlite_site)
        assert not leftovers(sqlite_site.backups)
    assert verify(sqlite_site, make(sqlite_site, *INCREMENTAL)["id"])["ok"]


def test_fault_04_sigkill_while_everything_is_backed_up_takes_nothing_that_is_named(
    sqlite_site: Site, strace: str, tmp_path: Path, sweep: Sweep
) -> None:
    site, command = sqlite_site, ("create_backup", *FULL, "--incremental")
    fill(site)
    whole = [make(site, *INCREMENTAL)["id"], make(site, *command[1:])["id"]]
    change(site, 0)
    assert not killed(site, strace, tmp_path / "all", "rename", NEVER, *command)
    total = number_of("rename", tmp_path / "all")
    assert total >= len(["the film", "a pack", "the database", "two lists", "the manifest"])
    for number in sweep.choose(range(1, total + 1), 2):
        change(site, number)
        killed(site, strace, tmp_path / str(number), "rename", number, *command)
        for path in (site.backups / "objects").iterdir():
            os.utime(path, (time.time() - 7200,) * 2)
        site.manage("sweep_objects")
        aftermath(site)
        assert not leftovers(site.backups)
    left = [row["id"] for row in listed(site)]
    assert set(whole) < set(left)
    assert all(verify(site, each)["ok"] for each in left)


@pytest.mark.parametrize("call", ["rename", "fsync"])
def test_fault_04_sigkill_while_objects_are_copied_leaves_no_half_copy(
    sqlite_site: Site, strace: str, tmp_path: Path, sweep: Sweep, call: str
) -> None:
    site, folder = sqlite_site, sqlite_site.folder / "copies"
    fill(site)
    command = ("sync_backups", f"file://{folder}")
    change(site, 0)
    made = make(site, *INCREMENTAL)
    assert not killed(site, strace, tmp_path / "all", call, NEVER, *command)
    total = number_of(call, tmp_path / "all")
    for number in sweep.choose(range(1, total + 1), 2):
        change(site, number)
        made = make(site, *INCREMENTAL)
        killed(site, strace, tmp_path / str(number), call, number, *command)
        if (folder / f"backup_{made['id']}.manifest.json").exists():
            site.manage("verify_backup", made["id"], "--at", command[1])
        site.manage(*command)
        site.manage("verify_backup", made["id"], "--at", command[1])


def test_fault_48_sigkill_while_objects_are_removed_takes_none_that_is_named(
    sqlite_site: Site, strace: str, tmp_path: Path, sweep: Sweep
) -> None:
    site, folder = sqlite_site, sqlite_site.backups / "objects"
    fill(site)
    first = make(site, *INCREMENTAL)
    for number in range(4):
        path = folder / f"backup_object_{number:064x}"
        path.write_text("nobody's")
        os.utime(path, (time.time() - 7200,) * 2)
    command = ("sweep_objects",)
    (number,) = sweep.choose(range(1, 4), 1)
    assert killed(site, strace, tmp_path / "log", "unlink", number, *command)
    assert verify(site, first["id"])["ok"]
    assert len(list(folder.iterdir())) > 1
    site.manage(*command)
    assert len(list(folder.iterdir())) == 1
    assert verify(site, first["id"])["ok"]
