"""What the pages show of a plan: what it holds, when it runs next, how its last run ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import OuterRef, Subquery

from trustbackup.models import Destination, Run
from trustbackup.operations.plans.spec import PlanSpec, Source
from trustbackup.views.plans.rules import drills, keeps
from trustbackup.views.plans.spoken import due_words, spoken


@dataclass(frozen=True, kw_only=True)
class PlanSummary:
    """One plan as a list shows it."""

    spec: PlanSpec
    schedule: str
    due: datetime | None
    """When it runs next; None while it is off, or runs by hand alone."""
    due_words: str
    last: Run | None
    """The run of it that started last."""
    destinations: Sequence[tuple[str, bool]]
    """The names of the places that get a copy, and whether each is there."""

    @property
    def is_fixed(self) -> bool:
        """It stands in the settings, where no page can change it."""
        return self.spec.source is Source.SETTINGS

    @property
    def keeps(self) -> str:
        return keeps(self.spec.retention)

    @property
    def keeps_at(self) -> list[tuple[str, str]]:
        """The destinations where other rules hold, and those."""
        return [(name, keeps(rules)) for name, rules in self.spec.destination_retention.items()]

    @property
    def drills(self) -> str:
        return drills(self.spec.drill)

    @property
    def zone(self) -> str:
        return self.spec.schedule.zone if self.spec.schedule else ""


def summarise(specs: Sequence[PlanSpec], now: datetime) -> list[PlanSummary]:
    """All of them, with two queries."""
    last = _last_runs(spec.name for spec in specs)
    places = dict(Destination.objects.values_list("name", "automatic"))
    return [_summary(spec, last.get(spec.name), places, now) for spec in specs]


def _summary(
    spec: PlanSpec, last: Run | None, places: dict[str, bool], now: datetime
) -> PlanSummary:
    due = spec.schedule.next_after(now) if spec.schedule and spec.enabled else None
    names = [*(name for name, automatic in places.items() if automatic), *spec.destinations]
    return PlanSummary(
        spec=spec,
        schedule=spoken(spec.schedule),
        due=due,
        due_words=due_words(due, spec.schedule.zone) if due and spec.schedule else "",
        last=last,
        destinations=[(name, name in places) for name in sorted(set(names))],
    )


def _last_runs(names: Iterable[str]) -> dict[str, Run]:
    newest = Run.objects.filter(plan=OuterRef("plan")).order_by("-started", "-pk")
    found = Run.objects.filter(plan__in=list(names), pk=Subquery(newest.values("pk")[:1]))
    return {run.plan: run for run in found.order_by()}
