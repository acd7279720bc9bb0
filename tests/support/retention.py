"""Backups by the facts alone, for the rules of retention."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from trustbackup.policy.protection import BackupFacts
from trustbackup.policy.retention.decide import Judgement, Rules, decide
from trustbackup.policy.retention.rules import COUNTS, RetentionPolicy

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland")
STATES: dict[str, dict[str, Any]] = {
    "good": {"checked": True},
    "proven": {"checked": True, "drilled": True},
    "unchecked": {},
    "bad": {"checked": False},
    "not restorable": {"checked": True, "drilled": False},
    "damaged": {"whole": False, "checked": True},
}


def backup(
    created: datetime,
    state: str = "good",
    *,
    number: int = 0,
    **changes: Any,
) -> BackupFacts:
    """A backup of the group "plan" that began then; ``number`` tells apart what began at once."""
    values = {"sort": "a", "group": "plan", "whole": True, "bytes": 1, **STATES[state], **changes}
    return BackupFacts(id=f"{created:%Y-%m-%d_%H-%M-%S}_{number}", created=created, **values)


def hours_ago(hours: float, state: str = "good", **changes: Any) -> BackupFacts:
    return backup(NOW - timedelta(hours=hours), state, **changes)


def judged(
    backups: list[BackupFacts],
    policy: RetentionPolicy,
    *,
    zone: tzinfo = UTC,
    now: datetime = NOW,
    confirmed: bool = True,
    **more: Any,
) -> Judgement:
    """The group "plan" by this policy, without the brake's share."""
    rules = {"plan": Rules(policy=policy, zone=zone)}
    return decide(backups, rules, now=now, confirmed=confirmed, **more)


def without(backups: list[BackupFacts], judgement: Judgement) -> list[BackupFacts]:
    """What is left when all of that is deleted."""
    going = set(judgement.going)
    return [each for each in backups if each.id not in going]


zones = st.sampled_from(ZONES).map(ZoneInfo)
policies = st.builds(
    RetentionPolicy,
    last=st.integers(1, 4),
    **{name: st.none() | st.integers(0, 6) for name in (*COUNTS[1:], "days")},
    size_limit=st.none() | st.integers(1, 30),
    enforce_size=st.booleans(),
)


_CHANGES: tuple[dict[str, Any], ...] = (
    *({}, {}, {"sort": "b"}, {"bytes": 9}, {"protected": True}, {"ours": False}),
    {"sort": "b", "protected": True, "bytes": 0},
)


def histories(*, future: bool = True) -> st.SearchStrategy[list[BackupFacts]]:
    """Backups over four years in any order: some at one instant, some protected or foreign."""
    # Near each other as well as far apart, so that they meet in hours as in years.
    minutes = st.integers(-60 if future else 0, 3_000) | st.integers(0, 2_100_000)
    one = st.tuples(
        minutes, st.integers(0, 2), st.sampled_from(sorted(STATES)), st.sampled_from(_CHANGES)
    )
    return st.lists(one, unique_by=lambda each: each[:2], max_size=25).map(
        lambda found: [
            backup(NOW - timedelta(minutes=ago), state, number=number, **changes)
            for ago, number, state, changes in found
        ]
    )
