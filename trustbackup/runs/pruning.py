"""What follows a backup: it is checked, compared with those before, and what has expired goes."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.db import DatabaseError

from trustbackup.events import Event, EventKind, emit
from trustbackup.exceptions import TrustbackupError
from trustbackup.models import Run
from trustbackup.operations.backup.anomalies import note_anomalies
from trustbackup.operations.progress import Reporter
from trustbackup.phrases import Grouped, Phrase, joined, ngettext
from trustbackup.phrases import gettext as _
from trustbackup.policy.retention.reasons import PAUSES, Reason
from trustbackup.runs.recorder import RunRecorder, record_run
from trustbackup.store.manifest import Manifest

if TYPE_CHECKING:
    from trustbackup.operations.retention.prune import PlacePruning

logger = logging.getLogger(__name__)
_LOOK_BACK = 50
"""Prunes that may have failed one after the other before what was held back is forgotten."""


def finish_backup(recorder: RunRecorder, made: Manifest, report: Reporter) -> None:
    """Check a plan's new backup, note what is odd about it, and prune: nothing goes before.

    A check that fails makes the run partial; pruning is a run of its own. Raises Cancelled.
    """
    from trustbackup.operations.offsite.verify import verify_backup

    try:
        problems = verify_backup(made.id, report).problems
    except TrustbackupError as error:
        problems = (str(error),)
    recorder.partial = joined(filter(None, [recorder.partial, *problems]))
    note_odd(recorder, made)
    # What becomes of it stands in its own run, and stops no plan.
    with contextlib.suppress(TrustbackupError):
        run = recorder.run
        with record_run("prune", made.id, actor=run.actor, address=run.address) as pruning:
            prune_and_note(pruning, report)


def note_odd(recorder: RunRecorder, made: Manifest) -> None:
    """Compare a new backup with those before it; what can't be compared is no anomaly."""
    try:
        found = [each.sentence for each in note_anomalies(made.id)]
    except TrustbackupError as error:
        logger.info("Backup %s can't be compared with those before it: %s", made.id, error)
        return
    recorder.outcome["anomalies"] = found
    if found:
        emit(
            Event(
                kind=EventKind.ANOMALY,
                sentence=_("Backup %(id)s looks odd: %(what)s", id=made.id, what=joined(found)),
                key=f"anomaly {made.id}",
                plan=made.plan.name if made.plan else "",
                subject=made.id,
                detail={"anomalies": found},
            )
        )


def prune_and_note(
    recorder: RunRecorder, report: Reporter, *, confirmed: bool = False
) -> list[PlacePruning]:
    """Prune everywhere by the plans' rules; the run's outcome and events say what became of it.

    Raises as ``prune_by_rules`` does.
    """
    from trustbackup.operations.retention.prune import prune_by_rules

    places = prune_by_rules(confirmed=confirmed, report=report)
    before = _behind_before(recorder.run)
    recorder.outcome["pruned"] = [
        {**_outcome_of(place), "behind_since": _behind_since(place, before, recorder.run.started)}
        for place in places
    ]
    recorder.partial = joined(_problems_of(places))
    for place in places:
        for what, plan, sentence in _worries(place):
            emit(
                Event(
                    kind=EventKind.PRUNING_FAILED,
                    sentence=sentence,
                    # Once a day: the same is found after each backup.
                    key=f"pruning {what} {place.place} {plan} {datetime.now(UTC):%Y-%m-%d}",
                    plan=plan,
                    subject=place.place,
                    detail=_outcome_of(place),
                )
            )
    return places


def _behind_since(place: PlacePruning, before: Mapping[str, str], now: datetime) -> str:
    """Since when, run after run, backups that have expired are held back here; "" for none."""
    known = before.get(place.place, "")
    if place.problem:
        return known  # nobody could look
    return (known or now.isoformat()) if place.judgement.held(*PAUSES) else ""


def _behind_before(run: Run) -> dict[str, str]:
    """What the prune before this one noted, by place."""
    try:
        for earlier in Run.objects.pruning(run.started).exclude(pk=run.pk)[:_LOOK_BACK]:
            if found := earlier.outcome.get("pruned"):
                return {place["place"]: place.get("behind_since", "") for place in found}
    except DatabaseError as error:
        logger.debug("What earlier runs held back can't be looked up: %s", error)
    return {}


def _outcome_of(place: PlacePruning) -> dict[str, object]:
    return {
        "place": place.place,
        "deleted": place.deleted,
        "notes": list(place.notes.values()),
        "failed": list(place.failed.values()),
        "problem": place.problem,
        "paused": {
            str(reason): len(held)
            for reason in sorted(PAUSES)
            if (held := place.judgement.held(reason))
        },
        "above_limit": place.judgement.above_limit,
    }


def _problems_of(places: list[PlacePruning]) -> list[str]:
    """A sentence for each backup that should be gone and is not, and for each place."""
    found: list[str] = []
    for place in places:
        found += place.failed.values()
        if place.problem:
            found.append(_("%(name)s was not pruned: %(why)s", name=place.place, why=place.problem))
    return found


def _worries(place: PlacePruning) -> Iterator[tuple[str, str, Phrase]]:
    """What of a place, of which plan, and the sentence that somebody should hear; what
    fails makes the run partial, which is an event already."""
    if held := len(place.judgement.held(Reason.BRAKE)):
        yield (
            "brake",
            "",
            ngettext(
                "%(number)d more backup has expired than may go at once: see prune_backups.",
                "%(number)d more backups have expired than may go at once: see prune_backups.",
                held,
            ),
        )
    for group, above in place.judgement.above_limit.items():
        plan = group.partition(" ")[0]
        sentence = _(
            "The backups of plan %(plan)s take %(above)s bytes more than its size limit.",
            plan=plan,
            above=Grouped(above),
        )
        yield "size", plan, sentence
