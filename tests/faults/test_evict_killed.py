"""The process dies while data is dropped or brought back: it is here, or elsewhere, never lost."""

from __future__ import annotations

from pathlib import Path

from tests.support.backups import leftovers, listed, make, more_settings, verify
from tests.support.content import digest
from tests.support.offsite import add
from tests.support.restores import go_on
from tests.support.sampling import Sweep
from tests.support.sites import Site
from tests.support.tracing import NEVER, number_of


def killed(
    site: Site,
    strace: str,
    log: Path,
    call: str,
    number: int,
    made: dict[str, object],
    *command: str,
) -> bool:
    """Kill a command at the so-manieth of these calls on the backup's files; False when fewer."""
    identifier = str(made["id"])
    files = [site.backups, *(site.backups / f"backup_{identifier}{end}" for end in ENDS)]
    prefix = [strace, "-f", "-qq", "-o", str(log)]
    if call != "rename":  # of which strace looks at the old name alone
        for item in files:
            prefix += ["-P", str(item)]
    prefix += ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"]
    env = {"PYTHONDONTWRITEBYTECODE": "1"}
    return site.manage(*command, prefix=prefix, check=False, env=env).returncode != 0


ENDS = (".dump.gz", ".record.json", ".manifest.json")


def assert_swept(site: Site) -> None:
    """Nothing is left but records that were being written, which go when they are an hour old."""
    assert [name for name in leftovers(site.backups) if ".record.json." not in name] == []


def test_sigkill_while_data_is_dropped_leaves_it_here_or_elsewhere(
    sqlite_site: Site, strace: str, tmp_path: Path, sweep: Sweep
) -> None:
    add(sqlite_site, tmp_path / "copies")
    made = make(sqlite_site)
    more_settings(sqlite_site, "TRUSTBACKUP = {**TRUSTBACKUP, 'KEEP_LOCAL': 0}")
    back = ("sync_backups", "disk", "--pull", "--backup", made["id"])
    for call, fewest in (("rename", 1), ("fsync", 2), ("unlink", 1)):
        log = tmp_path / call
        assert not killed(sqlite_site, strace, log, call, NEVER, made, "sync_backups")
        assert listed(sqlite_site)[0]["state"] == "offloaded"
        sqlite_site.manage(*back)
        total = number_of(call, log)
        assert total >= fewest, call
        for number in sweep.choose(range(1, total + 1), 2):
            log = tmp_path / f"{call}{number}"
            assert killed(sqlite_site, strace, log, call, number, made, "sync_backups")
            (row,) = listed(sqlite_site)
            assert row["state"] in ("complete", "offloaded"), (call, number, row)
            assert verify(sqlite_site, "latest")["ok"]
            sqlite_site.manage(*back)
    assert_swept(sqlite_site)


def test_sigkill_while_data_is_brought_back_leaves_it_here_or_elsewhere(
    sqlite_site: Site, strace: str, tmp_path: Path, sweep: Sweep
) -> None:
    then = digest(sqlite_site)
    add(sqlite_site, tmp_path / "copies")
    more_settings(sqlite_site, "TRUSTBACKUP = {**TRUSTBACKUP, 'KEEP_LOCAL': 0}")
    made = make(sqlite_site)
    back = ("sync_backups", "disk", "--pull", "--backup", str(made["id"]))
    for call, fewest in (("rename", 2), ("fsync", 2)):
        log = tmp_path / call
        assert not killed(sqlite_site, strace, log, call, NEVER, made, *back)
        assert listed(sqlite_site)[0]["state"] == "complete"
        total = number_of(call, log)
        assert total >= fewest, call
        sqlite_site.manage("sync_backups", "disk")
        for number in sweep.choose(range(1, total + 1), 2):
            log = tmp_path / f"{call}{number}"
            assert killed(sqlite_site, strace, log, call, number, made, *back)
            (row,) = listed(sqlite_site)
            assert row["state"] in ("complete", "offloaded"), (call, number, row)
            assert verify(sqlite_site, "latest")["ok"]
            sqlite_site.manage("sync_backups", "disk")
            assert listed(sqlite_site)[0]["state"] == "offloaded"
    go_on(sqlite_site)
    sqlite_site.manage("restore_backup", "latest", "--force")
    assert digest(sqlite_site) == then
    assert_swept(sqlite_site)
