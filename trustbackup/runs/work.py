"""What each action does when a run is executed: one operation, its options from the run's row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trustbackup.exceptions import TrustbackupError, UsageError
from trustbackup.notifications.tryout import try_route_as_asked
from trustbackup.operations.context import Context
from trustbackup.operations.offsite.connection_test import try_as_asked
from trustbackup.operations.offsite.copy import CopyResult, copy_backup
from trustbackup.operations.offsite.hydrate import hydrate, local_data
from trustbackup.operations.offsite.targets import (
    find_destination,
)
from trustbackup.operations.offsite.verify import verify_at, verify_backup
from trustbackup.operations.progress import Progress, Reporter
from trustbackup.operations.restore.choice import parse_strategy
from trustbackup.operations.restore.drill import drill_backup
from trustbackup.operations.restore.full_plan import plan_full_restore
from trustbackup.operations.restore.media_plan import MediaRequest, plan_media_restore
from trustbackup.operations.restore.media_restore import restore_media
from trustbackup.operations.restore.plan import RestoreRequest
from trustbackup.operations.restore.restore import restore_backup
from trustbackup.operations.restore.undo import find_undoable, undo_restore
from trustbackup.operations.transfer.adopt import adopt_handed_over
from trustbackup.phrases import gettext as _
from trustbackup.phrases import joined
from trustbackup.runs.app_work import app_of, restore_app_as_asked
from trustbackup.runs.create_work import create_and_copy, evict_after, note_copies
from trustbackup.runs.delivery import send_within
from trustbackup.runs.files_work import restore_files_as_asked
from trustbackup.runs.key_work import prove_as_asked
from trustbackup.runs.lock import MEDIA_LOCK, only_run
from trustbackup.runs.plan_work import run_plan
from trustbackup.runs.pruning import prune_and_note
from trustbackup.runs.recorder import RunRecorder, note_environment, noting
from trustbackup.runs.scrub import run_scrub
from trustbackup.runs.sync_work import sync_as_asked

_NOTIFY_FOR = 400.0
"""Seconds that a run of its own waits for a message's next tries: the first three."""
Options = dict[str, Any]
Work = Callable[[RunRecorder, Options, Reporter], None]


def _create(recorder: RunRecorder, options: Options, report: Reporter) -> None:
    if "plan" in options:
        run_plan(recorder, options["plan"], report)
    else:
        asked = {**options, "app": app_of(options)}
        create_and_copy(recorder, report, **asked, trigger="page")


def _copy(recorder: RunRecorder, options: Options, report: Reporter) -> None:
    copies: list[CopyResult] = []
    refs = [find_destination(name) for name in options["to"]]
    for backup in options["backups"]:
        copies += copy_backup(backup, refs, report)
    note_copies(recorder, copies)
    evict_after(recorder, refs, copies, report)
    if copies and all(copied.error for copied in copies):
        raise TrustbackupError(copies[0].error)


def _verify(recorder: RunRecorder, options: Options, report: Reporter) -> None:
    _each(recorder, options["backups"], lambda each: verify_backup(each, report).problems)


def _verify_copy(recorder: RunRecorder, options: Options, report: Reporter) -> None:
    ref = find_destination(options["at"])
    recorder.outcome["checked"] = options["backups"][0]

    def check(backup: str) -> tuple[str, ...]:
        return tuple(
            problem for each in verify_at(ref, [backup], report) for problem in each.problems
        )

    _each(recorder, options["backups"], check)


def _fetch(recorder: RunRecorder, options: Options, report: Reporter) -> None:
    recorder.outcome["fetched"] = [hydrate(backup, report) for backup in options["backups"]]


def _drill(recorder: RunRecorder, options: Options, report: Reporter) -> None:
    def check(backup: str) -> tuple[str, ...]:
        try:
            return drill_backup(backup, report=report).problems
        except UsageError as error:  # of what can't be drilled, which stops no other
            return (str(error),)

    _each(recorder, options["backups"], check)


def _each(
    recorder: RunRecorder, backups: list[str], check: Callable[[str], tuple[str, ...]]
) -> None:
    """Check all of them; what is wrong with one stops no other."""
    problems = []
    for backup in backups:
        problems += [joined([backup, problem], ": ") for problem in check(backup)]
    recorder.outcome.update(backups=len(backups), problems=problems)
    if problems:
        raise TrustbackupError(joined(problems))


