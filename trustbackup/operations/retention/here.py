"""Retention in the backup folder."""

from __future__ import annotations

from trustbackup.models import Backup
from trustbackup.operations.backup.facts import facts_of, plan_note_of
from trustbackup.operations.retention.groups import Groups
from trustbackup.operations.retention.situation import Situation
from trustbackup.policy.retention.decide import Judgement, decide
from trustbackup.policy.retention.reasons import Reason


def judge_here(situation: Situation, *, confirmed: bool = False) -> Judgement:
    """Keep or delete, for every backup in the folder."""
    groups = Groups(situation.plans)
    facts = [
        facts_of(
            row,
            group=groups.of(plan_note_of(row)),
            # Its data takes room elsewhere.
            size=0 if row.state == Backup.State.OFFLOADED else row.bytes,
        )
        for row in situation.rows.values()
    ]
    return decide(
        facts,
        groups.rules,
        now=situation.now,
        paused=groups.paused(situation.failed, situation.odd),
        spared=dict.fromkeys(situation.used, Reason.IN_USE),
        confirmed=confirmed,
    )
