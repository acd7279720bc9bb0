"""Row 35 on MariaDB: a restore dies at any statement; the old state or the new, never between."""

from __future__ import annotations

from tests.faults.test_restore_killed import dying
from tests.support.mariadb_content import CHANGES, OBJECTS, objects, run
from tests.support.sampling import Sweep
from tests.support.sites import Site
from tests.support.trial import RestoreTrial

LAST = 90
"""Statements from the first that names the kept schema to the end, and some more."""


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
