"""A scheduler that goes on for ever, for containers and services without a cron.

It hands the runs over to whoever carries the page's: a process of its own each, or the site's
workers. When it is asked to end, it ends the processes that it started, as a container would
with less care, and gives back their due times: they are caught up when it is there again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from django.db import DatabaseError, connections

from trustbackup.exceptions import Cancelled, TrustbackupError
from trustbackup.models import Run
from trustbackup.operations.plans.spec import read_plans
from trustbackup.phrases import one_line
from trustbackup.runs.delivery import pass_by
from trustbackup.runs.queue import cancel, enqueue_run, fail_stale_runs
from trustbackup.runs.scheduler import Taken, give_back, start_all, take_drills, take_on
from trustbackup.runs.tasks import is_detached

logger = logging.getLogger(__name__)

POLL_SECONDS = 20.0
"""Between two looks: a plan begins at most so late."""
_END_SECONDS = 8.0
"""For the runs to end: Docker kills after ten."""
_LOOK_AGAIN = 0.1


class SchedulerLoop:
    """Looks, hands over, and tells what it does by two callbacks."""

    def __init__(self, tell: Callable[[Taken], object], complain: Callable[[str], object]) -> None:
        self._tell = tell
        self._complain = complain
        self._going_on: dict[UUID, Taken] = {}
        self._drills: list[UUID] = []
        self._complaints: set[str] = set()

    def run(self) -> None:
        """Go on until Cancelled or KeyboardInterrupt is raised here, by a signal; then end well."""
        try:
            while True:
                self.look()
                time.sleep(POLL_SECONDS)
        except (Cancelled, KeyboardInterrupt):
            self._end()

    def look(self) -> None:
        """Take on what is due. A database that is down for a while is no end."""
        taken: list[Taken] = []
        try:
            self._tell_ends()
            fail_stale_runs()
            plans = read_plans()
            self._complain_once(set(plans.problems.values()))
            taken = take_on(plans, datetime.now(UTC))
            start_all(taken)
            for run in take_drills(plans, datetime.now(UTC)):
                self._drills.append(run.pk)
                enqueue_run(run)
            pass_by()
        except (DatabaseError, OSError, TrustbackupError) as error:
            self._complain(one_line(str(error)))
        finally:
            # Between two looks the database may go and come again, as it likes.
            connections.close_all()
        for item in taken:
            if item.run is not None and item.run.is_active:
                self._going_on[item.run.pk] = item
            self._tell(item)

    def _complain_once(self, sentences: set[str]) -> None:
        for sentence in sorted(sentences - self._complaints):
            self._complain(sentence)
        self._complaints = sentences

    def _tell_ends(self) -> None:
        if not self._going_on:
            return
        for run in Run.objects.filter(pk__in=self._going_on).exclude(state__in=Run.ACTIVE):
            self._tell(Taken(self._going_on.pop(run.pk).row, run))

    def _end(self) -> None:
        started = [*self._going_on, *self._drills]
        if not started or not is_detached():
            return
        try:
            mine = Run.objects.filter(pk__in=started)
            for run in mine.filter(state__in=Run.ACTIVE):
                cancel(run)
            until = time.monotonic() + _END_SECONDS
            while mine.filter(state__in=Run.ACTIVE).exists() and time.monotonic() < until:
                time.sleep(_LOOK_AGAIN)
            ended = set(mine.filter(state=Run.State.CANCELLED).values_list("pk", flat=True))
            give_back([taken for pk, taken in self._going_on.items() if pk in ended])
            self._tell_ends()
        except (DatabaseError, OSError) as error:
            self._complain(one_line(str(error)))
        finally:
            connections.close_all()
