"""Events: each run tells once how it began and how it ended, to whoever listens."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from trustbackup import phrases
from trustbackup.events import Event, EventKind, emit
from trustbackup.exceptions import Cancelled, TrustbackupError
from trustbackup.models import Run
from trustbackup.phrases import Phrase
from trustbackup.phrases import gettext as _
from trustbackup.runs.events import FAILED, SUCCEEDED
from trustbackup.runs.queue import fail_stale_runs
from trustbackup.runs.recorder import record_run
from trustbackup.runs.work import ACTIONS
from trustbackup.signals import event_happened

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def heard() -> Iterator[list[Event]]:
    """What was emitted during the test."""
    events: list[Event] = []

    def listen(event: Event, **_rest: Any) -> None:
        events.append(event)

    event_happened.connect(listen, weak=False)
    yield events
    event_happened.disconnect(listen)


def run(action: str = "create", *, error: BaseException | None = None, **said: Any) -> None:
    with (
        contextlib.suppress(TrustbackupError, Cancelled, KeyboardInterrupt),
        record_run(action, "b1", actor="me") as recorder,
    ):
        recorder.partial = said.pop("partial", "")
        recorder.plan = said.pop("plan", "")
        recorder.outcome.update(said)
        if error:
            raise error


def test_a_run_tells_that_it_began_and_how_it_ended(folder: Path, heard: list[Event]) -> None:
    run(plan="nightly", bytes=7)
    begun, ended = heard
    (row,) = Run.objects.all()
    assert (begun.kind, ended.kind) == (EventKind.STARTED, EventKind.SUCCESS)
    assert ended.sentence == "Backup b1 was made."
    assert (ended.plan, ended.subject, ended.at) == ("nightly", "b1", row.finished)
    assert ended.detail["outcome"] == {"bytes": 7}
    assert begun.key != ended.key
    assert str(row.id) in ended.key


@pytest.mark.parametrize(
    ("action", "said", "kind"),
    [
        ("create", {"partial": _("nas: full")}, EventKind.PARTIAL),
        ("create", {"error": TrustbackupError(_("No room"))}, EventKind.FAILURE),
        ("create", {"error": ValueError("a bug")}, EventKind.FAILURE),
        ("verify", {"ok": False, "problems": ["b1: bad"]}, EventKind.PROOF_FAILED),
        (
            "drill",
            {"problems": ["b1: bad"], "error": TrustbackupError("b1: bad")},
            EventKind.PROOF_FAILED,
        ),
        ("drill", {"error": TrustbackupError("there is no b1")}, EventKind.FAILURE),
        ("prune", {"partial": _("b1: protected")}, EventKind.PRUNING_FAILED),
        ("prune", {"error": TrustbackupError("no folder")}, EventKind.PRUNING_FAILED),
        ("restore", {"error": TrustbackupError("no")}, EventKind.FAILURE),
    ],
)
def test_what_went_wrong_has_its_kind(
    action: str, said: dict[str, Any], kind: EventKind, folder: Path, heard: list[Event]
) -> None:
    with contextlib.suppress(ValueError):
        run(action, **said)
    ended = heard[-1]
    assert ended.kind is kind
    assert isinstance(ended.sentence, Phrase)
    assert phrases.loads(phrases.dumps(ended.sentence)) == ended.sentence
    for said_of_it in (said.get("partial"), *said.get("problems", ())):
        assert str(said_of_it or "") in ended.sentence


@pytest.mark.parametrize("error", [Cancelled(), KeyboardInterrupt()])
def test_of_a_cancelled_run_nobody_hears(
    error: BaseException, folder: Path, heard: list[Event]
) -> None:
    run(error=error)
    assert [event.kind for event in heard] == [EventKind.STARTED]


def test_a_lost_run_tells_that_it_failed_once(folder: Path, heard: list[Event]) -> None:
    Run.objects.create(
        action="create",
        target="b1",
        plan="nightly",
        started=datetime(2026, 1, 1, tzinfo=UTC),
        heartbeat=datetime(2026, 1, 1, tzinfo=UTC),
        host="elsewhere",
    )
    fail_stale_runs()
    fail_stale_runs()
    (event,) = heard
    assert (event.kind, event.plan) == (EventKind.FAILURE, "nightly")
    assert "killed" in event.sentence


def test_a_listener_that_fails_stops_nothing(folder: Path, heard: list[Event]) -> None:
    def fail(**_rest: Any) -> None:
        raise RuntimeError("mine")

    event_happened.connect(fail, weak=False)
    try:
        emit(Event(kind=EventKind.LATE, sentence=_("Late."), key="late:1"))
    finally:
        event_happened.disconnect(fail)
    assert [event.key for event in heard] == ["late:1"]


def test_nobody_hears_of_a_test(folder: Path, heard: list[Event]) -> None:
    run("test destination")
    assert heard == []
    tests = {"test destination", "test notification", "prove key"}
    assert set(ACTIONS) - set(FAILED) == {*tests, "notify"}
    assert set(FAILED) == set(SUCCEEDED)
