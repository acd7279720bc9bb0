"""Starting, carrying, cancelling runs, and finding those whose carrier died."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from django.db import connections, router

from trustbackup.conf import get_settings
from trustbackup.exceptions import Cancelled, TrustbackupError
from trustbackup.models import AuditEvent, Run
from trustbackup.operations.site import Progress
from trustbackup.phrases import gettext as _
from trustbackup.runs.life import lived, save
from trustbackup.runs.tasks import hand_over
from trustbackup.runs.work import work_of
from trustbackup.store.durable import locked_folder, prepare_root

ACTIVE = (Run.State.WAITING, Run.State.RUNNING)
_EVERY = 0.5
"""Seconds between two looks at the row: progress goes in, a wish to cancel comes out."""
_LOST = timedelta(seconds=60)
"""Without a sign of life for so long a carrier on another host is taken for dead."""
_LOG_KEPT = 20_000


def start(
    verb: str, options: dict[str, Any], *, actor: str, address: str = "", target: str = ""
) -> tuple[Run, bool]:
    """A new run of this verb, or the one that is under way, and whether it is new.

    Raises TrustbackupError when nobody can carry it; its row says so then.
    """
    with _one_at_a_time():
        end_lost_runs()
        active = Run.objects.filter(verb=verb, state__in=ACTIVE, options=options).first()
        if active is not None:
            return active, False
        run = Run.objects.create(
            verb=verb,
            target=target[:200],
            options=options,
            actor=actor[:200],
            address=address[:100],
            state=Run.State.WAITING,
            started=datetime.now(UTC),
        )
    try:
        hand_over(run.id)
    except TrustbackupError as error:
        run.state, run.error, run.finished = Run.State.FAILED, str(error), datetime.now(UTC)
        run.save()
        raise
    return run, True


def carry(identifier: uuid.UUID, *, own_process: bool = False) -> Run | None:
    """Carry a waiting run to its end; None when it waits no more.

    With ``own_process`` nothing else happens in this process: cancelling then ends even what
    waits for somebody else's lock, by the signal that `cancellable` listens to.
    """
    using = router.db_for_write(Run)
    taken = Run.objects.using(using).filter(pk=identifier, state=Run.State.WAITING)
    if not taken.update(state=Run.State.RUNNING, beat=datetime.now(UTC)):
        return None
    run = Run.objects.using(using).get(pk=identifier)
    with (
        contextlib.suppress(TrustbackupError),
        lived(run) as life,
        _Pulse(run, own_process=own_process) as pulse,
    ):
        work_of(run.verb)(life, run.options, pulse.report)
    return run


def cancel(run: Run) -> None:
    """Ask a run to stop; one that waits is over at once."""
    waiting = Run.objects.filter(pk=run.pk, state=Run.State.WAITING)
    if not waiting.update(state=Run.State.CANCELLED, finished=datetime.now(UTC)):
        Run.objects.filter(pk=run.pk, state=Run.State.RUNNING).update(cancel=True)


def end_lost_runs() -> None:
    """Mark runs as failed whose carrier died: by its process id here, by silence elsewhere."""
    now = datetime.now(UTC)
    for run in Run.objects.filter(state__in=ACTIVE):
        if run.state == Run.State.WAITING:
            lost = now - run.started > _LOST
        elif run.host == socket.gethostname():
            lost = not _lives(run.process)
        else:
            # A command gives no sign of life: from elsewhere nobody can tell about it.
            lost = run.beat is not None and now - run.beat > _LOST
        if lost:
            why = _("Its process ended before it did: it was killed, or the machine restarted.")
            if run.state == Run.State.WAITING:
                why = _("Nobody took it on within a minute: look whether workers run.")
            changed = Run.objects.filter(pk=run.pk, state=run.state).update(
                state=Run.State.FAILED, finished=now, error=why
            )
            if changed:
                AuditEvent.objects.create(
                    at=now,
                    actor=run.actor,
                    action=run.verb,
                    target=run.target,
                    address=run.address,
                    detail={"state": "failed", "run": str(run.id), "lost": True},
                )


def _lives(process: int | None) -> bool:
    if process is None:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two clicks at once must not start two runs: a lock that its holder's death frees."""
    root = get_settings().root
    prepare_root(root)
    with locked_folder(root):
        yield


class _Pulse:
    """Writes a run's progress and signs of life beside its work, from a thread of its own."""

    def __init__(self, run: Run, *, own_process: bool) -> None:
        self._run = run
        self._own_process = own_process
        self._latest = Progress(stage="")
        self._stages: list[str] = []
        self._stage_began = datetime.now(UTC)
        self._stop = threading.Event()
        self._cancelled = False
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def report(self, progress: Progress) -> None:
        """A reporter. Raises Cancelled once somebody asked for that."""
        if progress.stage != self._latest.stage:
            self._stage_began = datetime.now(UTC)
            self._stages.append(f"{self._stage_began:%H:%M:%S} {progress.stage}")
        self._latest = progress
        if self._cancelled:
            raise Cancelled(_("Cancelled"), why=_("somebody asked for it on the page"))

    def _beat(self) -> None:
        while not self._stop.wait(_EVERY):
            before = self._cancelled
            save(self._write)
            if self._cancelled and not before and self._own_process:
                os.kill(os.getpid(), signal.SIGTERM)
        save(self._write)
        connections.close_all()

    def _write(self, using: str) -> None:
        run, latest = self._run, self._latest
        run.log = "\n".join(self._stages)[-_LOG_KEPT:]
        rows = Run.objects.using(using).filter(pk=run.pk)
        rows.update(
            stage=latest.stage[:100],
            stage_began=self._stage_began,
            done=latest.done,
            total=latest.total,
            beat=datetime.now(UTC),
            log=run.log,
        )
        self._cancelled = rows.filter(cancel=True).exists()
        run.stage, run.done, run.total = latest.stage[:100], latest.done, latest.total
        run.cancel = self._cancelled
