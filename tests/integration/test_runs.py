"""Runs: carried by a process of their own, one at a time, cancelled, and lost."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.backups import assert_refused, leftovers, listed, make, more_settings, wait_for
from tests.support.sites import Site

START = """
from trustbackup.runs.queue import start
run, new = start("create", {"databases": []}, actor="operator", address="192.0.2.7")
print(run.id, new)
"""
LOOK = """
import json
from trustbackup.models import AuditEvent, Run
from trustbackup.runs.queue import fail_stale_runs
fail_stale_runs()
fields = ("action", "state", "error", "stage", "log", "process", "target", "cancel")
print(json.dumps({
    "runs": list(Run.objects.values(*fields)),
    "events": list(AuditEvent.objects.values("actor", "action", "target", "address", "detail")),
}, default=str))
"""


def run_code(site: Site, code: str) -> str:
    return site.manage("shell", "--verbosity", "0", "-c", code).stdout


def start(site: Site) -> tuple[str, bool]:
    identifier, new = run_code(site, START).split()
    return identifier, new == "True"


def look(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run_code(site, LOOK))
    return found


def over(site: Site) -> dict[str, Any]:
    """The only run, once it is over."""
    found: list[dict[str, Any]] = []

    def is_over() -> bool:
        found[:] = look(site)["runs"]
        return found[0]["state"] not in ("waiting", "running")

    wait_for(is_over)
    (run,) = found
    return run


def test_a_run_outlives_who_started_it_and_is_in_the_audit_trail(any_site: Site) -> None:
    start(any_site)  # by a process that has ended here
    run = over(any_site)
    assert run["state"] == "succeeded", run
    (backup,) = listed(any_site)
    assert run["target"] == backup["id"]
    assert "dumping default" in run["log"]
    (event,) = look(any_site)["events"]
    assert (event["actor"], event["address"]) == ("operator", "192.0.2.7")
    assert event["target"] == backup["id"]


def test_many_clicks_at_once_make_one_run(postgres_site: Site) -> None:
    with locked(postgres_site), ThreadPoolExecutor(4) as pool:
        started = list(pool.map(lambda _: start(postgres_site), range(4)))
        assert len({identifier for identifier, _new in started}) == 1
        assert sum(new for _identifier, new in started) == 1
    assert over(postgres_site)["state"] == "succeeded"
    assert len(listed(postgres_site)) == 1


AT_ONCE = """
import pathlib, time
from trustbackup.models import Run
real = Run.objects.create
def create(**values):
    # The other click must have looked for an active run before this one's row is there.
    pathlib.Path("looked").touch()
    time.sleep(2)
    return real(**values)
Run.objects.create = create
while WAITS and not pathlib.Path("looked").exists():
    time.sleep(0.01)
"""


def test_the_second_click_looks_only_when_the_first_ones_row_is_there(postgres_site: Site) -> None:
    def click(waits: bool) -> list[str]:
        return run_code(postgres_site, f"WAITS = {waits}\n{AT_ONCE}{START}").split()

    with locked(postgres_site), ThreadPoolExecutor(2) as pool:
        (first, new), (second, other) = pool.map(click, [False, True])
    assert (new, other) == ("True", "False")
    assert first == second
    assert over(postgres_site)["state"] == "succeeded"


def stages(site: Site) -> list[str]:
    return sorted(run["stage"] for run in look(site)["runs"])


def start_named(site: Site, name: str) -> None:
    run_code(site, START.replace('"databases": []', f'"databases": [], "name": "{name}"'))


def both_at_work(site: Site) -> None:
    """Two runs that differ: one dumps, the other waits for it."""
    start_named(site, "first")
    wait_for(lambda: stages(site) == ["dumping default"])
    start_named(site, "second")
    waiting = ["dumping default", "waiting for another run on default"]
    wait_for(lambda: stages(site) == waiting)


def test_one_run_at_a_time_works_on_a_database(postgres_site: Site) -> None:
    with locked(postgres_site):
        both_at_work(postgres_site)
    wait_for(lambda: len(listed(postgres_site)) == 2)
    first, second = reversed(listed(postgres_site))
    assert (first["name"], second["name"]) == ("first", "second")


def test_fault_41_a_killed_holder_frees_the_lock(postgres_site: Site) -> None:
    with locked(postgres_site):
        both_at_work(postgres_site)
        (holder,) = [
            run for run in look(postgres_site)["runs"] if run["stage"] == "dumping default"
        ]
        os.kill(holder["process"], signal.SIGKILL)
    wait_for(lambda: len(listed(postgres_site)) == 1)
    wait_for(
        lambda: {run["state"] for run in look(postgres_site)["runs"]} == {"failed", "succeeded"}
    )
    assert listed(postgres_site)[0]["name"] == "second"
    assert leftovers(postgres_site.backups) == []


def test_a_restore_waits_for_nobody(postgres_site: Site) -> None:
    made = make(postgres_site)
    with busy(postgres_site):
        result = postgres_site.manage("restore_backup", made["id"], "--force", check=False)
        assert_refused(result, "default", "another run works on it")


@contextlib.contextmanager
def busy(site: Site) -> Iterator[None]:
    """Another process works on the database, as its lock tells."""
    code = """
