"""Prune: delete what no rule keeps, here and at each destination; or only say what would go."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from trustbackup.destinations.base import DestinationBackend, NotMadeYet, StillLocked
from trustbackup.exceptions import BackupNotFound, Busy, TrustbackupError
from trustbackup.operations.backup.delete import Outcome, delete_backups
from trustbackup.operations.context import Context
from trustbackup.operations.offsite.delete import ProtectedCopy, delete_copy, finish_deletes
from trustbackup.operations.offsite.remote import list_remote
from trustbackup.operations.offsite.sweep import sweep_quietly_at
from trustbackup.operations.offsite.targets import DestinationRef, all_destinations
from trustbackup.operations.plans.spec import PlanSpec
from trustbackup.operations.progress import Progress, Reporter, quiet
from trustbackup.operations.retention.here import judge_here
from trustbackup.operations.retention.situation import Situation, look
from trustbackup.operations.retention.there import judge_there
from trustbackup.phrases import gettext as _
from trustbackup.policy.retention.decide import Judgement
from trustbackup.store import journal, locks

LOCK_WAIT = 30.0
"""Seconds to wait for another prune."""
_NOTHING = Judgement(decisions=())


@dataclass(kw_only=True)
class PlacePruning:
    """What was decided in one place, and what came of it."""

    place: str = ""
    """The destination's name; "" for the backup folder."""
    judgement: Judgement = _NOTHING
    deleted: list[str] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    """Id → why it was not deleted, where that is as it should be: in use, locked, gone already."""
    failed: dict[str, str] = field(default_factory=dict)
    """Id → why deleting it failed."""
    problem: str = ""
    """Why nothing could be decided here."""

    @property
    def ok(self) -> bool:
        return not (self.failed or self.problem)


def preview_pruning(
    *, confirmed: bool = False, instead: PlanSpec | None = None
) -> list[PlacePruning]:
    """What ``prune_by_rules`` would do now, for every backup in every place; deletes nothing.

    ``instead`` is a plan as somebody wants it to be, not saved yet. Raises FolderError,
    ConfigurationError.
    """
    return _all_places(look(instead), confirmed=confirmed, report=quiet, dry_run=True)


def prune_by_rules(*, confirmed: bool = False, report: Reporter = quiet) -> list[PlacePruning]:
    """Delete by each plan's rules, in the folder first; what fails in one place stops no other.

    ``confirmed`` lets more than a quarter of a sort go at once. Raises FolderError,
    ConfigurationError, Cancelled, and Busy while another process prunes.
    """
    root = Context.current().settings.backup_dir
    journal.folder(root)
    try:
        with locks.exclusive(locks.prune_lock(root), wait=LOCK_WAIT):
            return _all_places(look(), confirmed=confirmed, report=report, dry_run=False)
    except locks.Locked:
        raise Busy(
            _("Nothing was pruned"),
            why=_("another process is pruning"),
            todo=_("Wait until that is done, then try again."),
        ) from None


def _all_places(
    situation: Situation, *, confirmed: bool, report: Reporter, dry_run: bool
) -> list[PlacePruning]:
    here = PlacePruning(judgement=judge_here(situation, confirmed=confirmed))
    if not dry_run:
        report(Progress(stage="pruning"))
        _delete_here(here)
    places = [here]
    for ref in all_destinations():
        if ref.row is None or not ref.row.options:
            continue
        report(Progress(stage=f"pruning {ref.name}"))
        there = PlacePruning(place=ref.name)
        places.append(there)
        try:
            _prune_there(situation, ref, there, confirmed=confirmed, dry_run=dry_run)
        except TrustbackupError as error:
            there.problem = str(error)
    return places


def _delete_here(here: PlacePruning) -> None:
    # Without any to delete, too: what a delete left that was killed is finished.
    for result in delete_backups(here.judgement.going):
        _sort_in(here, result.id, result.outcome, result.error)


def _sort_in(place: PlacePruning, identifier: str, outcome: Outcome, error: str) -> None:
    if outcome is Outcome.DELETED:
        place.deleted.append(identifier)
    elif outcome is Outcome.FAILED:
        place.failed[identifier] = error
    else:
        place.notes[identifier] = error


def _prune_there(
    situation: Situation,
    ref: DestinationRef,
    place: PlacePruning,
    *,
    confirmed: bool,
    dry_run: bool,
) -> None:
    with ref.open() as destination:
        try:
            there = list_remote(destination)
        except NotMadeYet:
            return
        if not dry_run:
            for identifier, refused in finish_deletes(destination, ref, there).items():
                _note_refusal(place, identifier, refused)
        place.judgement = judge_there(situation, ref, destination, there, confirmed=confirmed)
        for identifier in [] if dry_run else place.judgement.going:
            try:
                with _not_the_only_data(situation.context, ref, destination, identifier):
                    delete_copy(situation.context, destination, ref, there[identifier])
            except TrustbackupError as error:
                _note_refusal(place, identifier, error)
            else:
                place.deleted.append(identifier)
        if place.deleted:
            sweep_quietly_at(situation.context, destination, ref.name)


def _note_refusal(place: PlacePruning, identifier: str, error: TrustbackupError) -> None:
    as_it_should_be = isinstance(error, Busy | ProtectedCopy | StillLocked)
    (place.notes if as_it_should_be else place.failed)[identifier] = str(error)


@contextlib.contextmanager
def _not_the_only_data(
    context: Context, ref: DestinationRef, destination: DestinationBackend, identifier: str
) -> Iterator[None]:
    """While a copy is deleted nobody evicts the data of its backup here, trusting in that copy.

    Raises Busy while somebody does, and where it was evicted since all were looked at.
    """
    with contextlib.ExitStack() as stack:
        try:
            held = stack.enter_context(context.folder.find(identifier).in_use())
        except BackupNotFound:
            yield
            return
        offloaded = held.offloaded()
        if offloaded and {offloaded.destination, offloaded.address} & {
            ref.name,
            destination.address,
        }:
            raise Busy(
                _("The copy of %(id)s at %(name)s was not deleted", id=identifier, name=ref.name),
                why=_("its data was offloaded there a moment ago"),
                todo=_("It stays as long as the backup is listed."),
            )
        yield


def as_json(places: Sequence[PlacePruning]) -> list[dict[str, object]]:
    """Everything that was decided and done, plainly."""
    return [
        {
            "place": place.place,
            "problem": place.problem,
            "backups": [
                {
                    "id": each.id,
                    "decision": "keep" if each.keep else "delete",
                    "reasons": [str(reason) for reason in each.reasons],
                    "why": str(each.sentence),
                }
                for each in place.judgement.decisions
            ],
            "above_limit": place.judgement.above_limit,
            "deleted": place.deleted,
            "notes": [{"id": key, "note": note} for key, note in place.notes.items()],
            "failed": [{"id": key, "error": error} for key, error in place.failed.items()],
        }
        for place in places
    ]
