"""Whether this site is safe, in one sentence: the same for pages, commands and other programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from trustbackup.models import Alarm, Backup, Destination, Run
from trustbackup.operations.encryption_keys import key_troubles
from trustbackup.operations.overdue import Overdue, Watch, watch
from trustbackup.phrases import Phrase, ago, joined, ngettext
from trustbackup.phrases import gettext as _

STALE_AFTER = timedelta(hours=26)
"""A day, and two hours for a nightly backup that took longer."""
_APART = timedelta(minutes=1)
"""What is dated later than so far ahead was dated by a clock that was wrong, and does not count."""


class Level(StrEnum):
    """How bad it is."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


class Remedy(StrEnum):
    """What mends it."""

    NOTHING = ""
    CREATE = "create"
    DRILL = "drill"
    DESTINATIONS = "destinations"
    """A look at the destinations."""
    RETENTION = "retention"
    """A look at what retention keeps and deletes."""
    KEYS = "keys"
    """A look at the keys that backups are encrypted to."""


_LESSER = {
    Alarm.Kind.COPY: Remedy.DESTINATIONS,
    Alarm.Kind.DISK: Remedy.NOTHING,
    Alarm.Kind.PRUNE: Remedy.RETENTION,
    Alarm.Kind.PROOF: Remedy.DRILL,
}
"""What else may be overdue, the worst first."""


@dataclass(frozen=True)
class Health:
    """One sentence, how bad it is, and what mends it."""

    level: Level
    sentence: Phrase
    remedy: Remedy = Remedy.NOTHING


def site_health(now: datetime | None = None, found: Watch | None = None) -> Health:
    """The judgement on the index as it is; without a backup it says so.

    The first of these that holds is told: no good backup, the newest is damaged, the last run
    failed, a plan is late, the last is a day old where no plan says when the next is due, its
    check failed, a destination fails or lacks backups, the disk fills, pruning fails or falls
    behind, a proof is old, a plan may lock its owner out, it is proven or not.
    ``found`` is what a look just before has found.
    """
    now = now or datetime.now(UTC)
    found = found or watch(now)
    dated = Backup.objects.of_databases().filter(created__lte=now + _APART)
    newest = dated.newest_first().first()
    good = dated.whole().newest_first().first()
    if newest is None or good is None:
        if ahead := Backup.objects.of_databases().whole().count():
            sentence = ngettext(
                "%(number)d backup is dated in the future: the clock was wrong then, or is now.",
                "%(number)d backups are dated in the future: the clock was wrong then, or is now.",
                ahead,
            )
            return Health(Level.WARN, sentence, Remedy.CREATE)
        sentence = _("This site is not protected yet: it has no backup.")
        return Health(Level.BAD, sentence, Remedy.CREATE)
    age = now - good.created
    since = ago(age)
    if newest.state == Backup.State.DAMAGED:
        sentence = _("The newest backup is damaged; the last good one was made %(ago)s.", ago=since)
        return Health(Level.BAD, sentence, Remedy.CREATE)
    last = Run.objects.newest(now, *Run.MAKING)
    if last and last.state == Run.State.FAILED and last.started > good.created:
        sentence = _("The last backup failed; the newest was made %(ago)s.", ago=since)
        return Health(Level.BAD, sentence, Remedy.CREATE)
    if late := found.of_kind(Alarm.Kind.BACKUP):
        return Health(Level.BAD, _several(late), Remedy.CREATE)
    if age > STALE_AFTER and not any(plan.holds_databases for plan in found.plans):
        sentence = _("The last backup was made %(ago)s.", ago=since)
        return Health(Level.WARN, sentence, Remedy.CREATE)
    if good.drilled_ok is False or good.checked_ok is False:
        return Health(Level.BAD, _("The newest backup failed its check."), Remedy.CREATE)
    return _of_what_is_there(good, since, found, now)


def _of_what_is_there(good: Backup, since: Phrase, found: Watch, now: datetime) -> Health:
    """The judgement on a site whose newest backup is a good one, made in time."""
    failing = Destination.objects.failing().first()
    if failing is not None:
        sentence = _(
            "Last backup %(ago)s, but no copy reached %(name)s.", ago=since, name=failing.name
        )
        return Health(Level.WARN, sentence, Remedy.DESTINATIONS)
    for kind, remedy in _LESSER.items():
        if overdue := found.of_kind(kind):
            return Health(Level.WARN, _several(overdue), remedy)
    for sentence in key_troubles(found.plans, now).values():
        return Health(Level.WARN, sentence, Remedy.KEYS)
    if good.drilled_ok:
        sentence = _("Everything is protected: last backup %(ago)s, proven to restore.", ago=since)
        return Health(Level.GOOD, sentence)
    sentence = _("Last backup %(ago)s; it is not proven yet that it restores.", ago=since)
    return Health(Level.WARN, sentence, Remedy.DRILL)


def _several(overdue: Sequence[Overdue]) -> Phrase:
    """The first one's sentence, and how many more there are."""
    if len(overdue) == 1:
        return joined([overdue[0].sentence])
    more = ngettext("And %(number)d more.", "And %(number)d more.", len(overdue) - 1)
    return joined([overdue[0].sentence, more])