import sys
from trustbackup.runs.lock import only_run
with only_run(["default"]):
    print("held", flush=True)
    sys.stdin.read()
"""
    process = subprocess.Popen(
        site.command("shell", "--verbosity", "0", "-c", code),
        cwd=site.folder, env=site.environment(), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield
        assert process.stdin
        process.stdin.close()


class locked:  # noqa: N801 - reads as what it does
    """While this is held, a dump waits for a table: for longer than any test lasts."""

    def __init__(self, site: Site) -> None:
        assert site.database
        more_settings(site, "TRUSTBACKUP = {**TRUSTBACKUP, 'LOCK_TIMEOUT': 3600}")
        self.connection = site.database.connect()

    def __enter__(self) -> None:
        self.connection.autocommit = False
        self.connection.execute("LOCK TABLE shop_order IN ACCESS EXCLUSIVE MODE")

    def __exit__(self, *_: object) -> None:
        self.connection.rollback()
        self.connection.close()


def running(site: Site) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    def is_running() -> bool:
        found[:] = look(site)["runs"]
        return bool(found and found[0]["state"] == "running" and found[0]["process"])

    wait_for(is_running)
    return found[0]


def test_a_run_that_waits_for_a_lock_is_cancelled_at_once(postgres_site: Site) -> None:
    with locked(postgres_site):
        identifier, _new = start(postgres_site)
        running(postgres_site)
        code = f"""
from trustbackup.models import Run
from trustbackup.runs.queue import cancel
cancel(Run.objects.get(pk="{identifier}"))
"""
        run_code(postgres_site, code)
        began = time.monotonic()
        run = over(postgres_site)
        assert time.monotonic() - began < 600, "it waited for the lock's own limit"
    assert run["state"] == "cancelled", run
    assert listed(postgres_site) == []
    assert leftovers(postgres_site.backups) == []


def test_a_killed_run_is_failed_and_says_why(postgres_site: Site) -> None:
    with locked(postgres_site):
        start(postgres_site)
        os.kill(running(postgres_site)["process"], signal.SIGKILL)
        run = over(postgres_site)
    assert run["state"] == "failed"
    assert "killed" in run["error"]
    (event,) = look(postgres_site)["events"]
    assert event["detail"]["lost"]
    start(postgres_site)
    wait_for(lambda: len(listed(postgres_site)) == 1)


@pytest.mark.parametrize("identifier", ["no-id", "00000000-0000-0000-0000-000000000001"])
def test_carry_run_refuses_what_is_no_waiting_run(sqlite_site: Site, identifier: str) -> None:
    result = sqlite_site.manage("carry_run", identifier, check=False)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr


def test_a_run_that_failed_says_the_same_sentence_as_the_command(sqlite_site: Site) -> None:
    sqlite_site.backups.mkdir(exist_ok=True)
    code = START.replace('"databases": []', '"databases": ["nowhere"]')
    run_code(sqlite_site, code)
    run = over(sqlite_site)
    assert run["state"] == "failed"
    assert "nowhere" in run["error"]
