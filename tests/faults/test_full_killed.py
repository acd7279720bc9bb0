"""The process dies while everything is restored: all is old or all is new."""

from __future__ import annotations

from pathlib import Path

from tests.integration.test_full_backup import FULL, change, state
from tests.support.backups import aftermath, leftovers, make
from tests.support.media import beside
from tests.support.media_killed import killed
from tests.support.sampling import Sweep
from tests.support.sites import Site
from tests.support.tracing import NEVER, number_of

# A step of the journal is a rename; the swap of a folder is a renameat2.
CALL = "rename,renameat2"


def release_all(site: Site) -> None:
    while site.manage("list_restores", "--json").json:
        site.manage("release_restore", "--yes")
    assert beside(site) == []


def look(site: Site) -> tuple[object, ...]:
    """What the next command leaves: all that was restored together is kept together, or nothing."""
    site.manage("list_backups")  # every command recovers first
    kept = site.manage("list_restores", "--json").json
    assert len({entry["restore"] for entry in kept}) * 2 == len(kept), kept
    assert not [path for path in (site.backups / ".restores").iterdir() if ".work" in path.name]
    return state(site)


def test_fault_04_sigkill_while_all_is_backed_up_leaves_no_half_backup(
    sqlite_site: Site, strace: str, tmp_path: Path, sweep: Sweep
) -> None:
    there, command = state(sqlite_site), ("create_backup", *FULL)
    assert not killed(sqlite_site, strace, tmp_path / "all", "rename", NEVER, *command)
    total = number_of("rename", tmp_path / "all")
    assert total >= len(["database", "files", "their list", "settings", "manifest"])
    for number in sweep.choose(range(1, total + 1), 2, always=(total,)):
        log = tmp_path / str(number)
        assert killed(sqlite_site, strace, log, "rename", number, *command), number
        aftermath(sqlite_site)
        assert not leftovers(sqlite_site.backups)
    assert state(sqlite_site) == there


def test_fault_35_sigkill_while_all_is_restored_leaves_all_old_or_all_new(
    sqlite_site: Site, strace: str, tmp_path: Path, sweep: Sweep
) -> None:
    site = sqlite_site
    new = state(site)
    command = ("restore_backup", make(site, *FULL)["id"], "--force")
    change(site)
    old, ends = state(site), set()
    assert not killed(site, strace, tmp_path / "all", CALL, NEVER, *command)
    total = number_of("rename", tmp_path / "all")
    assert total >= 6
    site.manage("undo_restore")
    release_all(site)
    for number in sweep.choose(range(1, total + 1), 1, always=range(total - 5, total + 1)):
        killed(site, strace, tmp_path / str(number), CALL, number, *command)
        found = look(site)
        assert found in (old, new), number
        ends.add(found == new)
        if found == new:
            site.manage("undo_restore")
        assert state(site) == old
        release_all(site)
    assert ends == {True, False}


def test_fault_35_sigkill_while_all_is_undone_leaves_all_old_or_all_new(
    sqlite_site: Site, strace: str, tmp_path: Path, sweep: Sweep
) -> None:
    site = sqlite_site
    new = state(site)
    restore = ("restore_backup", make(site, *FULL)["id"], "--force")
    change(site)
    old, ends = state(site), set()
    site.manage(*restore)
    assert not killed(site, strace, tmp_path / "all", CALL, NEVER, "undo_restore")
    total = number_of("rename", tmp_path / "all")
    assert total >= 5
    for number in sweep.choose(range(1, total + 1), 1, always=(1, *range(total - 3, total + 1))):
        assert state(site) == old
        release_all(site)
        site.manage(*restore)
        killed(site, strace, tmp_path / str(number), CALL, number, "undo_restore")
        found = look(site)
        assert found in (old, new), number
        ends.add(found == new)
        if found == new:
            site.manage("undo_restore")
    assert ends == {True, False}
