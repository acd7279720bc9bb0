"""Cases R2 and G1: which run lives is told by its lock, and one that dies leaves its last words."""

from __future__ import annotations

import os
import signal
import socket
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_runs import START, locked, look, over, run_code, running, start
from tests.support.backups import listed, make, more_settings, wait_for
from tests.support.sites import SECRET_KEY, Site
from trustbackup.models import Run
from trustbackup.runs.liveness import alive, lock_of
from trustbackup.runs.queue import fail_stale_runs

DIE = """
import sys
if "carry_run" in sys.argv:
    sys.exit(f"no licence for this machine, {SECRET_KEY}")
"""
UWSGI = """
import sys
sys.executable = {program}
"""


@pytest.mark.django_db
def test_case_r2_a_run_lives_as_long_as_its_lock_is_held_whatever_its_process_number_says(
    tmp_path: Path, settings: Any
) -> None:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path}
    now = datetime.now(UTC)
    long_ago = now - timedelta(hours=2)
    here = {"host": socket.gethostname(), "process": os.getpid()}
    usual = {"action": "create", "state": "running", "started": long_ago, **here}
    held = Run.objects.create(heartbeat=long_ago, **usual)
    free = Run.objects.create(heartbeat=now, **usual)
    never = Run.objects.create(heartbeat=None, **usual)
    # Of another user, say: whether it is held can't be seen.
    hidden = Run.objects.create(heartbeat=now, **usual)
    usual["host"] = "elsewhere"
    heard = Run.objects.create(heartbeat=now, **usual)
    silent = Run.objects.create(heartbeat=long_ago, **usual)
    a_year, a_minute = now + timedelta(days=365), now + timedelta(minutes=1)
    ahead = [Run.objects.create(heartbeat=each, **usual) for each in (a_minute, a_year)]
    usual.update(state="waiting", host="")
    ahead += [Run.objects.create(**{**usual, "started": each}) for each in (a_minute, a_year)]
    root = tmp_path
    lock_of(root, free.id).path.parent.mkdir(exist_ok=True)
    lock_of(root, free.id).path.write_text("held")
    lock_of(root, hidden.id).path.symlink_to("nowhere")
    with alive(root, held.id):
        fail_stale_runs()
    states = [
        Run.objects.get(pk=run.pk).state for run in (held, free, never, hidden, heard, silent)
    ]
    assert states == ["running", "failed", "failed", "running", "running", "failed"]
    assert not lock_of(root, free.id).path.exists()
    # Fault 43: what a wrong clock has left would live until then.
    states = [Run.objects.get(pk=run.pk).state for run in ahead]
    assert states == ["running", "failed", "waiting", "failed"]


def test_case_r2_a_run_is_failed_although_its_process_number_was_given_to_another(
    postgres_site: Site,
) -> None:
    with locked(postgres_site):
        start(postgres_site)
        os.kill(running(postgres_site)["process"], signal.SIGKILL)
        postgres_site.query(f"UPDATE trustbackup_run SET process = {os.getpid()}")
        assert over(postgres_site)["state"] == "failed"
        _identifier, new = start(postgres_site)
        assert new, "the button must start another one"
    wait_for(lambda: len(listed(postgres_site)) == 1)
    wait_for(lambda: not list(postgres_site.backups.glob(".restores/run-*")))


def test_case_r2_a_command_of_a_replaced_container_does_not_run_for_ever(
    postgres_site: Site,
) -> None:
    with locked(postgres_site):
        process = postgres_site.start("create_backup")
        running(postgres_site)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    # The folder came along, or did not; the new container has another name.
    for path in postgres_site.backups.glob(".restores/run-*"):
        path.unlink()
    postgres_site.query(
        "UPDATE trustbackup_run SET host = 'gone', heartbeat = heartbeat - interval '2 minutes'"
    )
    assert over(postgres_site)["state"] == "failed"


def test_a_command_that_lives_is_no_stale_run(postgres_site: Site) -> None:
    with locked(postgres_site):
        process = postgres_site.start("create_backup")
        running(postgres_site)
        assert look(postgres_site)["runs"][0]["state"] == "running"
        process.terminate()
        process.communicate()
    assert look(postgres_site)["runs"][0]["state"] == "cancelled"


def test_case_g1_a_run_that_dies_before_it_can_speak_leaves_its_last_words(
    sqlite_site: Site,
) -> None:
    make(sqlite_site)
    more_settings(sqlite_site, DIE)
    start(sqlite_site)
    found: list[dict[str, Any]] = []

    def is_over() -> bool:
        found[:] = [run for run in look(sqlite_site)["runs"] if run["state"] == "failed"]
        return bool(found)

    wait_for(is_over)
    assert "before it could begin" in found[0]["error"]
    assert "no licence for this machine, ***" in found[0]["error"]
    assert SECRET_KEY not in found[0]["error"]
    wait_for(lambda: not list(sqlite_site.backups.glob(".restores/run-*")))


# uWSGI's own program, and what its wheel says in a virtual environment.
@pytest.mark.parametrize("program", ['"/usr/sbin/uwsgi"', "sys._base_executable", '""'])
def test_case_g1_below_a_server_that_holds_python_a_run_finds_the_real_interpreter(
    sqlite_site: Site, program: str
) -> None:
    look_for = (
        "from trustbackup.runs.interpreter import find_interpreter; print(find_interpreter())"
    )
    said = run_code(sqlite_site, UWSGI.format(program=program) + look_for)
    assert Path(said.strip()).parent == Path(sys.prefix) / "bin"
    run_code(sqlite_site, UWSGI.format(program=program) + START)
    assert over(sqlite_site)["state"] == "succeeded"
