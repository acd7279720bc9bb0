"""What is overdue on this site now: computed when somebody looks, whatever runs or does not.

A handful of queries, whatever there is, and no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from trustbackup.models import Alarm, Backup, Copy, Destination, Run
from trustbackup.operations.plans.spec import all_plans
from trustbackup.phrases import ago, ngettext
from trustbackup.phrases import gettext as _
from trustbackup.policy import lateness
from trustbackup.policy.forecast import full_in
from trustbackup.policy.plan import DEFAULT_GRACE, PlanSpec
from trustbackup.store import names

DISK_LOW = timedelta(days=14)
"""A disk that will be full by then is worth an alarm."""
BEHIND_AFTER = timedelta(days=7)
"""Expired backups that are held back so long, run after run, are worth one, too."""


@dataclass(frozen=True, kw_only=True)
class Overdue:
    """One thing that should have happened, and did not.

    ``since`` stays the same until it happens; ``last`` is the newest due time that is over.
    """

    kind: Alarm.Kind
    subject: str
    since: datetime
    last: datetime
    sentence: str
    plan: str = ""


@dataclass(kw_only=True)
class Watch:
    """What was looked at, what of it is overdue, and when to look again."""

    overdue: list[Overdue] = field(default_factory=list)
    watched: set[tuple[str, str]] = field(default_factory=set)
    """Kind and subject of everything that was looked at: what is no more is neither late nor
    well again."""
    next_deadline: datetime | None = None
    """Before then no plan that is in time can be late; None where none is ever due."""
    plans: Sequence[PlanSpec] = ()
    """Those that are switched on and have a schedule."""

    def of_kind(self, kind: Alarm.Kind) -> list[Overdue]:
        return [item for item in self.overdue if item.kind == kind]


def watch(now: datetime) -> Watch:
    """Look at the plans, their proofs and their copies, at the room for more, and at pruning.

    Raises DatabaseError, ConfigurationError.
    """
    known = all_plans()
    plans = [plan for plan in known if plan.enabled and plan.schedule is not None]
    found = Watch(plans=plans)
    made = Backup.objects.newest_by_plan(now)
    ran = Run.objects.newest_successes(now)
    for plan in plans:
        moments = [each[plan.name] for each in (made, ran) if plan.name in each]
        _look_at_plan(found, plan, max(moments, default=None), now)
    _look_at_proofs(found, now)
    _look_at_copies(found, now)
    _look_at_disk(found, now)
    if any(plan.retention or plan.destination_retention for plan in known):
        _look_at_pruning(found, now)
    return found


def _look_at_plan(found: Watch, plan: PlanSpec, succeeded: datetime | None, now: datetime) -> None:
    since = plan.created or succeeded
    if plan.schedule is None or since is None:
        return
    facts = lateness.PlanFacts(
        calendar=plan.schedule, grace=plan.grace, since=since, succeeded=succeeded
    )
    found.watched.add((Alarm.Kind.BACKUP, plan.name))
    late = lateness.lateness_of(facts, now)
    if late is not None:
        sentence = _late_sentence(plan.name, late, now, ever=succeeded is not None)
        found.overdue.append(
            Overdue(
                kind=Alarm.Kind.BACKUP,
                subject=plan.name,
                plan=plan.name,
                since=late.first,
                last=late.last,
                sentence=sentence,
            )
        )
    elif deadline := lateness.deadline(facts, now):
        found.next_deadline = min(deadline, found.next_deadline or deadline)


def _late_sentence(name: str, late: lateness.Lateness, now: datetime, *, ever: bool) -> str:
    since = ago(now - late.first)
    if not ever:
        return _(
            "Plan %(name)s has never made a backup: the first was due %(ago)s.",
            name=name,
            ago=since,
        )
    if late.missed == 1:
        return _("Plan %(name)s is late: its backup was due %(ago)s.", name=name, ago=since)
    return _(
        "Plan %(name)s is late: %(count)d backups are missing, the first was due %(ago)s.",
        name=name,
        count=late.missed,
        ago=since,
    )


def _look_at_proofs(found: Watch, now: datetime) -> None:
    wanting = [(plan, plan.drill.days) for plan in found.plans if plan.drill.days]
    proven = Backup.objects.newest_proofs(now) if wanting else {}
    for plan, days in wanting:
        newest = proven.get(plan.name)
        since = newest or plan.created
        if since is None:
            continue
        longest = timedelta(days=days) + plan.grace
        found.watched.add((Alarm.Kind.PROOF, plan.name))
        if not lateness.is_old(newest=newest, since=since, longest=longest, now=now):
            continue
        sentence = _("No backup of plan %(name)s was ever proven.", name=plan.name)
        if newest is not None:
            sentence = _(
                "The last proof that a backup of plan %(name)s restores was %(ago)s.",
                name=plan.name,
                ago=ago(now - newest),
            )
        found.overdue.append(
            Overdue(
                kind=Alarm.Kind.PROOF,
                subject=plan.name,
                plan=plan.name,
                since=since,
                last=since + (now - since) // longest * longest,
                sentence=sentence,
            )
        )


def _look_at_copies(found: Watch, now: datetime) -> None:
    rows = [row for row in Destination.objects.all() if row.options]
    if not rows:
        return
    arrived = Copy.objects.newest_there(names.backup_id(now))
    # Of a plan that runs each hour the newest is always on its way: those before it tell.
    made = Backup.objects.newest_by_plan(now - DEFAULT_GRACE)
    for row in rows:
        named = {plan.name for plan in found.plans if row.name in plan.destinations}
        due = [moment for plan, moment in made.items() if row.automatic or plan in named]
        if not due:
            continue
        found.watched.add((Alarm.Kind.COPY, row.name))
        there = names.time_of(arrived.get(row.pk, ""))
        since = there or row.created
        # An id has whole seconds.
        last = max(due).replace(microsecond=0)
        if last <= since:
            continue
        sentence = _("No backup has reached %(name)s yet.", name=row.name)
        if there is not None:
            sentence = _(
                "The last backup that reached %(name)s was made %(ago)s, and there are newer ones.",
                name=row.name,
                ago=ago(now - there),
            )
        found.overdue.append(
            Overdue(
                kind=Alarm.Kind.COPY, subject=row.name, since=since, last=last, sentence=sentence
            )
        )


def _look_at_disk(found: Watch, now: datetime) -> None:
    found.watched.add((Alarm.Kind.DISK, ""))
    left = forecast(now)
    if left is not None and left < DISK_LOW:
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        sentence = full_sentence(left)
        found.overdue.append(
            Overdue(kind=Alarm.Kind.DISK, subject="", since=today, last=today, sentence=sentence)
        )


def _look_at_pruning(found: Watch, now: datetime) -> None:
    found.watched.add((Alarm.Kind.PRUNE, ""))
    runs = Run.objects.pruning(now)
    newest = runs.first()
    if newest is None:
        return
    sentence = _("The clean-up of old backups fails, and has never gone well.")
    last = newest.started
    if newest.state == Run.State.SUCCEEDED:
        behind = _behind(newest)
        if behind is None or now - behind.since <= BEHIND_AFTER:
            return
        since = behind.since
        last = since + (now - since) // BEHIND_AFTER * BEHIND_AFTER
        sentence = ngettext(
            "The clean-up of old backups began to fall behind %(ago)s: %(number)d that no rule"
            " keeps is held back.",
            "The clean-up of old backups began to fall behind %(ago)s: %(number)d that no rule"
            " keeps are held back.",
            behind.waiting,
            ago=ago(now - since),
        )
    else:
        good = runs.filter(state=Run.State.SUCCEEDED).first()
        failed = runs.filter(started__gt=good.started) if good else runs
        since = min(failed.values_list("started", flat=True), default=last)
        if now - since <= DEFAULT_GRACE:
            return
        if good is not None:
            sentence = _(
                "The clean-up of old backups fails: it last went well %(ago)s.",
                ago=ago(now - good.started),
            )
    found.overdue.append(
        Overdue(kind=Alarm.Kind.PRUNE, subject="", since=since, last=last, sentence=sentence)
    )


@dataclass(frozen=True)
class _Behind:
    """How many backups that have expired are held back, and since when some are at all."""

    waiting: int
    since: datetime


def _behind(run: Run) -> _Behind | None:
    """By what a prune noted, see ``runs/pruning.py``; None where it let go of all that it may."""
    places = [place for place in run.outcome.get("pruned", ()) if place.get("behind_since")]
    if not places:
        return None
    since = min(datetime.fromisoformat(place["behind_since"]) for place in places)
    return _Behind(sum(sum(place["paused"].values()) for place in places), since)


def forecast(now: datetime) -> timedelta | None:
    """How long until the backup folder's disk is full, by what backups found free on it.

    Raises DatabaseError.
    """
    return full_in(Run.objects.free_space(now), now)


def full_sentence(left: timedelta) -> str:
    """When the disk will be full, in days."""
    return ngettext(
        "The disk of the backup folder will be full in %(number)d day, if it goes on like this.",
        "The disk of the backup folder will be full in %(number)d days, if it goes on like this.",
        left.days,
    )
