"""What a page says of a notification: who hears of what, and how its last message fared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import OuterRef, Subquery
from django.utils.functional import Promise
from django.views.decorators.debug import sensitive_variables

from trustbackup.events import SELECTABLE
from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Delivery
from trustbackup.models.notification import KIND_LABELS
from trustbackup.notifications.channels.registry import CHANNELS
from trustbackup.notifications.routes import ROW, SETTINGS, RouteSpec
from trustbackup.operations.plans.spec import read_plans
from trustbackup.views.labels import run_title


@dataclass(frozen=True, kw_only=True)
class RouteSummary:
    """One notification as a list shows it."""

    spec: RouteSpec
    address: str
    """Where its messages go, without secrets; "" when it can't be used."""
    problem: str
    """Why it can't be used, as a phrase."""
    last: Delivery | None
    """The newest message that somebody has tried to send."""
    plans: Sequence[tuple[str, bool]]
    """The plans that it is for, and whether each is there; () is all of them."""

    @property
    def is_fixed(self) -> bool:
        """It stands in no row, so that no page can change it."""
        return self.spec.source != ROW

    @property
    def is_from_settings(self) -> bool:
        return self.spec.source == SETTINGS

    @property
    def channel(self) -> str | Promise:
        found = CHANNELS.get(self.spec.channel)
        return found.label if found else self.spec.channel

    @property
    def events(self) -> list[str | Promise]:
        """The kinds of events that it hears of; [] when it is all of them."""
        chosen = [kind for kind in SELECTABLE if kind in self.spec.events]
        return [] if len(chosen) == len(SELECTABLE) else [KIND_LABELS[kind] for kind in chosen]

    @property
    def actions(self) -> list[str]:
        return [run_title(action) for action in self.spec.actions]

    @property
    def is_failing(self) -> bool:
        """Its last message was not sent: it was given up, or is tried again."""
        return self.last is not None and bool(self.last.problem)


def summarise(specs: Sequence[RouteSpec]) -> list[RouteSummary]:
    """All of them, with as many queries as one takes."""
    last = _last_messages(spec.name for spec in specs)
    plans = read_plans()
    known = {*plans.problems, *(plan.name for plan in plans.specs)}
    return [_summary(spec, last.get(spec.name), known) for spec in specs]


@sensitive_variables()
def _summary(spec: RouteSpec, last: Delivery | None, known: set[str]) -> RouteSummary:
    address, problem = "", ""
    try:
        address = spec.open().address
    except TrustbackupError as error:
        problem = error.args[0]
    return RouteSummary(
        spec=spec,
        address=address,
        problem=problem,
        last=last,
        plans=[(name, name in known) for name in spec.plans],
    )


def _last_messages(names: Iterable[str]) -> dict[str, Delivery]:
    newest = Delivery.objects.filter(route=OuterRef("route"), tries__gt=0).order_by("-at", "-pk")
    found = Delivery.objects.filter(route__in=list(names), pk=Subquery(newest.values("pk")[:1]))
    return {message.route: message for message in found.order_by()}
