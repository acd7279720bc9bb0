"""Keep or delete, for every backup in one place, and why.

Backups of one sort stand in for each other; those of one group follow the same rules. However
little the rules keep, the newest good and the newest proven one of a sort stay, and so does what
is protected, what another site made, what is dated in the future and what is newer than the last
good one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from operator import attrgetter

from trustbackup.policy.protection import BackupFacts
from trustbackup.policy.retention.brake import hold_back
from trustbackup.policy.retention.buckets import staying_by_rules
from trustbackup.policy.retention.reasons import DELETES, Decision, Reason
from trustbackup.policy.retention.rules import RetentionPolicy


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What one group of backups follows."""

    policy: RetentionPolicy
    zone: tzinfo


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A decision for every backup, newest first."""

    decisions: tuple[Decision, ...]
    above_limit: dict[str, int] = field(default_factory=dict)
    """Group → the bytes that it takes above its size limit when all is deleted that may be."""

    @property
    def going(self) -> list[str]:
        """The ids to delete, oldest first."""
        return [each.id for each in reversed(self.decisions) if not each.keep]

    def held(self, *reasons: Reason) -> list[str]:
        """Those that would go, were it not for one of these reasons; oldest first."""
        return [
            each.id
            for each in reversed(self.decisions)
            if each.keep and each.reasons[0] in reasons and each.reasons[-1] in DELETES
        ]


_Found = dict[str, tuple[Reason, ...]]
# One object for each: a hundred thousand of them would keep the collector of garbage busy.
_NEWER, _BAD, _EXPIRED = (Reason.NEWER,), (Reason.BAD,), (Reason.EXPIRED,)


def decide(
    backups: Iterable[BackupFacts],
    rules: Mapping[str, Rules],
    *,
    now: datetime,
    paused: Mapping[str, Reason] | None = None,
    spared: Mapping[str, Reason] | None = None,
    confirmed: bool = False,
) -> Judgement:
    """What is to become of each of these backups, which lie in one place.

    ``rules`` are those of each group, ``paused`` says of which group nothing goes now and why,
    ``spared`` which backups do not, and ``confirmed`` that somebody wants more than a quarter of
    a sort gone. The order of the backups does not matter.
    """
    # By one key after the other: pairs of them would be as many objects again.
    ordered = sorted(backups, key=attrgetter("id"), reverse=True)
    ordered.sort(key=attrgetter("created"), reverse=True)
    found: _Found = {}
    sorts: dict[str, list[BackupFacts]] = defaultdict(list)
    for backup in ordered:
        if not backup.ours:
            found[backup.id] = (Reason.FOREIGN,)
        elif backup.created > now:
            found[backup.id] = (Reason.FUTURE,)
        else:
            sorts[backup.sort].append(backup)
    for members in sorts.values():
        _judge_sort(members, rules, spared or {}, found)
    above = _fit(ordered, rules, found)
    for members in sorts.values():
        hold_back(members, found, paused=paused or {}, confirmed=confirmed)
    decisions = tuple([_decision(backup.id, found[backup.id]) for backup in ordered])
    return Judgement(decisions=decisions, above_limit=above)


def _decision(identifier: str, reasons: tuple[Reason, ...]) -> Decision:
    return Decision(identifier, reasons[0] not in DELETES, reasons)


def _judge_sort(
    members: Sequence[BackupFacts],
    rules: Mapping[str, Rules],
    spared: Mapping[str, Reason],
    found: _Found,
) -> None:
    good = next((backup.id for backup in members if backup.good), None)
    if good is None:
        # The one that is good may be any of them.
        found.update(dict.fromkeys((backup.id for backup in members), (Reason.NONE_GOOD,)))
        return
    lasts = {good: Reason.LAST_GOOD}
    if proven := next((backup.id for backup in members if backup.proven), None):
        lasts[proven] = Reason.LAST_PROVEN
    groups: dict[str, list[BackupFacts]] = defaultdict(list)
    for backup in members:
        groups[backup.group].append(backup)
    for group, its in groups.items():
        its_rules = rules.get(group)
        if its_rules is None or not its_rules.policy.deletes:
            found.update(dict.fromkeys((backup.id for backup in its), (Reason.NO_RULES,)))
            continue
        staying = staying_by_rules(its, its_rules.policy, its_rules.zone)
        _judge_group(its, staying, lasts, spared, found)


def _judge_group(
    members: Sequence[BackupFacts],
    staying: Mapping[str, tuple[Reason, ...]],
    lasts: Mapping[str, Reason],
    spared: Mapping[str, Reason],
    found: _Found,
) -> None:
    newer = True
    for backup in members:
        newer = newer and not backup.good
        identifier = backup.id
        reasons = staying.get(identifier, ())
        if backup.protected:
            reasons = (Reason.PROTECTED, *reasons)
        if identifier in lasts:
            reasons = (*reasons, lasts[identifier])
        if identifier in spared:
            reasons = (*reasons, spared[identifier])
        if not reasons:
            reasons = _NEWER if newer else _BAD if backup.is_bad else _EXPIRED
        found[identifier] = reasons


def _fit(
    ordered: Sequence[BackupFacts], rules: Mapping[str, Rules], found: _Found
) -> dict[str, int]:
    """Where a limit deletes, let go of what only ``days`` keeps, oldest first; what is above."""
    limits = {name: its.policy for name, its in rules.items() if its.policy.size_limit is not None}
    if not limits:
        return {}
    taken = dict.fromkeys(limits, 0)
    for backup in ordered:
        if backup.group in taken and found[backup.id][0] not in DELETES:
            taken[backup.group] += backup.bytes
    if not any(
        policy.enforce_size and taken[name] > (policy.size_limit or 0)
        for name, policy in limits.items()
    ):
        return _above(limits, taken)
    for backup in reversed(ordered):
        policy = limits.get(backup.group)
        if (
            policy is not None
            and policy.enforce_size
            and taken[backup.group] > (policy.size_limit or 0)
            and found[backup.id] == (Reason.DAYS,)
        ):
            taken[backup.group] -= backup.bytes
            found[backup.id] = (Reason.SIZE,)
    return _above(limits, taken)


def _above(limits: Mapping[str, RetentionPolicy], taken: Mapping[str, int]) -> dict[str, int]:
    above = {name: taken[name] - (policy.size_limit or 0) for name, policy in limits.items()}
    return {name: size for name, size in above.items() if size > 0}
