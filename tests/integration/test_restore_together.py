"""Cases K2 and K3: several databases are restored, undone and released as one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.backups import assert_refused, make, more_settings
from tests.support.clusters import Database, drop_role
from tests.support.content import digest
from tests.support.restores import audit, beside, go_on, undoable, unfinished
from tests.support.sites import Site

FAILING = """
from trustbackup.databases.sqlite.replacement import SQLiteReplacement
from trustbackup.exceptions import RestoreError
whole = SQLiteReplacement.{step}
def {step}(self, *arguments):
    if self.alias == "stock":
        raise {error}
    return whole(self, *arguments)
SQLiteReplacement.{step} = {step}
from django.core.management import call_command
call_command("restore_backup", {backup!r}, "--force", "--json")
"""


@pytest.fixture
def stock(any_site: Site) -> Path:
    """A second database of the site, in a file beside the first."""
    path = any_site.folder / "stock.sqlite3"
    execute(path, "CREATE TABLE item (id integer PRIMARY KEY, name text)")
    execute(path, "INSERT INTO item (name) VALUES ('then')")
    name = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}
    more_settings(any_site, f"DATABASES['stock'] = {name!r}")
    return path


def execute(path: Path, statement: str) -> list[tuple[str]]:
    connection = sqlite3.connect(path)
    try:
        with connection:
            return connection.execute(statement).fetchall()
    finally:
        connection.close()


def items(path: Path) -> list[str]:
    return [name for (name,) in execute(path, "SELECT name FROM item ORDER BY id")]


def states(site: Site, stock: Path) -> tuple[str, list[str]]:
    return digest(site), items(stock)


def test_case_k3_what_was_restored_together_is_undone_and_released_together(
    any_site: Site, stock: Path
) -> None:
    then = states(any_site, stock)
    made = make(any_site)
    go_on(any_site)
    execute(stock, "INSERT INTO item (name) VALUES ('now')")
    now = states(any_site, stock)
    any_site.manage("restore_backup", made["id"], "--force")
    assert states(any_site, stock) == then
    undone = any_site.manage("undo_restore", "--json").json
    assert set(undone["databases"]) == {"default", "stock"}
    assert states(any_site, stock) == now
    # The same again must not undo the undo.
    assert_refused(any_site.manage("undo_restore", check=False), "undone already")
    assert states(any_site, stock) == now
    any_site.manage("undo_restore", undone["databases"]["stock"]["undo"])
    assert states(any_site, stock) == then
    any_site.manage("release_restore", "--yes")
    assert undoable(any_site) == []
    assert beside(any_site) == []
    assert [path.name for path in any_site.folder.glob("stock*")] == ["stock.sqlite3"]
    assert not unfinished(any_site)


def test_case_k3_nothing_is_undone_when_one_of_the_old_databases_is_not_whole(
    any_site: Site, stock: Path
) -> None:
    made = make(any_site)
    go_on(any_site)
    any_site.manage("restore_backup", made["id"], "--force")
    (kept,) = any_site.folder.glob("stock_before_*")
    kept.write_bytes(b"")
    before = states(any_site, stock)
    refused = any_site.manage("undo_restore", check=False)
    assert_refused(refused, kept.name, "is empty", "Database 'default' is as it was")
    assert states(any_site, stock) == before
    assert len(undoable(any_site)) == 2


@pytest.mark.parametrize("step", ["load", "carry_over", "swap"])
def test_case_k2_what_became_of_each_database_is_said_when_one_fails(
    any_site: Site, stock: Path, step: str
) -> None:
    made = make(any_site)
    go_on(any_site)
    execute(stock, "INSERT INTO item (name) VALUES ('now')")
    before = states(any_site, stock)
    error = 'RestoreError("Nothing works")' if step == "load" else 'ZeroDivisionError("by hand")'
    code = FAILING.format(step=step, backup=made["id"], error=error)
    result = any_site.manage("shell", "--no-imports", "-c", code, check=False)
    said = " ".join(result.stderr.split())
    assert result.returncode == 1
    assert "Traceback" not in said
    assert "Database 'stock' is as it was." in said
    assert items(stock) == before[1]
    if step == "load":
        # Everything is built before anything is swapped.
        assert "Database 'default' is as it was." in said
        assert states(any_site, stock) == before
        assert undoable(any_site) == []
        return
    (entry,) = undoable(any_site)
    assert f"undo_restore {entry['id']} puts it back" in said
    assert entry["previous"] in said
    (event,) = audit(any_site, "restore")
    assert event["state"] == "failed"
    assert [item["alias"] for item in event["databases"]] == ["default"]
    any_site.manage("undo_restore", entry["id"])
    assert states(any_site, stock) == before
    assert not unfinished(any_site)


@pytest.fixture
def reports(postgres_site: Site) -> Iterator[Site]:
    """A site with a second database, of which its role may only read."""
    assert postgres_site.database
    cluster = postgres_site.database.cluster
    name = f"{postgres_site.database.name}_reports"
    reader = Database(cluster=cluster, name=name, user=f"{name}_reader", password="reader")
    cluster.execute(f"CREATE ROLE {reader.user} LOGIN PASSWORD 'reader'")
    cluster.execute(f"CREATE DATABASE {name}")
    with cluster.connect(name) as connection:
        connection.execute("CREATE TABLE report (id integer PRIMARY KEY)")
        connection.execute(f"GRANT SELECT ON report TO {reader.user}".encode())
    text = f"import dj_database_url\nDATABASES['reports'] = dj_database_url.parse({reader.url!r})"
    more_settings(postgres_site, text)
    yield postgres_site
    cluster.execute(f"DROP DATABASE IF EXISTS {name}")
    drop_role(cluster, reader.user)


def test_case_k2_a_database_that_may_only_be_read_stops_the_restore_before_the_first(
    reports: Site,
) -> None:
    made = make(reports)
    go_on(reports)
    before = digest(reports)
    refused = reports.manage("restore_backup", made["id"], "--force", check=False)
    assert_refused(refused, "'reports' can't be restored")
    assert digest(reports) == before
    assert beside(reports) == []
    shown = reports.manage("restore_backup", made["id"], "--dry-run", check=False)
    assert "Refused: Database 'reports' can't be restored" in shown.stdout
    assert not unfinished(reports)


KILLED = """
import os, signal
from trustbackup.databases.sqlite.replacement import SQLiteReplacement
whole = SQLiteReplacement.swap
def swap(self, *arguments):
    if self.alias == "stock":
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(self, *arguments)
SQLiteReplacement.swap = swap
from django.core.management import call_command
call_command("undo_restore")
"""


def test_case_k3_an_undo_that_dies_between_two_swaps_is_ended_by_the_next_command(
    any_site: Site, stock: Path
) -> None:
    made = make(any_site)
    go_on(any_site)
    execute(stock, "INSERT INTO item (name) VALUES ('now')")
    before = states(any_site, stock)
    any_site.manage("restore_backup", made["id"], "--force")
    killed = any_site.manage("shell", "--no-imports", "-c", KILLED, check=False)
    assert killed.returncode == -9
    assert states(any_site, stock) == (before[0], ["then"])
    any_site.manage("list_backups")  # every command recovers first
    assert states(any_site, stock) == before
    assert {len(undoable(any_site)), len({one["restore"] for one in undoable(any_site)})} == {2, 1}
    assert not unfinished(any_site)
