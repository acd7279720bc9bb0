"""Taking on what is due: each due time once, whoever looks, and however many look at once.

Whoever takes a due time on makes its row, of which there can be one, and in the same transaction
the run. On one host a lock lets one look at a time, so that on SQLite nobody waits for a writer
to find out; among hosts the row alone decides.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import IntegrityError, router, transaction

from trustbackup.exceptions import Cancelled, TrustbackupError
from trustbackup.models import PlanDue, Run
from trustbackup.operations.plans.drills import find_drills
from trustbackup.operations.plans.due import Due, find_due, remember_calendars
from trustbackup.operations.plans.spec import Plans, read_plans
from trustbackup.phrases import gettext as _
from trustbackup.runs.execute import execute
from trustbackup.runs.queue import enqueue_run, fail_stale_runs, one_at_a_time, waiting_run
from trustbackup.runs.upkeep import keep_up

ACTION = "create"
ACTOR = "schedule"


@dataclass(frozen=True)
class Taken:
    """A due time that we took on: its row, and the run; None when it was skipped."""

    row: PlanDue
    run: Run | None


def run_drills(*, now: datetime | None = None) -> Iterator[Run]:
    """Carry the drills that are due in this process. Raises Cancelled when it is to end."""
    for run in take_drills(read_plans(), now or datetime.now(UTC)):
        yield _carried(run)


def run_due(*, now: datetime | None = None) -> Iterator[Taken]:
    """Take on all that is due now, and carry it in this process, one after the other.

    What comes due meanwhile is taken on afterwards, of each plan once. Raises Cancelled, when
    this process is to end; what it interrupts can be taken on again.
    """
    done: set[str] = set()
    while taken := [*take_on(read_plans(), now or datetime.now(UTC), besides=done)]:
        for number, item in enumerate(taken):
            done.add(item.row.plan)
            if item.run is not None:
                try:
                    yield carry(item)
                except Cancelled:
                    give_back(taken[number:])
                    raise
            else:
                yield item


def take_on(plans: Plans, now: datetime, *, besides: set[str] | None = None) -> list[Taken]:
    """Make the rows of what is due; what others took on first is not among them.

    ``besides`` are plans that are left alone. Nothing is locked or written when nothing is due.
    """
    remember_calendars(plans.specs, now)
    keep_up(now)
    specs = [spec for spec in plans.specs if not besides or spec.name not in besides]
    if not find_due(specs, now):
        return []
    with one_at_a_time():
        fail_stale_runs()
        due = find_due(specs, now)
        return [taken for item in due if (taken := _take(item, now)) is not None]


def take_drills(plans: Plans, now: datetime) -> list[Run]:
    """The waiting runs of the drills that are due; nothing is locked or written when none is."""
    if not find_drills(plans.specs, now):
        return []
    with one_at_a_time():
        fail_stale_runs()
        active = Run.objects.active().exclude(plan="").values_list("plan", flat=True)
        busy = set(active)
        return [
            waiting_run(
                "drill",
                {"backups": [identifier]},
                actor=ACTOR,
                address=socket.gethostname(),
                target=identifier,
                plan=spec.name,
            )
            for spec, identifier in find_drills(plans.specs, now)
            if spec.name not in busy
        ]


def _take(item: Due, now: datetime) -> Taken | None:
    plan = item.spec.name
    row = PlanDue(plan=plan, due=item.due, at=now, state=PlanDue.State.STARTED)
    running = Run.objects.active().filter(action=ACTION, plan=plan).first()
    try:
        with transaction.atomic(router.db_for_write(PlanDue)):
            if running is not None:
                row.state = PlanDue.State.SKIPPED
                row.reason = _("Its run before this one still goes on.")
                row.save(force_insert=True)
                return Taken(row, None)
            options = {"plan": plan, "due": item.due.isoformat()}
            run = waiting_run(ACTION, options, actor=ACTOR, address=socket.gethostname(), plan=plan)
            row.run = run.pk
            row.save(force_insert=True)
    except IntegrityError:  # another host was quicker
        return None
    return Taken(row, run)


def carry(taken: Taken) -> Taken:
    """Carry a run in this process to its end. Raises Cancelled when this process is to end."""
    assert taken.run is not None  # noqa: S101 - for the types
    return Taken(taken.row, _carried(taken.run))


def _carried(waiting: Run) -> Run:
    run = execute(waiting.pk)
    if run is None:  # somebody cancelled it before it began
        return Run.objects.get(pk=waiting.pk)
    if run.state == Run.State.CANCELLED and not run.cancel:
        raise Cancelled(_("Cancelled"), why=_("the scheduler was asked to end"))
    return run


def start_all(taken: Sequence[Taken]) -> None:
    """Hand the runs over to whoever carries the page's; one that nobody takes is a failed row."""
    for item in taken:
        if item.run is None:
            continue
        try:
            enqueue_run(item.run)
        except TrustbackupError as error:
            item.row.state, item.row.reason = PlanDue.State.FAILED, str(error)
            item.row.save(update_fields=["state", "reason"])


def give_back(taken: Sequence[Taken]) -> None:
    """Let the due times of runs that did not end by themselves be taken on again."""
    for item in taken:
        if item.run is not None:
            cancelled = {"state": Run.State.CANCELLED, "finished": datetime.now(UTC)}
            Run.objects.filter(pk=item.run.pk, state=Run.State.WAITING).update(**cancelled)
            PlanDue.objects.filter(pk=item.row.pk).delete()
