"""The plans: whether they run, by themselves and in time, and whether what they make is proven."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from trustbackup.models import Alarm, Backup, PlanDue, Run
from trustbackup.operations.doctor.finding import Finding, Look
from trustbackup.operations.encryption_keys import key_troubles
from trustbackup.operations.overdue import Watch
from trustbackup.operations.plans.spec import read_plans
from trustbackup.phrases import ago, ngettext
from trustbackup.phrases import gettext as _
from trustbackup.policy.plan import PlanSpec

_LOOK = Look("plans")
PROVEN_WITHIN = timedelta(days=31)
"""Where no plan says how often, a proof is old after a month."""


def look_at_plans(found: Watch) -> Iterator[Finding]:
    """Each plan against its calendar. Raises DatabaseError, ConfigurationError."""
    plans = read_plans()
    for name, problem in plans.problems.items():
        yield _LOOK.bad(name, problem, _("Correct it: it is not followed as it is."))
    if not any(plan.holds_databases for plan in found.plans):
        yield _LOOK.warn(
            "none",
            _("No plan makes backups of the databases by itself."),
            _("Switch a plan on, or put one into TRUSTBACKUP['PLANS']."),
        )
    late = {item.subject: item for item in found.of_kind(Alarm.Kind.BACKUP)}
    for plan in found.plans:
        if plan.name in late:
            yield _LOOK.bad(
                plan.name,
                late[plan.name].sentence,
                _("See Activity for its last runs, and that the scheduler runs."),
            )
        elif plan.retention is None:
            yield _LOOK.warn(
                plan.name,
                _("Plan %(name)s is in time, and never deletes a backup.", name=plan.name),
                _("Give it a retention before the disk is full."),
            )
        else:
            yield _LOOK.ok(plan.name, _("Plan %(name)s is in time.", name=plan.name))


def look_at_key_proofs(found: Watch, now: datetime) -> Iterator[Finding]:
    """Whether the keys that plans encrypt to are at hand. Raises DatabaseError."""
    encrypting = [plan for plan in found.plans if plan.encrypt_to]
    troubles = key_troubles(encrypting, now)
    for name, sentence in troubles.items():
        yield _LOOK.warn(
            name,
            sentence,
            _("Encrypt to two keys, and try each now and then: backup_keys prove."),
        )
    if encrypting and not troubles:
        yield _LOOK.ok("keys", _("Every key that a plan encrypts to was proven to open backups."))


def look_at_scheduler(found: Watch, now: datetime) -> Iterator[Finding]:
    """Whether anybody starts what is due. Raises DatabaseError."""
    if not found.plans:
        return
    newest = PlanDue.objects.order_by("-at").first()
    todo = _("Let cron, systemd or a container run run_scheduled_backups every few minutes.")
    if newest is None:
        yield _LOOK.warn("scheduler", _("The scheduler has never started a plan yet."), todo)
        return
    over = [due for plan in found.plans if (due := _last_due(plan, now - plan.grace))]
    if over and newest.due < max(over) and newest.at < max(over):
        yield _LOOK.bad(
            "scheduler",
            _("The scheduler was last seen %(ago)s.", ago=ago(now - newest.at)),
            todo,
        )
        return
    yield _LOOK.ok("scheduler", _("The scheduler was seen %(ago)s.", ago=ago(now - newest.at)))


def _last_due(plan: PlanSpec, before: datetime) -> datetime | None:
    """The last due time of a plan that somebody should have taken on by then; None without one."""
    due = plan.schedule.previous_before(before) if plan.schedule else None
    return due if due and plan.created and due > plan.created else None


def look_at_pruning(found: Watch, now: datetime) -> Iterator[Finding]:
    """Whether what the rules let go does go. Raises DatabaseError."""
    if (Alarm.Kind.PRUNE, "") not in found.watched:
        return
    if overdue := found.of_kind(Alarm.Kind.PRUNE):
        yield _LOOK.warn(
            "pruning",
            overdue[0].sentence,
            _("See Activity for the last clean-ups, and prune_backups --dry-run for each backup."),
        )
        return
    newest = Run.objects.pruning(now).first()
    if newest is None:
        yield _LOOK.ok("pruning", _("Nothing had to be cleaned up yet."))
    else:
        yield _LOOK.ok(
            "pruning", _("Old backups were cleaned up %(ago)s.", ago=ago(now - newest.started))
        )


def look_at_proofs(found: Watch, now: datetime) -> Iterator[Finding]:
    """Whether what there is was restored in a drill, and lately. Raises DatabaseError."""
    old = found.of_kind(Alarm.Kind.PROOF)
    todo = _("Run verify_backup latest --restore, or let a plan drill its backups.")
    for item in old:
        yield _LOOK.warn("proof", item.sentence, todo)
    if old:
        return
    if failed := Backup.objects.whole().filter(drilled_ok=False).count():
        yield _LOOK.bad(
            "proof",
            ngettext(
                "%(number)d backup failed its drill: it does not restore as it should.",
                "%(number)d backups failed their drills: they do not restore as they should.",
                failed,
            ),
            _("See its page for what differs, and make a new one."),
        )
        return
    newest = max(Backup.objects.newest_proofs(now).values(), default=None)
    if newest is None:
        yield _LOOK.warn("proof", _("No backup was ever proven to restore."), todo)
    elif now - newest > PROVEN_WITHIN:
        yield _LOOK.warn("proof", _("The last proof was %(ago)s.", ago=ago(now - newest)), todo)
    else:
        yield _LOOK.ok("proof", _("A backup was proven to restore %(ago)s.", ago=ago(now - newest)))
