"""Sites whose databases are used in ways of their own: routers, transactions, kept connections."""

from __future__ import annotations

import textwrap

from tests.integration.test_without_autocommit import LOOK
from tests.support.backups import listed, make, more_settings, wait_for
from tests.support.content import content
from tests.support.restores import go_on, restore, undo
from tests.support.sites import Site

ELSEWHERE = """
    from pathlib import Path

    DATABASES["ops"] = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(DATABASES_FOLDER) / "ops.sqlite3",
        "ATOMIC_REQUESTS": True,
    }

    class Router:
        def db_for_read(self, model, **hints):
            return "ops" if model._meta.app_label == "trustbackup" else None

        db_for_write = db_for_read

        def allow_relation(self, one, other, **hints):
            return {one._meta.app_label, other._meta.app_label}.isdisjoint({"trustbackup"})

        def allow_migrate(self, db, app_label, **hints):
            return (db == "ops") == (app_label == "trustbackup")

    DATABASE_ROUTERS = [Router()]
"""
NOWHERE = """
    class Router:
        def allow_migrate(self, db, app_label, **hints):
            return False if app_label == "trustbackup" else None

    DATABASE_ROUTERS = [Router()]
"""


CLICK = """
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.urls import resolve
view = resolve("/settings/backups/").func
assert view._non_atomic_requests == set(connections), view._non_atomic_requests
client = Client(SERVER_NAME="localhost")
client.force_login(User.objects.get(username="looker"))
answer = client.post("/settings/backups/", {"create_backup": "1", "type": "database"})
assert answer.status_code == 302, answer
"""


def looks(site: Site, identifier: str) -> dict[str, int]:
    """The status of each page."""
    code = LOOK.replace("ID", identifier)
    found: dict[str, int] = site.manage("shell", "--verbosity", "0", "-c", code).json
    return found


def configured(site: Site, text: str) -> None:
    where = f"DATABASES_FOLDER = {str(site.folder)!r}\n"
    more_settings(site, where + textwrap.dedent(text))


def test_a_router_keeps_our_tables_in_another_database(any_site: Site) -> None:
    any_site.manage("migrate", "trustbackup", "zero", "--verbosity", "0")
    configured(any_site, ELSEWHERE)
    any_site.manage("migrate", "--database", "ops", "--verbosity", "0")
    made = make(any_site)
    then = content(any_site)
    assert sorted(file["part"] for file in made["files"]) == ["default", "ops"], made
    assert [row["id"] for row in listed(any_site)] == [made["id"]]
    assert set(looks(any_site, made["id"]).values()) == {200}
    any_site.manage("verify_backup", "latest", "--restore")
    go_on(any_site)
    any_site.manage("restore_backup", "latest", "--force")
    assert content(any_site) == then
    any_site.manage("undo_restore")
    (row,) = listed(any_site)
    assert row["drilled"]["ok"]
    looks(any_site, made["id"])
    # Its process finds the run's row, however long the request goes on.
    any_site.manage("shell", "--no-imports", "-c", CLICK)
    wait_for(lambda: len(listed(any_site)) == 2)


def test_a_router_that_lets_us_have_no_table_stops_no_command(any_site: Site) -> None:
    any_site.manage("migrate", "trustbackup", "zero", "--verbosity", "0")
    configured(any_site, NOWHERE)
    any_site.manage("migrate", "--verbosity", "0")
    then = content(any_site)
    made = make(any_site)
    assert [row["id"] for row in listed(any_site)] == [made["id"]]
    any_site.manage("verify_backup", "latest", "--restore")
    go_on(any_site)
    restore(any_site, made["id"])
    assert content(any_site) == then
    undo(any_site)
    found = looks(any_site, made["id"])
    assert set(found.values()) <= {200, 409}
    assert found[""] == 409


def test_migrations_may_be_the_sites_own_or_none(sqlite_site: Site) -> None:
    sqlite_site.manage("migrate", "trustbackup", "zero", "--verbosity", "0")
    configured(sqlite_site, "MIGRATION_MODULES = {'trustbackup': None}")
    sqlite_site.manage("migrate", "--run-syncdb", "--verbosity", "0")
    made = make(sqlite_site)
    then = content(sqlite_site)
    sqlite_site.manage("verify_backup", "latest", "--restore")
    go_on(sqlite_site)
    restore(sqlite_site, made["id"])
    assert content(sqlite_site) == then
    undo(sqlite_site)
    assert set(looks(sqlite_site, made["id"]).values()) == {200}
