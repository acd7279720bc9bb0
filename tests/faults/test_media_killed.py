"""The process dies while uploaded files are backed up or restored: old or new, never between."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.backups import aftermath, leftovers, make
from tests.support.media import MEDIA, beside, fill, snapshot
from tests.support.media_killed import killed, sweep_restore
from tests.support.sampling import Sweep
from tests.support.sites import Site
from tests.support.tracing import NEVER, number_of


@pytest.mark.parametrize(("call", "fewest"), [("openat", 8), ("rename", 3), ("fsync", 4)])
def test_fault_04_sigkill_while_files_are_archived_leaves_no_half_backup(
    sqlite_site: Site, strace: str, tmp_path: Path, sweep: Sweep, call: str, fewest: int
) -> None:
    fill(sqlite_site)
    there = snapshot(sqlite_site.media)
    command = ("create_backup", *MEDIA)
    log = tmp_path / "all"
    assert not killed(sqlite_site, strace, log, call, NEVER, *command)
    total = number_of(call, log)
    assert total >= fewest
    for number in sweep.choose(range(1, total + 1), 2):
        killed(sqlite_site, strace, tmp_path / str(number), call, number, *command)
        aftermath(sqlite_site)
        assert not leftovers(sqlite_site.backups)
    assert snapshot(sqlite_site.media) == there


@pytest.mark.parametrize("call", ["renameat2", "rename", "mkdir", "mkdirat", "syncfs", "unlink"])
def test_fault_35_sigkill_while_files_are_restored_leaves_the_old_or_the_new(
    sqlite_site: Site, strace: str, tmp_path: Path, sweep: Sweep, call: str
) -> None:
    site = sqlite_site
    sweep_restore(site, strace, tmp_path, (sweep, call, 2), lambda: snapshot(site.media), beside)


def test_fault_35_sigkill_while_files_are_put_back_leaves_each_whole(
    sqlite_site: Site, strace: str, tmp_path: Path, sweep: Sweep
) -> None:
    site = sqlite_site
    fill(site)
    made = make(site, *MEDIA)
    cup = site.media / "uploads" / "cup.txt"
    command = ("restore_backup", made["id"], "--force", "--path", "uploads")

    def spoil() -> None:
        cup.write_text("another cup")
        (site.media / "uploads" / "plate.txt").unlink(missing_ok=True)

    spoil()
    for call in ("linkat", "renameat", "fsync"):
        assert not killed(site, strace, tmp_path / call, call, NEVER, *command)
        total = number_of(call, tmp_path / call)
        assert total >= 1, call
        for number in sweep.choose(range(1, total + 1), 1):
            spoil()
            log = tmp_path / f"{call}{number}"
            killed(site, strace, log, call, number, *command)
            assert cup.read_text() in ("another cup", "cup")
            plate = site.media / "uploads" / "plate.txt"
            assert not plate.exists() or plate.read_text() == "plate"
        spoil()
    site.manage(*command)
    assert cup.read_text() == "cup"
