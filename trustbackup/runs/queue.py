"""Starting, carrying, cancelling runs, and finding those whose carrier died."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import DatabaseError, connections

from trustbackup.conf import get_settings
from trustbackup.exceptions import TrustbackupError
from trustbackup.models import AuditEvent, Run
from trustbackup.phrases import gettext as _
from trustbackup.phrases import joined
from trustbackup.runs.events import emit_end
from trustbackup.runs.liveness import LockState, forget, last_words, look_at, sweep
from trustbackup.runs.tasks import enqueue
from trustbackup.store import locks
from trustbackup.store.durable import prepare_root

logger = logging.getLogger(__name__)

ACTIVE = (Run.State.WAITING, Run.State.RUNNING)
_STALE_AFTER = timedelta(seconds=60)
"""Without a sign of life for so long a carrier on another host is taken for dead."""
_FARTHEST = timedelta(days=1)
"""The clocks of two hosts are never so far apart."""


def start(
    action: str,
    options: dict[str, Any],
    *,
    actor: str,
    address: str = "",
    target: str = "",
    plan: str = "",
) -> tuple[Run, bool]:
    """A new run of this action, or the one that is under way, and whether it is new.

    Of a plan one run at a time is under way, whatever its options. Raises TrustbackupError when
    nobody can carry it; its row says so then.
    """
    with one_at_a_time():
        fail_stale_runs()
        same = {"plan": plan} if plan else {"options": options}
        active = Run.objects.filter(action=action, state__in=ACTIVE, **same).first()
        if active is not None:
            return active, False
        run = waiting_run(action, options, actor=actor, address=address, target=target, plan=plan)
    enqueue_run(run)
    return run, True


def waiting_run(
    action: str,
    options: dict[str, Any],
    *,
    actor: str,
    address: str = "",
    target: str = "",
    plan: str = "",
) -> Run:
    """The row of a run that nobody carries yet."""
    return Run.objects.create(
        action=action,
        target=target[:200],
        options=options,
        actor=actor[:200],
        address=address[:100],
        plan=plan[:50],
        state=Run.State.WAITING,
        started=datetime.now(UTC),
    )


def enqueue_run(run: Run) -> None:
    """Let somebody carry a waiting run. Raises TrustbackupError, and its row says so then."""
    try:
        enqueue(run.id, _carrier_ended)
    except TrustbackupError as error:
        run.state, run.error, run.finished = Run.State.FAILED, str(error), datetime.now(UTC)
        run.options = run.plain_options
        run.save()
        emit_end(run, run.plan)
        forget(get_settings().backup_dir, run.id)
        raise


def cancel(run: Run) -> None:
    """Ask a run to stop; one that waits is over at once."""
    waiting = Run.objects.filter(pk=run.pk, state=Run.State.WAITING)
    over = {"state": Run.State.CANCELLED, "finished": datetime.now(UTC)}
    if not waiting.update(**over, options=run.plain_options):
        Run.objects.filter(pk=run.pk, state=Run.State.RUNNING).update(cancel=True)


def fail_stale_runs() -> None:
    """Mark runs as failed whose carrier died: by its lock here, by silence elsewhere."""
    now = datetime.now(UTC)
    settings = get_settings()
    active = list(Run.objects.filter(state__in=ACTIVE))
    sweep(settings.backup_dir, {run.id for run in active})
    for run in active:
        lock = look_at(settings.backup_dir, run.id)
        if not _is_lost(run, lock, now):
            continue
        why = _why_lost(run, lock, last_words(settings, run.id))
        # As it was seen: it may have been taken on, or given a sign of life, since.
        as_seen = Run.objects.filter(pk=run.pk, state=run.state, heartbeat=run.heartbeat)
        changed = as_seen.update(
            state=Run.State.FAILED, finished=now, error=why, options=run.plain_options
        )
        if changed:
            forget(settings.backup_dir, run.id)
            AuditEvent.objects.create(
                at=now,
                actor=run.actor,
                action=run.action,
                target=run.target,
                address=run.address,
                detail={"state": "failed", "run": str(run.id), "lost": True},
            )
            run.state, run.finished, run.error = Run.State.FAILED, now, why
            emit_end(run, run.plan)


def _is_lost(run: Run, lock: LockState, now: datetime) -> bool:
    if lock is LockState.HELD:
        return False
    if run.state == Run.State.WAITING:
        # Without a lock it was handed to workers, who may be on any host.
        return lock is LockState.FREE or _is_past(run.started, now)
    here = run.host == socket.gethostname()[:255]
    if here and lock is LockState.FREE:
        return True
    # Locks of other hosts may not be seen here: their silence tells.
    if run.heartbeat is None:
        return here or lock is LockState.FREE
    return _is_past(run.heartbeat, now)


def _is_past(sign: datetime, now: datetime) -> bool:
    """Whether it is too old, or was given by a clock that was wrong: it would live until then."""
    return now - sign > _STALE_AFTER or sign - now > _FARTHEST


def _why_lost(run: Run, lock: LockState, said: str) -> str:
    why = _("Its process ended before it did: it was killed, or the machine restarted.")
    if run.state == Run.State.WAITING:
        why = (
            _("Its process ended before it could begin.")
            if lock is LockState.FREE
            else _("Nobody took it on within a minute: look whether workers run.")
        )
    return joined([why, _("Its last words: %(words)s", words=said)]) if said else why


def _carrier_ended(code: int) -> None:
    """In a thread of the process that started it: its last words go into its run at once."""
    if not code:
        return
    try:
        fail_stale_runs()
    except (DatabaseError, OSError, TrustbackupError) as error:
        logger.debug("The end of a run's process was not noted: %s", error)
    finally:
        connections.close_all()


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two at once must not start two runs: a lock that its holder's death frees."""
    root = get_settings().backup_dir
    prepare_root(root)
    with locks.exclusive(locks.root_lock(root), wait=locks.FOREVER):
        yield
