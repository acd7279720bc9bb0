"""Alarms: who sees first that something is overdue says so, once a period, and when it is over."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F

from trustbackup.events import Event, EventKind, emit
from trustbackup.models import Alarm
from trustbackup.operations.overdue import Overdue, Watch, watch
from trustbackup.operations.plans.due import remember_calendars
from trustbackup.operations.plans.spec import read_plans
from trustbackup.phrases import gettext as _
from trustbackup.policy.lateness import is_told_again

_EVENTS = {Alarm.Kind.DISK: EventKind.DISK_LOW, Alarm.Kind.PRUNE: EventKind.PRUNING_FAILED}
"""What else than "late" an alarm is told as."""
_QUIET = timedelta(hours=23)
"""What comes and goes is not told of twice a day."""


def raise_alarms(now: datetime) -> Watch:
    """Tell of what is overdue, remind of what still is, and say what is well again.

    Several processes may do so at once: each thing is told by one of them. Raises
    DatabaseError, ConfigurationError.
    """
    # A plan in the settings is due from when somebody has seen it.
    remember_calendars(read_plans().specs, now)
    found = watch(now)
    standing = {(alarm.kind, alarm.subject): alarm for alarm in Alarm.objects.standing()}
    for item in found.overdue:
        alarm = standing.pop((item.kind, item.subject), None)
        if alarm is None:
            _begin(item, now)
        elif is_told_again(told_at=alarm.told_at, told_of=alarm.told_of, last=item.last, now=now):
            _remind(alarm, item, now)
    for alarm in standing.values():
        _end(alarm, now, still_watched=(alarm.kind, alarm.subject) in found.watched)
    return found


def _begin(item: Overdue, now: datetime) -> None:
    values = {
        "plan": item.plan,
        "told_of": item.last,
        "told_at": now,
        "sentence": item.sentence,
    }
    alarm, is_new = Alarm.objects.get_or_create(
        kind=item.kind, subject=item.subject, since=item.since, defaults=values
    )
    if is_new:
        _tell(alarm)
        return
    came_back = Alarm.objects.filter(pk=alarm.pk).exclude(ended=None).update(ended=None)
    if came_back and now - alarm.told_at > _QUIET:
        _remind(alarm, item, now)


def _remind(alarm: Alarm, item: Overdue, now: datetime) -> None:
    changed = Alarm.objects.filter(pk=alarm.pk, times=alarm.times).update(
        told_of=item.last, told_at=now, sentence=item.sentence, times=F("times") + 1
    )
    if changed:
        alarm.refresh_from_db()
        _tell(alarm)


def _tell(alarm: Alarm) -> None:
    kind = Alarm.Kind(alarm.kind)
    emit(
        Event(
            kind=_EVENTS.get(kind, EventKind.LATE),
            plan=alarm.plan,
            subject=alarm.subject,
            at=alarm.told_at,
            sentence=alarm.sentence,
            detail={
                "alarm": str(alarm.kind),
                "since": alarm.since.isoformat(),
                "times": alarm.times,
            },
            key=_key(alarm, str(alarm.times)),
        )
    )


def _end(alarm: Alarm, now: datetime, *, still_watched: bool) -> None:
    if not Alarm.objects.standing().filter(pk=alarm.pk).update(ended=now):
        return
    # What nobody watches any more, such as a plan that was switched off, is not well again; and
    # a forecast is none that could be.
    if still_watched and alarm.kind != Alarm.Kind.DISK:
        emit(
            Event(
                kind=EventKind.RECOVERED,
                plan=alarm.plan,
                subject=alarm.subject,
                at=now,
                sentence=_well_again(alarm),
                detail={"alarm": str(alarm.kind), "since": alarm.since.isoformat()},
                key=_key(alarm, "over"),
            )
        )


def _well_again(alarm: Alarm) -> str:
    if alarm.kind == Alarm.Kind.PROOF:
        return _("A backup of plan %(name)s is proven again.", name=alarm.subject)
    if alarm.kind == Alarm.Kind.COPY:
        return _("Backups reach %(name)s again.", name=alarm.subject)
    if alarm.kind == Alarm.Kind.PRUNE:
        return _("Old backups are cleaned up again.")
    return _("Plan %(name)s has made a backup again.", name=alarm.subject)


def _key(alarm: Alarm, what: str) -> str:
    return f"alarm:{alarm.kind}:{alarm.subject}:{alarm.since:%Y%m%dT%H%M%S}:{what}"
