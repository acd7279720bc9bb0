"""What a run of a plan does: its backup, or its share of one that another plan has just made."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trustbackup.contents.app_data.formats import FixtureOptions
from trustbackup.exceptions import TrustbackupError
from trustbackup.models import PlanDue, Run
from trustbackup.operations.backup.app_data import AppRequest, database_of
from trustbackup.operations.backup.create import create_backup
from trustbackup.operations.backup.full import FULL
from trustbackup.operations.backup.kinds import aliases_of
from trustbackup.operations.backup.media import MEDIA_KIND, what_is_amiss
from trustbackup.operations.backup.share import share_backup
from trustbackup.operations.backup.unchanged import Unchanged, refuse_unchanged
from trustbackup.operations.context import Context
from trustbackup.operations.offsite.targets import (
    DestinationRef,
    all_destinations,
    find_destination,
)
from trustbackup.operations.plans.spec import PlanSpec, find_plan
from trustbackup.operations.progress import Reporter
from trustbackup.operations.restore.own_tables import app_tables
from trustbackup.phrases import joined
from trustbackup.runs.create_work import copy_and_evict
from trustbackup.runs.lock import MEDIA_LOCK, only_run
from trustbackup.runs.pruning import finish_backup
from trustbackup.runs.recorder import RunRecorder, save
from trustbackup.store.age import read_recipients
from trustbackup.store.manifest import Manifest
from trustbackup.store.plan_note import PlanNote

logger = logging.getLogger(__name__)


def run_plan(recorder: RunRecorder, name: str, report: Reporter) -> None:
    """Make the backup of the plan of this name, and bring it where it belongs.

    A destination that is gone, or that a copy does not reach, makes the run partial. Raises
    UsageError for a plan that is gone, ConfigurationError for one that can't be followed, and
    what ``create_backup`` does.
    """
    spec = find_plan(name)
    aliases = _aliases(spec)
    refs, gone = _destinations(spec)
    try:
        busy = [MEDIA_LOCK] if spec.kind in (MEDIA_KIND, FULL) else []
        with only_run([*aliases, *busy], report):
            manifest = _share(recorder, spec, report) or _create(spec, aliases, report)
            _tell(recorder.run, manifest)
    except Unchanged as unchanged:
        recorder.target = recorder.outcome["unchanged"] = unchanged.before.id
        recorder.partial = joined(gone)
        return
    copy_and_evict(recorder, manifest, refs, report)
    amiss = what_is_amiss(manifest)
    recorder.partial = joined(filter(None, [*gone, *amiss, recorder.partial]))
    finish_backup(recorder, manifest, report)


def what_came_of(target: str, outcome: Mapping[str, Any]) -> str:
    """What a plan's run that went well has to say, for a terminal."""
    if outcome.get("unchanged"):
        return f"nothing changed since backup {target}, so that none was made."
    return f"backup {target} is made."


def _create(spec: PlanSpec, aliases: Sequence[str], report: Reporter) -> Manifest:
    """Raises Unchanged."""
    skipping: dict[str, Any] = {}
    if spec.skip_unchanged:
        look = refuse_unchanged(spec.name, frozenset(app_tables()))
        skipping = {"compare": True, "look": look}
    return create_backup(
        kind=spec.kind,
        databases=aliases,
        compression=spec.compression,
        encrypt_to=spec.encrypt_to,
        excluded=spec.excluded,
        incremental=spec.incremental,
        app=AppRequest(label=spec.app, options=FixtureOptions()) if spec.app else None,
        trigger="plan",
        plan=note_of(spec),
        report=report,
        **skipping,
    )


def _aliases(spec: PlanSpec) -> list[str]:
    """The databases that it reads. Raises UsageError."""
    if spec.app:
        return [database_of(spec.app, spec.databases)]
    return list(aliases_of(spec.kind, spec.databases))


def note_of(spec: PlanSpec) -> PlanNote:
    """What the manifest says of a plan."""
    return PlanNote(
        name=spec.name,
        zone=spec.schedule.zone if spec.schedule else "",
        retention=spec.retention.as_dict() if spec.retention else None,
        destination_retention={
            name: policy.as_dict() for name, policy in spec.destination_retention.items()
        },
    )


def _destinations(spec: PlanSpec) -> tuple[list[DestinationRef], list[str]]:
    """Where its copies go, and a sentence for each place that is not there any more."""
    refs = {ref.name: ref for ref in all_destinations(automatic_only=True)}
    gone = []
    for name in spec.destinations:
        try:
            ref = find_destination(name)
            refs[ref.name] = ref
        except TrustbackupError as error:
            gone.append(str(error))
    return list(refs.values()), gone


def _tell(run: Run, manifest: Manifest) -> None:
    """At once: a plan that was due together with this one may be waiting for its dump."""
    run.target = manifest.id
    save(lambda using: Run.objects.using(using).filter(pk=run.pk).update(target=manifest.id))


def _share(recorder: RunRecorder, spec: PlanSpec, report: Reporter) -> Manifest | None:
    """A backup of what another plan, due at the same time and asking for the same, has dumped."""
    for run in _made_together(recorder.run):
        try:
            if _asks_for(find_plan(run.plan)) == _asks_for(spec):
                manifest = share_backup(run.target, plan=note_of(spec), report=report)
                recorder.outcome["shared"] = run.target
                return manifest
        except TrustbackupError as error:
            logger.info("The dump of plan %s can't be shared: %s", run.plan, error)
    return None


def _made_together(run: Run) -> Iterable[Run]:
    """Runs of other plans that were taken on together with this one, and have a backup."""
    taken = PlanDue.objects.filter(run=run.pk).values("at")
    others = PlanDue.objects.filter(at__in=taken).exclude(run=run.pk).exclude(run=None)
    return Run.objects.filter(pk__in=others.values("run")).exclude(target="").order_by("started")


def _asks_for(spec: PlanSpec) -> tuple[object, ...]:
    site = Context.current().settings
    return (
        spec.kind,
        _aliases(spec),
        spec.app,
        spec.incremental,
        frozenset(spec.excluded),
        spec.compression or site.compression,
        read_recipients(spec.encrypt_to),
        spec.skip_unchanged,
    )
