"""Row 35 on MariaDB: a restore dies at any statement; the old state or the new, never between."""

from __future__ import annotations

import dataclasses
import signal

import pytest

from tests.faults.test_restore_killed import DYING, dying
from tests.support.backups import make, more_settings
from tests.support.content import digest
from tests.support.mariadb import Database
from tests.support.mariadb_content import CHANGES, OBJECTS, objects, run
from tests.support.restores import beside, go_on, unfinished
from tests.support.sampling import Sweep
from tests.support.sites import Site
from tests.support.trial import RestoreTrial

LAST = 90
"""Statements from the first that names the kept schema to the end, and some more."""


@pytest.fixture
def stock(mariadb_site: Site) -> Database:
    """A second database of the site, beside the first."""
    first = mariadb_site.mariadb
    assert first
    second = dataclasses.replace(first, name=f"{first.name}_stock")
    first.server.execute(f"CREATE DATABASE {second.name}")
    second.execute("CREATE TABLE item (id integer AUTO_INCREMENT PRIMARY KEY, name varchar(9))")
    second.execute("INSERT INTO item (name) VALUES ('then')")
    text = f"from webshop.environment import parse\nDATABASES['stock'] = parse({second.url!r})"
    more_settings(mariadb_site, text)
    return second


def test_fault_35_sigkill_before_each_statement_of_a_swap_leaves_the_old_or_the_new_state(
    mariadb_site: Site, sweep: Sweep
) -> None:
    run(mariadb_site, *OBJECTS)
    then = objects(mariadb_site)
    trial = RestoreTrial(mariadb_site)
    run(mariadb_site, *CHANGES)
    now = objects(mariadb_site)
    judge = trial.go_back

    def judged() -> None:
        expected = then if trial.ends[-1] == "new" else now
        assert objects(mariadb_site) == expected
        judge()
        assert objects(mariadb_site) == now

    trial.go_back = judged  # type: ignore[method-assign]
    for number in sweep.choose(range(1, LAST), 4, always=(1, 30, LAST - 1)):
        trial.kill_at([], *dying(trial, "_tb_before_", number))
    assert "old" in trial.ends
    assert "new" in trial.ends
    assert trial.ends == sorted(trial.ends, reverse=True), "old once it was new"


def test_fault_35_sigkill_in_the_second_databases_swap_lets_it_follow_the_first(
    mariadb_site: Site, stock: Database
) -> None:
    made = make(mariadb_site)
    then = digest(mariadb_site)
    go_on(mariadb_site)
    now = digest(mariadb_site)
    mark = f"{stock.name}_tb_before_"
    script = DYING.replace("{mark!r}", repr(mark))
    command = ("restore_backup", made["id"], "--force")
    for number in (1, 6):
        stock.execute("UPDATE item SET name = 'now'")
        code = script.format(args=command, n=number)
        died = mariadb_site.manage("shell", "--no-imports", "-c", code, check=False)
        assert died.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL), str(died)
        assert stock.execute("SELECT name FROM item") == [("now",)], "it died after its swap"
        assert digest(mariadb_site) == then
        said = mariadb_site.manage("list_restores").stderr
        assert "can't be cleaned up" not in said
        assert stock.execute("SELECT name FROM item") == [("then",)]
        assert digest(mariadb_site) == then
        mariadb_site.manage("undo_restore")
        assert stock.execute("SELECT name FROM item") == [("now",)]
        assert digest(mariadb_site) == now
        mariadb_site.manage("release_restore", "--yes")
        assert beside(mariadb_site) == [stock.name]
        assert not unfinished(mariadb_site)
