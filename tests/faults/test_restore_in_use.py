"""Row 49, and two restores at once: what is in use stays, and one restore at a time."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from tests.support.backups import assert_refused, listed, make, more_settings, wait_for
from tests.support.content import digest
from tests.support.restores import drill, go_on, restore, unfinished
from tests.support.sites import Site, finish

# The site's own check holds the drill up until it is let go.
GATE = """
import pathlib, time
def wait(alias):
    folder = pathlib.Path({folder!r})
    (folder / "reached").touch()
    while not (folder / "released").exists():
        time.sleep(0.01)
"""


@pytest.mark.three_engines
def test_fault_49_a_backup_that_is_being_drilled_is_not_deleted(any_site: Site) -> None:
    made = make(any_site)
    (any_site.home / "gate.py").write_text(GATE.format(folder=str(any_site.home)))
    more_settings(any_site, "TRUSTBACKUP = {**TRUSTBACKUP, 'DRILL_CHECKS': ['gate.wait']}")
    process = any_site.start("verify_backup", made["id"], "--restore", "--json")
    wait_for((any_site.home / "reached").exists)
    refused = any_site.manage("delete_backup", made["id"], "--yes", "--last-good-too", check=False)
    assert refused.returncode == 1
    assert "using it" in refused.stderr
    assert [item["id"] for item in listed(any_site)] == [made["id"]]
    (any_site.home / "released").touch()
    assert finish(process).returncode == 0
    any_site.manage("delete_backup", made["id"], "--yes", "--last-good-too")
    assert listed(any_site) == []


def test_fault_49_a_backup_that_is_being_restored_is_not_deleted(postgres_site: Site) -> None:
    database = postgres_site.database
    assert database
    made = make(postgres_site)
    go_on(postgres_site)
    more_settings(postgres_site, "TRUSTBACKUP = {**TRUSTBACKUP, 'LOCK_TIMEOUT': 300}")
    # In place, it waits for this transaction.
    with database.cluster.connect(database.name) as holder:
        holder.autocommit = False
        holder.execute("LOCK TABLE shop_order IN ACCESS SHARE MODE")
        arguments = ("restore_backup", made["id"], "--force", "--in-place", "--json")
        process = postgres_site.start(*arguments, "--no-safety-backup")
        blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        mine = f"{blocked} AND datname = '{database.name}'"
        wait_for(lambda: database.cluster.execute(mine)[0][0])
        refused = postgres_site.manage(
            "delete_backup", made["id"], "--yes", "--last-good-too", check=False
        )
        assert refused.returncode == 1
        assert "using it" in refused.stderr
        busy = postgres_site.manage("restore_backup", made["id"], "--force", check=False)
        assert_refused(busy, "another restore of it is under way")
        undo = postgres_site.manage("list_restores")
        assert undo.stderr == "", "a restore that lives is left alone"
    assert finish(process).returncode == 0
    assert not unfinished(postgres_site)
    postgres_site.manage("delete_backup", made["id"], "--yes", "--last-good-too")


@pytest.mark.parametrize("command", ["restore_backup", "undo_restore", "release_restore"])
def test_nothing_is_restored_or_undone_while_a_restore_is_under_way(
    any_site: Site, command: str
) -> None:
    made = make(any_site)
    go_on(any_site)
    restore(any_site, made["id"])
    before = digest(any_site)
    lock = any_site.backups / ".restores" / "default.lock"
    arguments = {
        "restore_backup": (made["id"], "--force"),
        "undo_restore": (),
        "release_restore": ("--yes",),
    }[command]
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        result = any_site.manage(command, *arguments, "--json", check=False)
        assert_refused(result, "another restore of it is under way")
        assert drill(any_site, made["id"])["ok"], "a drill disturbs nobody"
    assert digest(any_site) == before


def test_a_backup_that_is_being_deleted_is_not_restored(any_site: Site) -> None:
    made = make(any_site)
    before = digest(any_site)
    with Path(made["manifest"]).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        result = any_site.manage("restore_backup", made["id"], "--force", "--json", check=False)
        assert_refused(result, "being deleted")
    assert digest(any_site) == before
