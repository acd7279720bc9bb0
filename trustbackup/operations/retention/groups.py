"""Which rules each backup follows: its plan's, or those that it was made with."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import UTC, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from trustbackup.operations.plans.spec import Plans, PlanSpec, default_zone
from trustbackup.policy.retention import RetentionPolicy
from trustbackup.policy.retention.decide import Rules
from trustbackup.policy.retention.reasons import Reason
from trustbackup.store.plan_note import PlanNote


class Groups:
    """The groups of backups in one place, and the rules of each.

    A plan that is there decides by its present rules, be it switched off. A backup whose plan is
    gone, or has another name now, follows the rules that it was made with, by the site's clock. A
    plan that can't be read deletes nothing, and neither does one without rules.
    """

    def __init__(self, plans: Plans, destination: str = "") -> None:
        """``destination`` is the name of the place; "" for the backup folder."""
        self.rules: dict[str, Rules] = {}
        self._specs = {spec.name: spec for spec in plans.specs}
        self._problems = plans.problems
        self._destination = destination
        self._plans: dict[str, str] = {}
        self._known: dict[tuple[str, str], str] = {}

    def of(self, note: PlanNote | None) -> str:
        """The group of a backup whose manifest says this of its plan; "" where no rules are."""
        if note is None or note.name in self._problems:
            return ""
        spec = self._specs.get(note.name)
        if spec:
            made_with = ""
        else:
            rules = note.destination_retention.get(self._destination, note.retention)
            made_with = json.dumps([note.zone, rules], sort_keys=True)
        key = (note.name, made_with)
        if key not in self._known:
            self._known[key] = self._add(note, made_with, spec)
        return self._known[key]

    def paused(self, failed: Collection[str], odd: Collection[str]) -> dict[str, Reason]:
        """The groups that may not shrink now, by the names of the plans."""
        reasons = {**dict.fromkeys(failed, Reason.FAILED), **dict.fromkeys(odd, Reason.ANOMALY)}
        return {group: reasons[plan] for group, plan in self._plans.items() if plan in reasons}

    def _add(self, note: PlanNote, made_with: str, spec: PlanSpec | None) -> str:
        if spec:
            policy = spec.destination_retention.get(self._destination, spec.retention)
            zone = spec.schedule.zone if spec.schedule else ""
        else:
            policy = _read(note.destination_retention.get(self._destination, note.retention))
            zone = note.zone
        if policy is None:
            return ""
        group = f"{note.name} {made_with}".strip()
        self.rules[group] = Rules(policy=policy, zone=_zone(zone))
        self._plans[group] = note.name
        return group


def _zone(name: str) -> tzinfo:
    """The site's where a plan has none, or one that this machine does not know."""
    try:
        return ZoneInfo(name or default_zone())
    except (KeyError, ValueError, OSError):
        return UTC


def _read(retention: Mapping[str, Any] | None) -> RetentionPolicy | None:
    """What can't be read keeps all."""
    try:
        return None if retention is None else RetentionPolicy.from_dict(retention)
    except ValueError:
        return None
