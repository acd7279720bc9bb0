"""The life of a run: its row, its outcome, and its place in the audit trail.

All of it is best effort: a backup or a restore must work where there is no table yet, no
server, or nothing but a backup folder. A run whose database was swapped meanwhile writes its
end into the new one.
"""

from __future__ import annotations

import getpass
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, connections, router, transaction

from trustbackup import phrases
from trustbackup.conf import get_settings
from trustbackup.databases.alias import for_a_note
from trustbackup.exceptions import Cancelled
from trustbackup.models import AuditEvent, Run
from trustbackup.models.texts import storable, storable_values
from trustbackup.runs.events import emit_end, emit_start
from trustbackup.runs.hooks import call_after, call_before
from trustbackup.runs.liveness import alive
from trustbackup.store.index_access import may_connect

if TYPE_CHECKING:
    from trustbackup.operations.restore.result import RestoredDatabase

logger = logging.getLogger(__name__)

_SIGN_EVERY = 20.0
"""Seconds between two signs of life of a command, by which other hosts know that it lives."""


@dataclass
class RunRecorder:
    """What a run says of itself while it goes on; ``target`` and ``outcome`` may be set."""

    run: Run
    outcome: dict[str, Any] = field(default_factory=dict)
    partial: str = ""
    """What of it went wrong, when the rest went well."""
    plan: str = ""
    """The plan whose run it is, by name."""

    @property
    def target(self) -> str:
        return self.run.target

    @target.setter
    def target(self, value: str) -> None:
        self.run.target = storable(value)[:200]


@contextmanager
def record_run(
    action: str, target: str = "", *, actor: str, address: str = "", plan: str = ""
) -> Iterator[RunRecorder]:
    """Write a run's row at its start and at its end, and an audit event at its end."""
    run = Run(
        action=action,
        target=storable(target)[:200],
        actor=storable(actor)[:200],
        address=address[:100],
        plan=plan[:50],
        started=datetime.now(UTC),
    )
    with recording(run) as recorder, _heartbeat(run):
        yield recorder


@contextmanager
def recording(run: Run) -> Iterator[RunRecorder]:
    """The same for a run that somebody asked for before."""
    with alive(get_settings().backup_dir, run.id):
        yield from _recorded(run)


def _recorded(run: Run) -> Iterator[RunRecorder]:
    recorder = RunRecorder(run, plan=run.plan)
    run.state, run.heartbeat = Run.State.RUNNING, datetime.now(UTC)
    run.host, run.process = socket.gethostname()[:255], os.getpid()
    try:
        save(lambda using: _begin(run, using))
        call_before(run, recorder.plan)
        emit_start(run, recorder.plan)
        yield recorder
    except BaseException as error:
        cancelled = isinstance(error, Cancelled | KeyboardInterrupt)
        run.state = Run.State.CANCELLED if cancelled else Run.State.FAILED
        run.error = storable(str(error))
        _end(recorder)
        raise
    run.state = Run.State.PARTIAL if recorder.partial else Run.State.SUCCEEDED
    run.error = storable(recorder.partial)
    _end(recorder)


def _begin(run: Run, using: str) -> None:
    """Of a row that is there only what is new: somebody may have asked to cancel it meanwhile."""
    new = {name: getattr(run, name) for name in ("state", "heartbeat", "host", "process")}
    if not Run.objects.using(using).filter(pk=run.pk).update(**new):
        run.save(using=using)


@contextmanager
def _heartbeat(run: Run) -> Iterator[None]:
    """A command has no progress to write, but is known to live from other hosts, too."""
    over = threading.Event()

    def write(using: str) -> None:
        Run.objects.using(using).filter(pk=run.pk).update(heartbeat=datetime.now(UTC))

    def give_signs() -> None:
        while not over.wait(_SIGN_EVERY):
            save(write)
        connections.close_all()

    thread = threading.Thread(target=give_signs, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def system_user() -> str:
    """Who runs this, as the system calls them: by number where it has no name for them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # containers run as numbers that no passwd file knows
        return f"uid {os.getuid()}"


def record_event(action: str, target: str, *, actor: str, address: str = "") -> None:
    """Write into the audit trail what somebody did at once, without a run."""
    event = AuditEvent(
        at=datetime.now(UTC),
        actor=storable(actor)[:200],
        action=action,
        target=storable(target)[:200],
        address=address[:100],
    )
    save(lambda using: event.save(using=using))


def _end(recorder: RunRecorder) -> None:
    """A signal may come in the midst of it: it goes on once the end is written."""
    try:
        notes = list(call_after(recorder.run, recorder.plan, recorder.outcome))
        if notes:
            recorder.outcome["hooks"] = notes
    finally:
        _write_end(recorder)


def _write_end(recorder: RunRecorder) -> None:
    run = recorder.run
    run.finished = datetime.now(UTC)
    run.outcome = storable_values(recorder.outcome)
    event = AuditEvent(
        at=run.finished,
        actor=run.actor,
        action=run.action,
        target=run.target,
        address=run.address,
        detail={"state": str(run.state), "run": str(run.id), **run.outcome},
    )

    def write(using: str) -> None:
        run.save(using=using)
        event.save(using=using)

    # The same rows and the same key: what was done already is not done twice.
    try:
        _surely(lambda: save(write))
    finally:
        _surely(lambda: emit_end(run, recorder.plan))


def _surely(step: Callable[[], object]) -> None:
    """Once more when a signal came in the midst of it."""
    try:
        step()
    except (Cancelled, KeyboardInterrupt):
        step()
        raise


def save(write: Callable[[str], object]) -> None:
    """Call ``write`` with the alias of a connection of its own, in a transaction."""
    using = router.db_for_write(Run)
    if not may_connect(using):
        return
    try:
        with for_a_note(using), transaction.atomic(using):
            write(using)
    except (DatabaseError, OSError) as error:
        logger.debug("A run can't be recorded: %s", error)


def noting(recorder: RunRecorder) -> Callable[[RestoredDatabase], None]:
    """Writes each database that is the restored one into a run's outcome, at once."""

    def note(database: RestoredDatabase) -> None:
        notes = [phrases.dumps(note) for note in database.notes]
        recorder.outcome.setdefault("databases", []).append({**asdict(database), "notes": notes})

    return note


def note_environment(recorder: RunRecorder, name: str | None) -> None:
    """Keep in a restore's outcome which other environment's backup somebody said it may be of."""
    if name:
        recorder.outcome["environment"] = name
