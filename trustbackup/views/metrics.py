"""The figures of a site in the text format of Prometheus; needs prometheus_client.

Nothing is counted in this process: every figure comes from the index, so that each of a site's
processes gives the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

import trustbackup
from trustbackup.operations.health import Level
from trustbackup.operations.monitoring import SiteFigures

LEVELS = {Level.GOOD: 0, Level.WARN: 1, Level.BAD: 2}
Rows = Iterable[tuple[tuple[str, ...], float | None]]


def render(figures: SiteFigures, accept: str) -> tuple[bytes, str]:
    """The body and its content type, in the format that the ``Accept`` header prefers."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(figures))
    encode, kind = choose_encoder(accept)
    return encode(registry), kind


class _Figures(Collector):
    """Hands out what was read before."""

    def __init__(self, figures: SiteFigures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        yield from _of_site(self._figures)
        yield from _of_plans(self._figures)
        yield from _of_destinations(self._figures)


def _gauge(name: str, text: str, labels: tuple[str, ...], rows: Rows) -> GaugeMetricFamily:
    """One figure by its labels; where it is not known there is no line."""
    family = GaugeMetricFamily(f"trustbackup_{name}", text, labels=labels)
    for values, figure in rows:
        if figure is not None:
            family.add_metric(values, float(figure))
    return family


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _of_site(figures: SiteFigures) -> Iterator[Metric]:
    def one(name: str, text: str, figure: float | None) -> GaugeMetricFamily:
        return _gauge(name, text, (), [((), figure)])

    yield _gauge(
        "info",
        "Which version of trustbackup this is.",
        ("version",),
        [((trustbackup.__version__,), 1)],
    )
    yield one(
        "health", "Is the site safe: 0 is good, 1 a warning, 2 bad.", LEVELS[figures.health.level]
    )
    yield _gauge(
        "overdue",
        "1 for each thing that should have happened and did not.",
        ("kind", "subject"),
        [((item.kind, item.subject), 1) for item in figures.watch.overdue],
    )
    yield _gauge(
        "backups",
        "Backups by their state.",
        ("state",),
        [((state,), count) for state, count in figures.backups.items()],
    )
    yield one("backups_bytes", "Bytes of all backups in the backup folder.", figures.bytes)
    yield one("folder_free_bytes", "Bytes free on the backup folder's disk.", figures.free_bytes)
    full_in = figures.full_in
    yield one(
        "folder_full_in_seconds",
        "Until that disk is full, if it goes on like this.",
        full_in.total_seconds() if full_in is not None else None,
    )
    yield one(
        "recovery_sheet_printed_timestamp_seconds",
        "When the recovery sheet was last printed.",
        _seconds(figures.sheet_printed),
    )


def _of_plans(figures: SiteFigures) -> Iterator[Metric]:
    plans = figures.plans

    def each(name: str, text: str, figures_of_plans: Iterable[float | None]) -> GaugeMetricFamily:
        rows = zip(((plan.name,) for plan in plans), figures_of_plans, strict=True)
        return _gauge(name, text, ("plan",), rows)

    yield each("plan_enabled", "Whether a plan is switched on.", (plan.enabled for plan in plans))
    yield each("plan_late", "Whether its backup is late.", (plan.late for plan in plans))
    yield each(
        "plan_next_due_timestamp_seconds",
        "When its next backup is due.",
        (_seconds(plan.next_due) for plan in plans),
    )
    yield each(
        "last_backup_timestamp_seconds",
        "When its newest whole backup was made; without a plan, by hand.",
        (_seconds(plan.newest) for plan in plans),
    )
    made = [plan if plan.newest else None for plan in plans]
    yield each(
        "last_backup_bytes", "Bytes of that one.", (plan.bytes if plan else None for plan in made)
    )
    yield each(
        "last_backup_duration_seconds",
        "How long it took to make.",
        (plan.seconds if plan else None for plan in made),
    )
    yield each(
        "last_backup_rows",
        "Rows of all tables in it.",
        (plan.rows if plan else None for plan in made),
    )
    yield each(
        "last_proof_timestamp_seconds",
        "When a backup of it was last proven to restore.",
        (_seconds(plan.proven) for plan in plans),
    )
    yield each(
        "recovery_duration_seconds",
        "How long that restore took.",
        (plan.recovery_seconds for plan in plans),
    )


def _of_destinations(figures: SiteFigures) -> Iterator[Metric]:
    places = figures.destinations
    label = ("destination",)
    yield _gauge(
        "copies",
        "Copies by their state.",
        ("destination", "state"),
        [((place.name, state), count) for place in places for state, count in place.copies.items()],
    )
    yield _gauge(
        "destination_failing",
        "Whether its last use failed.",
        label,
        [((place.name,), place.failing) for place in places],
    )
    yield _gauge(
        "destination_newest_copy_timestamp_seconds",
        "When the newest backup that is there was made.",
        label,
        [((place.name,), _seconds(place.newest_copy)) for place in places],
    )
    yield _gauge(
        "destination_free_bytes",
        "Bytes free there, when it was last tested.",
        label,
        [((place.name,), place.free_bytes) for place in places],
    )
