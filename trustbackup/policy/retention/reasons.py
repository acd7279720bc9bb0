"""Why a backup stays, or goes: the words of a decision."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from trustbackup.phrases import gettext as _


class Reason(StrEnum):
    """The first ones keep a backup, then come those that stop a deletion, and those for one."""

    LAST = "last"
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    YEARLY = "yearly"
    DAYS = "days"
    PROTECTED = "protected"
    LAST_PROVEN = "last proven"
    LAST_GOOD = "last good"
    NONE_GOOD = "none good"
    UNCHECKED = "unchecked"
    NEWER = "newer"
    FUTURE = "future"
    FOREIGN = "foreign"
    NO_RULES = "no rules"
    ONLY_DATA = "only data"
    """Of a copy: the backup's data was offloaded to this place and is nowhere else."""

    IN_USE = "in use"
    BRAKE = "brake"
    NEWEST_UNCHECKED = "newest unchecked"
    FAILED = "failed"
    ANOMALY = "anomaly"

    EXPIRED = "expired"
    BAD = "bad"
    SIZE = "size"


DELETES = frozenset({Reason.EXPIRED, Reason.BAD, Reason.SIZE})
PAUSES = frozenset({Reason.BRAKE, Reason.NEWEST_UNCHECKED, Reason.FAILED, Reason.ANOMALY})
"""What stops pruning until something is done; the others are as it should be."""

SENTENCES = {
    Reason.LAST: _("It is one of the last that are to be kept."),
    Reason.HOURLY: _("It is the newest good one of its hour."),
    Reason.DAILY: _("It is the newest good one of its day."),
    Reason.WEEKLY: _("It is the newest good one of its week."),
    Reason.MONTHLY: _("It is the newest good one of its month."),
    Reason.YEARLY: _("It is the newest good one of its year."),
    Reason.DAYS: _("It is of the days of which all are kept."),
    Reason.PROTECTED: _("It is protected."),
    Reason.LAST_PROVEN: _("It is the last one of its sort that is proven to restore."),
    Reason.LAST_GOOD: _("It is the last one of its sort whose check passed."),
    Reason.NONE_GOOD: _("No backup of its sort is known to be good, so all stay."),
    Reason.UNCHECKED: _("It was not checked yet, and may be the only good one of its time."),
    Reason.NEWER: _("It is newer than the last good one."),
    Reason.FUTURE: _("It is dated in the future: a clock was wrong."),
    Reason.FOREIGN: _("It can't be told that this site made it."),
    Reason.NO_RULES: _("No rules of retention are for it."),
    Reason.ONLY_DATA: _("Its data was offloaded to this place and is nowhere else."),
    Reason.IN_USE: _("It is in use."),
    Reason.BRAKE: _("More than a quarter of its sort would go at once: say --yes-really."),
    Reason.NEWEST_UNCHECKED: _("The newest backup of its sort is not known to be good yet."),
    Reason.FAILED: _("The last backup of its plan failed: pruning pauses until one succeeds."),
    Reason.ANOMALY: _("A backup looks odd: pruning pauses until somebody says that it is right."),
    Reason.EXPIRED: _("No rule keeps it."),
    Reason.BAD: _("It is known to be bad, and a newer one is good."),
    Reason.SIZE: _("The size limit asks for its room."),
}


class Decision(NamedTuple):
    """What is to become of one backup, and why; the first reason is the one to tell."""

    id: str
    keep: bool
    reasons: tuple[Reason, ...]

    @property
    def sentence(self) -> str:
        """The first reason, as a phrase."""
        return SENTENCES[self.reasons[0]]
