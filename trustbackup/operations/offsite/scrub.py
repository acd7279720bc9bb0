"""Read copies again before anybody needs them: the one whose check is the oldest first."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from trustbackup.exceptions import BackupNotFound, TrustbackupError
from trustbackup.models import Backup, Copy, Run
from trustbackup.operations.checks import VerifyResult
from trustbackup.operations.context import Context
from trustbackup.operations.offsite.targets import find_destination
from trustbackup.operations.offsite.verify import verify_at, verify_backup
from trustbackup.operations.progress import Reporter, quiet
from trustbackup.policy.scrub import AHEAD, ScrubCandidate, due_for_scrub
from trustbackup.store import catalog

logger = logging.getLogger(__name__)
ACTION = "scrub"


@dataclass(frozen=True, kw_only=True)
class ScrubbedCopy:
    """One copy that was read. ``place`` is a destination's name, "" the backup folder.

    ``error`` says why it could not be read, which tells nothing about it; ``problems`` what is
    wrong with it.
    """

    id: str
    place: str
    bytes: int
    problems: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class ScrubResult:
    """What was read in this run; with a dry run, what would be."""

    copies: tuple[ScrubbedCopy, ...]

    @property
    def bytes(self) -> int:
        """Bytes that were read."""
        return sum(copy.bytes for copy in self.copies)

    @property
    def problems(self) -> list[ScrubbedCopy]:
        return [copy for copy in self.copies if copy.problems]

    @property
    def ok(self) -> bool:
        return not any(copy.problems or copy.error for copy in self.copies)


def scrub_copies(
    now: datetime,
    report: Reporter = quiet,
    *,
    dry_run: bool = False,
    on_copy: Callable[[ScrubbedCopy], None] = lambda _copy: None,
) -> ScrubResult:
    """Read what was not read for ``SCRUB_DAYS`` within today's ``SCRUB_BYTES``.

    ``on_copy`` gets each as soon as it was read. Raises Cancelled, DatabaseError.
    """
    context = Context.current()
    settings = context.settings
    every = timedelta(days=settings.scrub_days)
    if not every:
        return ScrubResult(copies=())
    catalog.synchronise(context.folder)
    left = candidates(now - every, now)
    spent = [*read_before(now - every)]

    def due() -> list[ScrubCandidate]:
        return due_for_scrub(left, spent, every=every, budget=settings.scrub_bytes, now=now)

    if dry_run:
        return ScrubResult(
            copies=tuple(
                ScrubbedCopy(id=each.id, place=each.place, bytes=each.bytes) for each in due()
            )
        )
    done: list[ScrubbedCopy] = []
    while chosen := due():
        copy = _read(chosen[0], report)
        done.append(copy)
        on_copy(copy)
        if copy.error:
            # A place that is away today must not keep the others from their turn.
            left = [each for each in left if each.place != copy.place]
        else:
            left.remove(chosen[0])
            spent.append((now, copy.bytes))
    # When each was checked stands beside it: the index must know before the next look.
    catalog.synchronise(context.folder)
    return ScrubResult(copies=tuple(done))


def candidates(before: datetime, now: datetime) -> list[ScrubCandidate]:
    """Every whole backup here and every copy that is there whose check, or arrival, is as long ago.

    What is in the future, by a clock that was wrong, tells nothing. Raises DatabaseError.
    """
    return [
        *(
            ScrubCandidate(id=row.identifier, place="", bytes=row.bytes, checked=row.read_at)
            for row in _here(before, now)
        ),
        *(
            ScrubCandidate(
                id=copy.identifier,
                place=copy.destination.name,
                bytes=copy.bytes,
                checked=copy.read_at,
            )
            for copy in _there(before, now).select_related("destination")
            if copy.destination.options
        ),
    ]


def is_any_due(now: datetime) -> bool:
    """Whether there is something to read, and nothing was read today; quick. DatabaseError."""
    days = Context.current().settings.scrub_days
    today = Run.objects.filter(action=ACTION, started__gt=now - timedelta(days=1), started__lte=now)
    if not days or today.exists():
        return False
    before = now - timedelta(days=days)
    return _here(before, now).exists() or _there(before, now).exists()


def _here(before: datetime, now: datetime) -> QuerySet[Any]:
    rows = Backup.objects.filter(state=Backup.State.COMPLETE)
    return rows.annotate(read_at=Coalesce("checked_at", "created")).filter(_is_old(before, now))


def _there(before: datetime, now: datetime) -> QuerySet[Any]:
    copies = Copy.objects.filter(state__in=Copy.THERE)
    return copies.annotate(read_at=Coalesce("verified_at", "changed")).filter(_is_old(before, now))


def _is_old(before: datetime, now: datetime) -> Q:
    return Q(read_at__lte=before) | Q(read_at__gt=now + AHEAD)


def read_before(since: datetime) -> Sequence[tuple[datetime, int]]:
    """When how many bytes were read by scrubs since then. Raises DatabaseError."""
    runs = Run.objects.filter(action=ACTION, started__gte=since)
    return [(run.started, int(run.outcome.get("bytes", 0))) for run in runs]


def _read(copy: ScrubCandidate, report: Reporter) -> ScrubbedCopy:
    problems: tuple[str, ...] = ()
    try:
        problems = _verdict(copy, report).problems
    except BackupNotFound as error:
        problems = (str(error),)
        lost = Copy.objects.filter(identifier=copy.id, destination__name=copy.place)
        lost.update(state=Copy.State.FAILED, problem=str(error))
    except TrustbackupError as error:
        logger.warning("A copy of %s was not read again: %s", copy.id, error)
        return ScrubbedCopy(id=copy.id, place=copy.place, bytes=0, error=str(error))
    return ScrubbedCopy(id=copy.id, place=copy.place, bytes=copy.bytes, problems=problems)


def _verdict(copy: ScrubCandidate, report: Reporter) -> VerifyResult:
    if not copy.place:
        return verify_backup(copy.id, report)
    (verdict,) = verify_at(find_destination(copy.place), [copy.id], report)
    return verdict
