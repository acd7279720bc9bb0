"""Case U: the site lives on while a backup is loaded; what counts is how it is after that."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.test_own_session import RESTORE, SIGN_IN, UNDO, run
from tests.support.backups import listed, make
from tests.support.content import digest
from tests.support.restores import (
    beside,
    go_on,
    lose_database,
    restore,
    undo,
    undoable,
)
from tests.support.sites import Site

BEFORE = """
import json
from django.db import connections
from trustbackup.operations.restore import strategies, undo

def query(*statements):
    with connections["default"].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    connections["default"].close()

def before(owner, name, act):
    real = getattr(owner, name)
    def called(*arguments, **keywords):
        setattr(owner, name, real)
        act()
        return real(*arguments, **keywords)
    setattr(owner, name, called)
"""
RESTORE_COMMAND = """
from django.core.management import call_command
call_command("restore_backup", {backup!r}, "--force", "--json", *{more!r})
"""


def meanwhile(site: Site, act: str, code: str) -> Any:
    done = site.manage("shell", "--no-imports", "-c", BEFORE + act + code, check=False)
    assert done.returncode == 0, str(done)
    return json.loads(done.stdout) if done.stdout.strip() else None


@pytest.mark.three_engines
def test_case_u_tables_that_came_while_an_empty_database_was_restored_are_kept(
    any_site: Site,
) -> None:
    made = make(any_site)
    then = digest(any_site)
    lose_database(any_site)
    act = """
before(strategies.SwapRestore, "complete", lambda: query(
    "CREATE TABLE precious (id integer PRIMARY KEY)", "INSERT INTO precious VALUES (7)"))
"""
    command = RESTORE_COMMAND.format(backup=made["id"], more=())
    done = meanwhile(any_site, act, command)["databases"]["default"]
    assert digest(any_site) == then
    assert done["previous"], "it had a table when it was swapped"
    undo(any_site)
    assert any_site.query("SELECT id FROM precious") == [(7,)]


def test_case_u_rows_that_came_after_the_plan_are_in_the_safety_backup(
    postgres_site: Site,
) -> None:
    made = make(postgres_site)
    lose_database(postgres_site)
    act = """
before(strategies.InPlaceRestore, "prepared", lambda: query(
    "CREATE TABLE precious (id integer PRIMARY KEY)", "INSERT INTO precious VALUES (7)"))
"""
    command = RESTORE_COMMAND.format(backup=made["id"], more=("--in-place",))
    done = meanwhile(postgres_site, act, command)["databases"]["default"]
    rows = {row["id"]: row["rows"] for row in listed(postgres_site)}
    assert rows[done["safety_backup"]] == 1


@pytest.mark.parametrize("what", ["restore", "undo"])
def test_case_u_a_session_that_ended_meanwhile_does_not_come_back(
    any_site: Site, what: str
) -> None:
    make(any_site)
    if what == "undo":
        restore(any_site, "latest")
    mine = run(any_site, SIGN_IN)
    key = mine["keys"][0]
    act = f"""
signed_out = "DELETE FROM django_session WHERE session_key = '{key}'"
from trustbackup.databases.mysql.replacement import MySQLReplacement
from trustbackup.databases.postgresql.replacement import PostgresReplacement
from trustbackup.databases.sqlite.replacement import SQLiteReplacement
for each in (MySQLReplacement, PostgresReplacement, SQLiteReplacement):
    before(each, "carry_over", lambda: query(signed_out))
"""
    code = (RESTORE.replace("STRATEGY", "swap") if what == "restore" else UNDO).replace(
        "HASH", mine["hash"]
    )
    meanwhile(any_site, act, code)
    assert any_site.query("SELECT session_key FROM django_session") == []


@pytest.mark.three_engines
def test_case_u_what_is_noted_while_migrations_run_is_carried_over(any_site: Site) -> None:
    made = make(any_site)
    act = """
from datetime import UTC, datetime
from trustbackup.models import AuditEvent
event = dict(at=datetime.now(UTC), actor="somebody", action="delete", target="x", address="")
before(strategies.SwapRestore, "migrate", lambda: AuditEvent.objects.create(**event))
"""
    meanwhile(any_site, act, RESTORE_COMMAND.format(backup=made["id"], more=("--migrate",)))
    found = any_site.query("SELECT count(*) FROM trustbackup_auditevent WHERE actor = 'somebody'")
    assert found == [(1,)]


def test_case_u_a_restore_that_was_undone_meanwhile_is_not_called_released(
    any_site: Site,
) -> None:
    made = make(any_site)
    go_on(any_site)
    now = digest(any_site)
    restore(any_site, made["id"])
    act = """
from trustbackup.exceptions import FolderError
before(undo, "only_restore", lambda: undo.undo_restore())
try:
    print(json.dumps([entry.id for entry in undo.release_restore()]))
except FolderError as error:
    print(json.dumps(str(error)))
"""
    assert "no old database is kept for it" in meanwhile(any_site, act, "")
    assert digest(any_site) == now
    (kept,) = undoable(any_site)
    assert len(beside(any_site)) == 1, kept
