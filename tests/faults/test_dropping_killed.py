"""The process dies while data is dropped or brought back: it is here, or elsewhere, never lost."""

from __future__ import annotations

from pathlib import Path

from tests.support.backups import leftovers, listed, make, more_settings, verify
from tests.support.content import digest
from tests.support.offsite import add
from tests.support.restores import go_on
from tests.support.sites import Site


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
    sqlite_site: Site, strace: str, tmp_path: Path
) -> None:
    add(sqlite_site, tmp_path / "copies")
    made = make(sqlite_site)
    more_settings(sqlite_site, "TRUSTBACKUP = {**TRUSTBACKUP, 'KEEP_LOCAL': 0}")
    for call, fewest in (("rename", 1), ("fsync", 2), ("unlink", 1)):
        number = 0
        while True:
            number += 1
            log = tmp_path / f"{call}{number}"
            died = killed(sqlite_site, strace, log, call, number, made, "sync_backups")
            (row,) = listed(sqlite_site)
            assert row["state"] in ("complete", "elsewhere"), (call, number, row)
            assert verify(sqlite_site, "latest")["ok"]
            if not died:
                assert row["state"] == "elsewhere"
                break
            sqlite_site.manage("sync_backups", "disk", "--pull", "--backup", row["id"])
        assert number > fewest, call
        sqlite_site.manage("sync_backups", "disk", "--pull", "--backup", made["id"])
    assert_swept(sqlite_site)


def test_sigkill_while_data_is_brought_back_leaves_it_here_or_elsewhere(
    sqlite_site: Site, strace: str, tmp_path: Path
) -> None:
    then = digest(sqlite_site)
    add(sqlite_site, tmp_path / "copies")
    more_settings(sqlite_site, "TRUSTBACKUP = {**TRUSTBACKUP, 'KEEP_LOCAL': 0}")
    made = make(sqlite_site)
    back = ("sync_backups", "disk", "--pull", "--backup", str(made["id"]))
    for call, fewest in (("rename", 2), ("fsync", 2)):
        number = 0
        while True:
            number += 1
            log = tmp_path / f"{call}{number}"
            died = killed(sqlite_site, strace, log, call, number, made, *back)
            (row,) = listed(sqlite_site)
            assert row["state"] in ("complete", "elsewhere"), (call, number, row)
            assert verify(sqlite_site, "latest")["ok"]
            if not died:
                assert row["state"] == "complete"
                break
            sqlite_site.manage("sync_backups", "disk")
            assert listed(sqlite_site)[0]["state"] == "elsewhere"
        assert number > fewest, call
        sqlite_site.manage("sync_backups", "disk")
    go_on(sqlite_site)
    sqlite_site.manage("restore_backup", "latest", "--force")
    assert digest(sqlite_site) == then
    assert_swept(sqlite_site)
