"""Row 35: a restore of one app's data dies at any instant, and all or nothing has changed."""

from __future__ import annotations

from pathlib import Path

from tests.integration.test_app_data import SHOP, change, rows
from tests.support.backups import aftermath, leftovers, make
from tests.support.sampling import Sweep
from tests.support.sites import Site
from tests.support.tracing import NEVER, injected, number_of

RESTORE = ("--mode", "replace", "--force", "--no-safety-backup")


def test_fault_35_sigkill_in_the_midst_of_an_apps_restore_leaves_all_or_nothing(
    sqlite_site: Site, strace: str, tmp_path: Path, sweep: Sweep
) -> None:
    then = rows(sqlite_site)
    made = make(sqlite_site, *SHOP)

    def killed_at(number: int) -> bool:
        """Whether a restore is killed at the so-manieth write into the database's files."""
        log = tmp_path / str(number)
        prefix = [strace, "-f", "-qq", "-o", str(log)]
        prefix += ["-e", "trace=pwrite64", "-e", f"inject=pwrite64:signal=KILL:when={number}"]
        for suffix in ("", "-journal", "-wal"):
            prefix += ["-P", f"{sqlite_site.sqlite_file}{suffix}"]
        arguments = ("restore_backup", made["id"], *RESTORE)
        ended = sqlite_site.manage(*arguments, prefix=prefix, check=False)
        assert bool(injected(log)) == (ended.returncode != 0), str(ended)
        return ended.returncode != 0

    change(sqlite_site)
    before = rows(sqlite_site)
    assert before != then
    assert not killed_at(NEVER)
    assert rows(sqlite_site) == then
    total = number_of("pwrite64", tmp_path / str(NEVER))
    assert total >= 10
    for number in sweep.choose(range(1, total + 1), 2):
        change(sqlite_site)
        before = rows(sqlite_site)
        assert killed_at(number)
        assert rows(sqlite_site) in (before, then)
        aftermath(sqlite_site)
        sqlite_site.manage("restore_backup", made["id"], *RESTORE)
        assert rows(sqlite_site) == then
    assert not leftovers(sqlite_site.backups)
