"""Which backups a place would not keep, so that none is brought there only to be deleted again.

No memory tells it: the rules are asked as if the backup were there already. So nothing is lost
with an index, rules that became longer ask for more, and what a place lost by itself is brought
again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from trustbackup.policy.protection import BackupFacts
from trustbackup.policy.retention.decide import Rules, decide
from trustbackup.policy.retention.reasons import DELETES


def unwanted(
    there: Sequence[BackupFacts],
    lacking: Sequence[BackupFacts],
    rules: Mapping[str, Rules],
    *,
    now: datetime,
) -> set[str]:
    """The ids of ``lacking`` that the rules would let go again once they were there.

    What lies ``there`` unchecked counts as good: else the older ones that it stands for would be
    brought once more after each loss of the index, which forgets what was compared. What the rules
    let go all the same, because it is unchecked, is not brought either.
    """
    found: set[str] = set()
    for known in (there, [_taken_for_good(each) for each in there]):
        judgement = decide([*known, *lacking], rules, now=now)
        # A brake or a pause that would hold it there for now makes it no more welcome.
        found.update(each.id for each in judgement.decisions if each.reasons[-1] in DELETES)
    return found.intersection(each.id for each in lacking)


def _taken_for_good(backup: BackupFacts) -> BackupFacts:
    return backup if backup.good or backup.is_bad else replace(backup, checked=True)
