"""Cases R2 and U: a run that changes while somebody looks at it is not judged by what was seen."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.meanwhile import before
from trustbackup.models import Run
from trustbackup.runs import queue, recorder
from trustbackup.runs.liveness import LockState, handing_over, lock_of, look_at, sweep
from trustbackup.runs.queue import cancel, fail_stale_runs
from trustbackup.store import locks

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(hours=2)


@pytest.fixture
def root(tmp_path: Path, settings: Any) -> Path:
    settings.TRUSTBACKUP = {"BACKUP_DIR": tmp_path}
    return tmp_path


def waiting(**more: object) -> Run:
    usual = {"action": "create", "state": "waiting", "started": datetime.now(UTC)}
    return Run.objects.create(**{**usual, **more})


def test_case_r2_a_lock_that_is_made_and_not_yet_held_tells_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = waiting()
    before(monkeypatch, locks, "_take", fail_stale_runs)
    with handing_over(root, run.id):
        assert look_at(root, run.id) is LockState.HELD
        sweep(root, active=set())
        assert lock_of(root, run.id).path.exists()
        run.refresh_from_db()
        assert run.state == "waiting"
    assert look_at(root, run.id) is LockState.FREE
    fail_stale_runs()
    run.refresh_from_db()
    assert run.state == "failed"


def test_case_r2_who_looks_at_the_lock_does_not_keep_the_run_from_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = waiting()
    with handing_over(root, run.id), contextlib.ExitStack() as look:
        other = lock_of(root, waiting().id)
        other.path.touch()
        look.enter_context(locks.shared(other))
        before(monkeypatch, locks.time, "sleep", look.close)
        with locks.inheritable(other):
            assert locks.is_locked(other)


def test_case_r2_a_sign_of_life_that_comes_meanwhile_counts(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = {"state": "running", "host": "elsewhere", "heartbeat": datetime.now(UTC) - LONG_AGO}
    run = waiting(**silent)
    sign = Run.objects.filter(pk=run.pk)
    before(monkeypatch, queue, "_why_lost", lambda: sign.update(heartbeat=datetime.now(UTC)))
    fail_stale_runs()
    run.refresh_from_db()
    assert run.state == "running"


def test_case_u_a_cancel_that_comes_while_a_run_begins_is_not_forgotten(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = waiting(state="running")

    def then(write: Callable[[str], object]) -> None:
        cancel(Run.objects.get(pk=run.pk))
        write("default")

    monkeypatch.setattr(recorder, "save", then)
    with recorder.recording(run):
        now = Run.objects.get(pk=run.pk)
        assert (now.cancel, now.state) == (True, "running")
