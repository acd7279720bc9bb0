"""Undo a restore, undo the undo, and let the old database go."""

from __future__ import annotations

import pytest

from tests.support.backups import assert_refused, make
from tests.support.content import content, digest
from tests.support.restores import (
    SESSION,
    audit,
    beside,
    drop_beside,
    go_on,
    restore,
    undo,
    undoable,
    unfinished,
)
from tests.support.sites import Site

AT_ONCE = """
from django.core.management import call_command
from trustbackup.operations.restore.undo import undo_restore
call_command("restore_backup", "latest", "--force", "--json")
identifier = ""
for _ in range(3):
    (done,) = undo_restore(identifier)
    identifier = done.undo
"""


def test_an_undo_swaps_the_old_database_back_and_an_undo_of_it_the_restored_one(
    any_site: Site,
) -> None:
    then = content(any_site)
    made = make(any_site)
    go_on(any_site)
    now = content(any_site)
    done = restore(any_site, made["id"])
    (entry,) = undoable(any_site)
    assert entry["id"] == done["undo"]
    assert entry["backup"] == made["id"]
    any_site.query(SESSION.format(key="between"))
    undone = undo(any_site, done["undo"])
    assert content(any_site) == now
    assert content(any_site, undone["previous"]) == then
    assert any_site.query("SELECT count(*) FROM django_session") == [(0,)]
    (entry,) = undoable(any_site)
    assert entry["id"] == undone["undo"]
    again = undo(any_site, undone["undo"])
    assert content(any_site) == then
    assert content(any_site, again["previous"]) == now
    assert len(beside(any_site)) == 1
    assert not unfinished(any_site)


def test_the_audit_trail_survives_an_undo(any_site: Site) -> None:
    made = make(any_site)
    restore(any_site, made["id"])
    undo(any_site, undo(any_site)["undo"])
    assert [len(audit(any_site, action)) for action in ("create", "restore", "undo")] == [1, 1, 2]


def test_a_restore_and_its_undo_in_the_same_second_keep_both_databases(any_site: Site) -> None:
    then = digest(any_site)
    make(any_site)
    go_on(any_site)
    now = digest(any_site)
    for _ in range(2):
        any_site.manage("shell", "--no-imports", "-c", AT_ONCE)
        (entry,) = undoable(any_site)
        assert digest(any_site) == now
        assert digest(any_site, entry["previous"]) == then
        any_site.manage("release_restore", "--yes")


@pytest.mark.three_engines
def test_what_was_released_is_gone_and_can_not_be_undone(any_site: Site) -> None:
    then = digest(any_site)
    made = make(any_site)
    go_on(any_site)
    done = restore(any_site, made["id"])
    refused = any_site.manage("release_restore", check=False)
    assert_refused(refused, "--yes")
    assert len(beside(any_site)) == 1
    any_site.manage("release_restore", done["undo"], "--yes")
    assert beside(any_site) == []
    assert undoable(any_site) == []
    assert_refused(any_site.manage("undo_restore", check=False), "no restore to undo")
    assert_refused(any_site.manage("undo_restore", done["undo"], check=False), done["undo"])
    assert digest(any_site) == then
    assert not unfinished(any_site)


@pytest.mark.three_engines
def test_an_undo_whose_old_database_is_gone_is_refused(any_site: Site) -> None:
    made = make(any_site)
    done = restore(any_site, made["id"])
    before = digest(any_site)
    (kept,) = beside(any_site)
    assert done["previous"].endswith(kept)
    drop_beside(any_site, kept)
    assert_refused(any_site.manage("undo_restore", check=False), "not there any more")
    assert digest(any_site) == before


@pytest.mark.three_engines
def test_two_restores_are_undone_one_after_the_other(any_site: Site) -> None:
    first = make(any_site)
    states = [digest(any_site)]
    go_on(any_site, "one")
    states.append(digest(any_site))
    restore(any_site, first["id"])
    go_on(any_site, "two")
    states.append(digest(any_site))
    restore(any_site, first["id"])
    assert digest(any_site) == states[0]
    older, newer = sorted(entry["id"] for entry in undoable(any_site))
    undo(any_site, newer)
    assert digest(any_site) == states[2]
    undo(any_site, older)
    assert digest(any_site) == states[1]
    assert not unfinished(any_site)