def _scrub(recorder: RunRecorder, _options: Options, report: Reporter) -> None:
    run_scrub(recorder, report)


def _prune(recorder: RunRecorder, options: Options, report: Reporter) -> None:
    prune_and_note(recorder, report, confirmed=options.get("confirmed") is True)


def _restore(recorder: RunRecorder, options: Options, report: Reporter) -> None:
    if "mode" in options:
        restore_app_as_asked(recorder, options, report)
        return
    if not options.get("databases", True):
        _restore_files(recorder, options, report)
        return
    strategy = parse_strategy(options["strategy"])
    request = RestoreRequest(
        strategy=strategy,
        migrate=options["migrate"],
        databases=tuple(options.get("aliases", ())),
        environment=options.get("environment", ""),
    )
    with local_data(options["backup"], report) as reference:
        plan = plan_full_restore(
            reference, request, report, count=False, files=options.get("files", False)
        )
        busy = [MEDIA_LOCK] if plan.files else []
        with only_run([*(part.alias for part in plan.databases.parts), *busy], wait=False):
            recorder.outcome["warnings"] = list(plan.warnings)
            note_environment(recorder, request.environment)
            restore_backup(
                plan.databases,
                report,
                files=plan.files,
                session=options.get("session", ""),
                on_database=noting(recorder),
            )


def _restore_files(recorder: RunRecorder, options: Options, report: Reporter) -> None:
    if "path" in options:
        restore_files_as_asked(recorder, options, report)
        return
    with local_data(options["backup"], report) as reference:
        request = MediaRequest(
            parts=tuple(options.get("folders", ())), environment=options.get("environment", "")
        )
        plan = plan_media_restore(reference, request, report, count=False)
        recorder.outcome["warnings"] = list(plan.warnings)
        note_environment(recorder, request.environment)
        with only_run([MEDIA_LOCK], wait=False):
            restore_media(plan, report, on_folder=noting(recorder))


def _undo(recorder: RunRecorder, options: Options, report: Reporter) -> None:
    entries = find_undoable(Context.current(), options["restore"])
    with only_run([entry.alias for entry in entries], wait=False):
        undo_restore(
            options["restore"],
            report,
            session=options.get("session", ""),
            on_database=noting(recorder),
        )


def _upload(recorder: RunRecorder, options: Options, report: Reporter) -> None:
    adopted = adopt_handed_over(options["upload"], report)
    recorder.target = ", ".join(item.id for item in adopted)[:200]
    recorder.outcome["backups"] = [item.id for item in adopted][:100]


def _test(recorder: RunRecorder, options: Options, report: Reporter) -> None:
    result = try_as_asked(options, report)
    recorder.outcome.update(result.as_outcome())
    if not result.ok:
        raise TrustbackupError(result.problem)


def _notify(recorder: RunRecorder, _options: Options, report: Reporter) -> None:
    result = send_within(_NOTIFY_FOR, lambda: report(Progress(stage="sending messages")))
    recorder.outcome.update(sent=result.sent, failed=result.failed)


def _test_route(recorder: RunRecorder, options: Options, report: Reporter) -> None:
    report(Progress(stage="sending messages"))
    recorder.outcome["address"] = try_route_as_asked(options)


ACTIONS: dict[str, Work] = {
    "create": _create,
    "copy": _copy,
    "fetch": _fetch,
    "verify": _verify,
    "verify_copy": _verify_copy,
    "drill": _drill,
    "prove key": prove_as_asked,
    "restore": _restore,
    "undo": _undo,
    "upload": _upload,
    "scrub": _scrub,
    "sync": sync_as_asked,
    "prune": _prune,
    "test destination": _test,
    "notify": _notify,
    "test notification": _test_route,
}


def work_of(action: str) -> Work:
    """Raises UsageError for an unknown action."""
    try:
        return ACTIONS[action]
    except KeyError:
        raise UsageError(
            _("There is no action %(name)r", name=action), todo=_("Update trustbackup.")
        ) from None
