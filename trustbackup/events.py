"""What happens to a site's backups that somebody may want to hear of: the one list of it.

``emit`` sends Django's signal ``trustbackup.signals.event_happened`` and does nothing else. Who
tells people (``runs/notify.py``), and what a site connects itself, listens to that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypedDict

from trustbackup.signals import event_happened


class EventKind(StrEnum):
    """Every kind of event. Their names are in settings, rows and webhooks: they stay."""

    STARTED = "started"
    """A run begins."""
    SUCCESS = "success"
    """A run ended well."""
    PARTIAL = "partial"
    """A run did its work, but not all of it: a copy did not arrive, say. Counts as a failure."""
    FAILURE = "failure"
    """A run failed, or its process was lost."""
    PROOF_FAILED = "proof_failed"
    """A check or a drill found that a backup is not good."""
    PRUNING_FAILED = "pruning_failed"
    """What retention lets go could not be deleted, or falls behind."""
    LATE = "late"
    """Something that should have happened by now has not: a backup, a proof, a copy."""
    RECOVERED = "recovered"
    """What was late or failed is well again."""
    ANOMALY = "anomaly"
    """A backup differs oddly from those before it."""
    DISK_LOW = "disk_low"
    """A place for backups will be full soon."""
    DIGEST = "digest"
    """The week in a few sentences, with the proofs."""
    TEST = "test"
    """A notification is tried out; it is sent, and never emitted."""


PROBLEMS = frozenset(
    {
        EventKind.PARTIAL,
        EventKind.FAILURE,
        EventKind.PROOF_FAILED,
        EventKind.PRUNING_FAILED,
        EventKind.LATE,
        EventKind.ANOMALY,
        EventKind.DISK_LOW,
    }
)
"""The kinds that ask for a person."""
SELECTABLE = tuple(kind for kind in EventKind if kind is not EventKind.TEST)
"""What somebody can ask to hear of."""


class RunDetail(TypedDict, total=False):
    """The detail of an event about a run: plain values, none of them secret."""

    action: str
    """What the run does: ``create``, ``drill`` and so on."""
    run: str
    """The run's id."""
    state: str
    """How it ended, as its row says; ``running`` when it begins."""
    actor: str
    host: str
    seconds: float
    """How long it took."""
    error: str
    """What went wrong, as a sentence."""
    log: str
    """The end of its log: lines of a time (UTC) and a stage."""
    outcome: dict[str, Any]
    """What the run's row says of its outcome."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened, once."""

    kind: EventKind
    sentence: str
    """What happened, for a person: a phrase, so that it can be translated."""
    key: str
    """Unique for what is to be told once, and at most 200 characters: who emits the same again,
    here or on another host, gives the same key."""
    plan: str = ""
    """The plan that it belongs to, by name."""
    subject: str = ""
    """What it is about: a backup's id, a destination's name."""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When it happened, aware."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """More about it, as values that JSON knows; never a secret. Of a run it is a RunDetail."""


def emit(event: Event) -> None:
    """Tell whoever listens. One that fails is in Django's log, and fails nobody else."""
    event_happened.send_robust(sender=Event, event=event)
