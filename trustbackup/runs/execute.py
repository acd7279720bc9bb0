"""Carrying a run to its end: its work, its progress and its signs of life."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Self

from django.db import connections, router

from trustbackup.exceptions import Cancelled, TrustbackupError
from trustbackup.models import Run
from trustbackup.operations.progress import Progress
from trustbackup.phrases import gettext as _
from trustbackup.runs.delivery import sending
from trustbackup.runs.identity import identities_of_run
from trustbackup.runs.recorder import recording, save
from trustbackup.runs.work import work_of
from trustbackup.store import identities

_EVERY = 0.5
"""Seconds between two looks at the row: progress goes in, a wish to cancel comes out."""


_LOG_KEPT = 20_000


def execute(identifier: uuid.UUID, *, own_process: bool = False) -> Run | None:
    """Carry a waiting run to its end; None when it waits no more.

    With ``own_process`` nothing else happens in this process: cancelling then ends even what
    waits for somebody else's lock, by the signal that `cancellable` listens to.
    """
    using = router.db_for_write(Run)
    taken = Run.objects.using(using).filter(pk=identifier, state=Run.State.WAITING)
    if not taken.update(state=Run.State.RUNNING, heartbeat=datetime.now(UTC)):
        return None
    run = Run.objects.using(using).get(pk=identifier)
    options, run.options = run.options, run.plain_options
    if options != run.options:
        Run.objects.using(using).filter(pk=identifier).update(options=run.options)
    with (
        sending(),
        _told_by_its_row(run),
        recording(run) as recorder,
        Heartbeat(run, own_process=own_process) as heartbeat,
        identities.using(identities_of_run(run, options)),
    ):
        work_of(run.action)(recorder, options, heartbeat.report)
    return run


@contextlib.contextmanager
def _told_by_its_row(run: Run) -> Iterator[None]:
    """How a run ended stands in its row; only a signal that came beside its work goes on."""
    try:
        yield
    except TrustbackupError:
        pass
    except Cancelled:
        if run.state != Run.State.CANCELLED:
            raise


class Heartbeat:
    """Writes a run's progress and signs of life beside its work, from a thread of its own."""

    def __init__(self, run: Run, *, own_process: bool) -> None:
        self._run = run
        self._own_process = own_process
        self._latest = Progress(stage="")
        self._stages: list[str] = []
        self._stage_began = datetime.now(UTC)
        self._stop = threading.Event()
        self._cancelled = False
        self._thread = threading.Thread(target=self._write_regularly, daemon=True)

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

    def _write_regularly(self) -> None:
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
            heartbeat=datetime.now(UTC),
            log=run.log,
        )
        self._cancelled = rows.filter(cancel=True).exists()
        run.stage, run.done, run.total = latest.stage[:100], latest.done, latest.total
        run.cancel = self._cancelled
