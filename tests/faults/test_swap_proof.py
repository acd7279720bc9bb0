"""Cases R1 and S2: which side of a swap is live is proven, and so is what an undo puts live."""

from __future__ import annotations

import signal
import sqlite3

import pytest

from tests.support.backups import assert_refused, make
from tests.support.content import content, digest
from tests.support.restores import (
    beside,
    go_on,
    journal,
    name_beside,
    restore,
    undo,
    undoable,
    unfinished,
)
from tests.support.sites import Site

DYING = """
import os, signal
from django.core.management import call_command
from trustbackup.databases.sqlite import replacement
replacement.OldCopy.make = lambda self: os.kill(os.getpid(), signal.SIGKILL)
call_command(*{command!r})
"""
LATER = {
    "an index": "CREATE INDEX later ON shop_category (category_name)",
    "a vacuum": "VACUUM",
    "a table": "CREATE TABLE later (id integer PRIMARY KEY)",
    "many changes of the schema": "PRAGMA schema_version = 4711",
}


def die_in_the_swap(site: Site, *command: str) -> None:
    """Its journal says that it is swapping, and its transaction is open; nothing is committed."""
    code = DYING.format(command=command)
    result = site.manage("shell", "--no-imports", "-c", code, check=False)
    assert result.returncode == -signal.SIGKILL, str(result)
    assert journal(site)[-1]["state"] == "swapping"


@pytest.mark.parametrize("later", LATER)
def test_case_r1_a_change_of_the_schema_after_a_kill_is_not_taken_for_the_swap(
    sqlite_site: Site, later: str
) -> None:
    made = make(sqlite_site)
    go_on(sqlite_site)
    die_in_the_swap(sqlite_site, "restore_backup", made["id"], "--force")
    # A hot journal is rolled back by the next reader.
    sqlite_site.query("SELECT count(*) FROM shop_category")
    connection = sqlite3.connect(sqlite_site.sqlite_file, isolation_level=None)
    connection.execute(LATER[later])
    connection.close()
    now = digest(sqlite_site)
    said = sqlite_site.manage("list_restores").stderr
    assert "the database is as it was" in said
    assert digest(sqlite_site) == now
    assert beside(sqlite_site) == []
    assert undoable(sqlite_site) == []
    assert not unfinished(sqlite_site)
    restore(sqlite_site, made["id"])
    undo(sqlite_site)
    assert digest(sqlite_site) == now


def test_case_r1_a_killed_undo_leaves_what_it_was_to_put_live(sqlite_site: Site) -> None:
    made = make(sqlite_site)
    go_on(sqlite_site)
    now = content(sqlite_site)
    restore(sqlite_site, made["id"])
    then = content(sqlite_site)
    die_in_the_swap(sqlite_site, "undo_restore")
    sqlite_site.query("CREATE TABLE trustbackup_later (id integer PRIMARY KEY)")
    assert "the database is as it was" in sqlite_site.manage("list_restores").stderr
    assert content(sqlite_site) == then
    undo(sqlite_site)
    assert content(sqlite_site) == now


def test_case_r1_a_swap_leaves_nothing_of_ours_in_the_live_file(sqlite_site: Site) -> None:
    made = make(sqlite_site)
    restore(sqlite_site, made["id"])
    tables = {name for (name,) in sqlite_site.query("SELECT name FROM sqlite_master")}
    assert "trustbackup_swap" not in tables
    undo(sqlite_site)
    tables = {name for (name,) in sqlite_site.query("SELECT name FROM sqlite_master")}
    assert "trustbackup_swap" not in tables


@pytest.mark.three_engines
@pytest.mark.parametrize("harm", ["empty", "cut", "another", "gone"])
def test_case_r1_an_undo_refuses_what_is_not_the_whole_old_database(
    any_site: Site, harm: str
) -> None:
    made = make(any_site)
    go_on(any_site)
    kept = restore(any_site, made["id"])["previous"]
    before = digest(any_site)
    if any_site.engine != "sqlite":
        if harm == "cut":
            pytest.skip("a database of a server has no file to cut")
        named = harm_database(any_site, kept, harm)
    else:
        named = harm_file(any_site, harm)
    refused = any_site.manage("undo_restore", "--json", check=False)
    assert_refused(refused, named)
    assert digest(any_site) == before
    assert not unfinished(any_site)


def harm_file(site: Site, harm: str) -> str:
    file = site.folder / beside(site)[0]
    whole = file.read_bytes()
    if harm == "empty":
        file.write_bytes(b"")
        return "is empty"
    if harm == "cut":
        file.write_bytes(whole[: len(whole) // 2])
        return "malformed"
    if harm == "another":
        file.write_bytes(site.sqlite_file.read_bytes())
        return "not what the restore kept"
    file.unlink()
    return "not there any more"


def harm_schema(site: Site, kept: str, harm: str) -> str:
    """What of MariaDB is a database, too."""
    assert site.mariadb
    server = site.mariadb.server
    if harm == "empty":
        tables = [name for (name,) in server.execute("SHOW TABLES LIKE 'shop%'", kept)]
        server.load(kept, f"SET foreign_key_checks = 0; DROP TABLE {', '.join(tables)};")
        return "is not there any more"
    server.execute(f"DROP DATABASE {kept}")
    if harm == "gone":
        return "not there any more"
    server.execute(f"CREATE DATABASE {kept}")
    return "not what the restore kept"


def harm_database(site: Site, kept: str, harm: str) -> str:
    if site.mariadb:
        return harm_schema(site, kept, harm)
    assert site.database
    cluster = site.database.cluster
    if harm == "empty":
        with cluster.connect(kept) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
        return "is empty"
    cluster.execute(f'DROP DATABASE "{kept}"')
    if harm == "gone":
        return "not there any more"
    cluster.execute(f'CREATE DATABASE "{kept}" OWNER "{site.database.user}"')
    return "not what the restore kept"


@pytest.mark.three_engines
def test_case_s2_a_database_made_meanwhile_under_the_name_of_into_is_never_dropped(
    any_site: Site,
) -> None:
    made = make(any_site)
    theirs = name_beside(any_site, "theirs") if any_site.mariadb else "theirs"
    code = f"""
from trustbackup.operations.restore.plan import RestoreRequest, plan_restore
from trustbackup.operations.restore.restore import restore_backup
from trustbackup.exceptions import TrustbackupError
plan = plan_restore({made["id"]!r}, RestoreRequest(into={theirs!r}))
THEIRS
try:
    restore_backup(plan)
except TrustbackupError as error:
    print(error)
"""
    if any_site.mariadb:
        make_theirs = (
            "from django.db import connection\n"
            f"with connection.cursor() as cursor: cursor.execute('CREATE DATABASE {theirs}')"
        )
    elif any_site.database:
        make_theirs = (
            "from trustbackup.operations.context import Context\n"
            "server = Context.current().database('default')._server()\n"
            "with server.maintenance() as cursor: cursor.execute('CREATE DATABASE theirs')"
        )
    else:
        make_theirs = "import pathlib; pathlib.Path('theirs').write_text('precious')"
    said = any_site.manage("shell", "--no-imports", "-c", code.replace("THEIRS", make_theirs))
    assert "exist" in said.stdout.lower(), str(said)
    if any_site.database:
        found = "SELECT count(*) FROM pg_database WHERE datname = 'theirs'"
        assert any_site.database.cluster.execute(found) == [(1,)]
        any_site.database.cluster.execute("DROP DATABASE theirs")
    elif any_site.mariadb:
        assert beside(any_site) == [theirs]
    else:
        assert (any_site.folder / "theirs").read_text() == "precious"
    assert not unfinished(any_site)
