"""What each verb does when a run is carried: one operation, its options from the run's row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from trustbackup.exceptions import TrustbackupError, UsageError
from trustbackup.operations.copying import Copied, copy_backup
from trustbackup.operations.create import aliases_to_dump, create_backup
from trustbackup.operations.drill import drill_backup
from trustbackup.operations.dropping import drop_local
from trustbackup.operations.elsewhere import at_hand, bring_back, verify_backup
from trustbackup.operations.fetching import verify_at
from trustbackup.operations.places import Place, all_places, find_place
from trustbackup.operations.plan import RestoreRequest, plan_restore
from trustbackup.operations.restore import restore_backup
from trustbackup.operations.site import Reporter
from trustbackup.operations.undo import find_restore, undo_restore
from trustbackup.phrases import gettext as _
from trustbackup.phrases import joined
from trustbackup.runs.life import Life
from trustbackup.runs.lock import only_run
from trustbackup.store.manifest import Manifest

Options = dict[str, Any]
Work = Callable[[Life, Options, Reporter], None]


def create_and_copy(
    life: Life,
    report: Reporter,
    *,
    to: Sequence[str] = (),
    **options: Any,  # noqa: ANN401
) -> tuple[Manifest, list[Copied]]:
    """Make a backup, then bring it to these destinations and to the automatic ones.

    A copy that fails makes the run partial; the backup is there all the same. Raises what
    ``create_backup`` does, and UsageError for an unknown destination before anything is made.
    """
    places = {
        place.name: place for place in [*map(find_place, to), *all_places(automatic_only=True)]
    }
    with only_run(aliases_to_dump(options.get("databases", ())), report):
        manifest = create_backup(**options, report=report)
    life.target = manifest.id
    life.outcome.update(bytes=manifest.bytes, backup=manifest.id)
    copies = copy_backup(manifest.id, list(places.values()), report) if places else []
    _note_copies(life, copies)
    drop_after(life, list(places.values()), copies, report)
    return manifest, copies


def _note_copies(life: Life, copies: Sequence[Copied]) -> None:
    life.outcome["copies"] = [asdict(copied) for copied in copies]
    life.partial = joined(
        joined([item.destination, item.error], ": ") for item in copies if item.error
    )


def drop_after(
    life: Life,
    places: Sequence[Place],
    copies: Sequence[Copied],
    report: Reporter,
    spare: Sequence[str] = (),
) -> None:
    """Drop what ``KEEP_LOCAL`` lets go once copies arrived. Raises Cancelled."""
    arrived = {(item.id, item.destination) for item in copies if not item.error}
    life.outcome["dropped"] = drop_local(places, arrived, report, spare=spare)


def _create(life: Life, options: Options, report: Reporter) -> None:
    create_and_copy(life, report, **options, trigger="page")


def _copy(life: Life, options: Options, report: Reporter) -> None:
    copies: list[Copied] = []
    places = [find_place(name) for name in options["to"]]
    for backup in options["backups"]:
        copies += copy_backup(backup, places, report)
    _note_copies(life, copies)
    drop_after(life, places, copies, report)
    if copies and all(copied.error for copied in copies):
        raise TrustbackupError(copies[0].error)


def _verify(life: Life, options: Options, report: Reporter) -> None:
    _each(life, options["backups"], lambda each: verify_backup(each, report).problems)


def _verify_copy(life: Life, options: Options, report: Reporter) -> None:
    place = find_place(options["at"])
    life.outcome["checked"] = options["backups"][0]

    def check(backup: str) -> tuple[str, ...]:
        return tuple(
            problem for each in verify_at(place, [backup], report) for problem in each.problems
        )

    _each(life, options["backups"], check)


def _fetch(life: Life, options: Options, report: Reporter) -> None:
    life.outcome["fetched"] = [bring_back(backup, report) for backup in options["backups"]]


def _drill(life: Life, options: Options, report: Reporter) -> None:
    _each(life, options["backups"], lambda each: drill_backup(each, report=report).problems)


def _each(life: Life, backups: list[str], check: Callable[[str], tuple[str, ...]]) -> None:
    """Check all of them; what is wrong with one stops no other."""
    problems = []
    for backup in backups:
        problems += [joined([backup, problem], ": ") for problem in check(backup)]
    life.outcome.update(backups=len(backups), problems=problems)
    if problems:
        raise TrustbackupError(joined(problems))


def _restore(life: Life, options: Options, report: Reporter) -> None:
    request = RestoreRequest(strategy=options["strategy"], migrate=options["migrate"])
    with at_hand(options["backup"], report) as reference:
        plan = plan_restore(reference, request, report, count=False)
        with only_run([part.alias for part in plan.parts], wait=False):
            done = restore_backup(plan, report, session=options.get("session", ""))
    life.outcome["warnings"] = list(plan.warnings)
    life.outcome["databases"] = [asdict(item) for item in done.databases]


def _undo(life: Life, options: Options, report: Reporter) -> None:
    alias = find_restore(options["restore"]).alias
    with only_run([alias], wait=False):
        done = undo_restore(options["restore"], report, session=options.get("session", ""))
    life.outcome["databases"] = [asdict(done)]


VERBS: dict[str, Work] = {
    "create": _create,
    "copy": _copy,
    "fetch": _fetch,
    "verify": _verify,
    "verify_copy": _verify_copy,
    "drill": _drill,
    "restore": _restore,
    "undo": _undo,
}


def work_of(verb: str) -> Work:
    """Raises UsageError for an unknown verb."""
    try:
        return VERBS[verb]
    except KeyError:
        raise UsageError(
            _("There is no verb %(name)r", name=verb), todo=_("Update trustbackup.")
        ) from None
