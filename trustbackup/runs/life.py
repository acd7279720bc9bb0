"""The life of a run: its row, its outcome, and its place in the audit trail.

All of it is best effort: a backup or a restore must work where there is no table yet, no
server, or nothing but a backup folder. A run whose database was swapped meanwhile writes its
end into the new one.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import DatabaseError, router, transaction

from trustbackup.databases.alias import for_a_note
from trustbackup.exceptions import Cancelled
from trustbackup.models import AuditEvent, Run
from trustbackup.store.catalog import may_connect

logger = logging.getLogger(__name__)


@dataclass
class Life:
    """What a run says of itself while it goes on; ``target`` and ``outcome`` may be set."""

    run: Run
    outcome: dict[str, Any] = field(default_factory=dict)
    partial: str = ""
    """What of it went wrong, when the rest went well."""

    @property
    def target(self) -> str:
        return self.run.target

    @target.setter
    def target(self, value: str) -> None:
        self.run.target = value[:200]


@contextmanager
def recorded(verb: str, target: str = "", *, actor: str, address: str = "") -> Iterator[Life]:
    """Write a run's row at its start and at its end, and an audit event at its end."""
    run = Run(
        verb=verb,
        target=target[:200],
        actor=actor[:200],
        address=address[:100],
        started=datetime.now(UTC),
    )
    with lived(run) as life:
        yield life


@contextmanager
def lived(run: Run) -> Iterator[Life]:
    """The same for a run that somebody asked for before."""
    life = Life(run)
    run.state = Run.State.RUNNING
    run.host, run.process = socket.gethostname()[:255], os.getpid()
    save(lambda using: run.save(using=using))
    try:
        yield life
    except BaseException as error:
        cancelled = isinstance(error, Cancelled | KeyboardInterrupt)
        run.state = Run.State.CANCELLED if cancelled else Run.State.FAILED
        run.error = str(error)
        _end(life)
        raise
    run.state = Run.State.PARTIAL if life.partial else Run.State.SUCCEEDED
    run.error = life.partial
    _end(life)


def note(action: str, target: str, *, actor: str, address: str = "") -> None:
    """Write into the audit trail what somebody did at once, without a run."""
    event = AuditEvent(
        at=datetime.now(UTC),
        actor=actor[:200],
        action=action,
        target=target[:200],
        address=address[:100],
    )
    save(lambda using: event.save(using=using))


def _end(life: Life) -> None:
    run = life.run
    run.finished = datetime.now(UTC)
    run.outcome = life.outcome
    event = AuditEvent(
        at=run.finished,
        actor=run.actor,
        action=run.verb,
        target=run.target,
        address=run.address,
        detail={"state": str(run.state), "run": str(run.id), **life.outcome},
    )

    def write(using: str) -> None:
        run.save(using=using)
        event.save(using=using)

    save(write)


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
