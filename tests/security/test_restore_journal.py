"""Case S2: what lies in the journal's folder is a stranger's until its signature is checked."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.backups import assert_refused, make
from tests.support.content import digest
from tests.support.restores import go_on, journal, restore, undoable
from tests.support.sites import Site

SIGNED = """
import json
from dataclasses import replace
from trustbackup.operations.context import Context
from trustbackup.store.journal_entry import JournalEntry, State, Strategy
journal = Context.current().journal
journal.folder()
changes = json.loads({changes!r})
changes["state"] = State(changes["state"])
changes["strategy"] = Strategy(changes["strategy"])
journal.writer(JournalEntry(**changes)).update()
"""


def entry(**changes: Any) -> dict[str, Any]:
    return {
        "id": "20260101T000000000000-default",
        "restore": "20260101T000000000000",
        "alias": "default",
        "backup": "2026-01-01_00-00-00",
        "strategy": "swap",
        "new": "",
        "previous": "",
        "started": "2026-01-01T00:00:00Z",
        "state": "swapping",
        "marker": "-",
        "previous_marker": "",
        "rows": 0,
        **changes,
    }


def precious(site: Site) -> tuple[str, Any]:
    """A database that no restore has made, and whether it is there as it was."""
    if site.database:
        cluster = site.database.cluster
        name = f"{site.database.name}_precious"
        cluster.execute(f'CREATE DATABASE "{name}" OWNER "{site.database.user}"')
        query = "SELECT count(*) FROM pg_database WHERE datname = '" + name + "'"
        return name, lambda: cluster.execute(query) == [(1,)]
    if site.mariadb:
        server = site.mariadb.server
        name = f"{site.mariadb.name}_precious"
        server.execute(f"CREATE DATABASE {name}")
        server.execute("CREATE TABLE jewels (id int PRIMARY KEY)", name)
        return name, lambda: server.execute("SHOW TABLES", name) == [("jewels",)]
    path = site.folder / "precious.sqlite3"
    whole = site.sqlite_file.read_bytes()
    path.write_bytes(whole)
    return str(path), lambda: path.read_bytes() == whole


def plant(site: Site, document: dict[str, Any], *, signed: bool) -> None:
    if signed:
        code = SIGNED.format(changes=json.dumps(document))
        site.manage("shell", "--no-imports", "-c", code)
        return
    folder = site.backups / ".restores"
    folder.mkdir(exist_ok=True)
    (folder / f"{document['id']}.json").write_text(json.dumps(document))


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize("state", ["building", "swapping", "done"])
@pytest.mark.parametrize("member", ["new", "previous"])
def test_case_s2_a_journal_that_names_what_no_restore_made_is_refused_and_named(
    any_site: Site, signed: bool, state: str, member: str
) -> None:
    make(any_site)
    name, is_there = precious(any_site)
    before = digest(any_site)
    document = entry(state=state, **{member: name})
    plant(any_site, document, signed=signed)
    said = any_site.manage("list_restores").stderr
    assert document["id"] in said
    if signed:
        assert "is no name that a restore of 'default' gives" in said
    else:
        assert "this site did not write it" in said
    for command in (
        ("undo_restore", document["id"]),
        ("release_restore", document["id"], "--yes"),
        ("undo_restore",),
    ):
        result = any_site.manage(*command, "--json", check=False)
        assert_refused(result)
    assert is_there()
    assert digest(any_site) == before
    if any_site.database:
        any_site.database.cluster.execute(f'DROP DATABASE "{name}"')


@pytest.mark.three_engines
def test_case_s2_an_altered_journal_is_refused(any_site: Site) -> None:
    made = make(any_site)
    go_on(any_site)
    done = restore(any_site, made["id"])
    before = digest(any_site)
    name, is_there = precious(any_site)
    (path,) = (any_site.backups / ".restores").glob("*.json")
    path.write_text(path.read_text().replace(done["previous"], name))
    assert undoable(any_site) == []
    refused = any_site.manage("undo_restore", done["undo"], "--json", check=False)
    assert_refused(refused, done["undo"], "this site did not write it so")
    assert is_there()
    assert digest(any_site) == before
    if any_site.database:
        any_site.database.cluster.execute(f'DROP DATABASE "{name}"')
        any_site.database.cluster.execute(f'DROP DATABASE "{done["previous"]}"')


def test_case_s2_a_journal_of_an_unknown_key_is_refused_and_one_of_an_old_key_followed(
    sqlite_site: Site,
) -> None:
    made = make(sqlite_site)
    done = restore(sqlite_site, made["id"])
    sqlite_site.variables["SECRET_KEY"] = "another-key-" * 5
    refused = sqlite_site.manage("undo_restore", done["undo"], "--json", check=False)
    assert_refused(refused, "signed by an unknown key")
    assert "unknown key" in sqlite_site.manage("list_restores").stderr
    del sqlite_site.variables["SECRET_KEY"]
    sqlite_site.manage("undo_restore", done["undo"])


@pytest.mark.parametrize("kind", ["fifo", "link", "brackets", "list", "binary"])
def test_case_s2_what_is_no_journal_at_all_is_passed_over_without_waiting(
    sqlite_site: Site, kind: str
) -> None:
    made = make(sqlite_site)
    restore(sqlite_site, made["id"])
    (known,) = journal(sqlite_site)
    path: Path = sqlite_site.backups / ".restores" / "planted.json"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("/etc/hostname")
    else:
        path.write_bytes({"brackets": b"[" * 40_000, "list": b"[]", "binary": b"\xff\0"}[kind])
    result = sqlite_site.manage("list_restores", "--json", timeout=60)
    assert [item["id"] for item in result.json] == [known["id"]]
    assert "planted" in result.stderr
    path.unlink()
