"""A dump holds its own run as one that goes on: who reads it later must not find it dead."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.backups import make
from tests.support.restores import (
    lose_database,
    only_file,
    restore,
)
from tests.support.sites import Site

RUN = """
INSERT INTO trustbackup_run
(id, action, target, plan, options, actor, address, state, started, stage, done, total, cancel,
 host, log, outcome, error)
VALUES ('11111111111111111111111111111111', 'verify', '', '', '{{}}', '', '', 'waiting', '{now}',
 '', 0, 0, {no}, '', '', '{{}}', '')
"""
MESSAGE = """
INSERT INTO trustbackup_delivery
(route, key, kind, plan, subject, sentence, at, detail, state, tries, reached, problem)
VALUES ('team', 'k', 'started', '', '', '', '{now}', '{{}}', 'sending', 0, '[]', '')
"""
RUNS = "SELECT action, state, target FROM trustbackup_run ORDER BY started"
MESSAGES = "SELECT state, problem FROM trustbackup_delivery"


def something_is_under_way(site: Site) -> None:
    """A run that waits for a worker, and a message that another process is sending."""
    now, no = datetime.now(UTC), "false" if site.database else "0"
    site.query(RUN.format(now=now, no=no))
    site.query(MESSAGE.format(now=now))


@pytest.mark.parametrize("how", ["swap", "in place", "without a manifest"])
def test_case_r_what_was_under_way_is_no_failure(any_site: Site, how: str) -> None:
    if how == "in place" and not any_site.database:
        pytest.skip("there is no file to restore it in")
    something_is_under_way(any_site)
    made = make(any_site)
    lose_database(any_site)
    arguments = {"in place": ["--in-place"], "without a manifest": ["--trust-manifest"]}
    ending = ("create", "succeeded", made["id"])
    if how == "without a manifest":
        Path(made["manifest"]).unlink()
        ending = ("create", "cancelled", "")
    restore(any_site, str(only_file(made)), *arguments.get(how, []))
    assert any_site.query(RUNS)[:2] == [("verify", "cancelled", ""), ending]
    ((state, problem),) = any_site.query(MESSAGES)
    assert (state, "may have been sent since" in problem) == ("failed", True)
    # Nor does it become one when somebody looks whether it lives.
    assert any_site.manage("list_backups").returncode == 0
    assert [row for row in any_site.query(RUNS) if row[1] == "failed"] == []


def test_case_r_another_database_tells_no_failure_either(sqlite_site: Site) -> None:
    made = make(sqlite_site)
    other = sqlite_site.folder / "other.sqlite3"
    restore(sqlite_site, made["id"], "--into", str(other))
    with contextlib.closing(sqlite3.connect(other)) as connection:
        assert connection.execute(RUNS).fetchall() == [("create", "succeeded", made["id"])]


def test_case_r_runs_that_live_are_carried_along_as_they_are(any_site: Site) -> None:
    """The live tables know more than the backup: a run that waits still waits."""
    made = make(any_site)
    something_is_under_way(any_site)
    restore(any_site, made["id"])
    states: dict[Any, Any] = {row[0]: row[1] for row in any_site.query(RUNS)}
    assert (states["create"], states["verify"]) == ("succeeded", "waiting")
    assert any_site.query(MESSAGES) == [("sending", "")]
