"""What each verb does when a run is carried: one operation, its options from the run's row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from trustbackup.exceptions import TrustbackupError, UsageError
from trustbackup.operations.create import create_backup
from trustbackup.operations.drill import drill_backup
from trustbackup.operations.plan import RestoreRequest, plan_restore
from trustbackup.operations.restore import restore_backup
from trustbackup.operations.site import Reporter
from trustbackup.operations.undo import undo_restore
from trustbackup.operations.verify import verify_backup
from trustbackup.runs.life import Life

Options = dict[str, Any]
Work = Callable[[Life, Options, Reporter], None]


def _create(life: Life, options: Options, report: Reporter) -> None:
    manifest = create_backup(**options, trigger="page", report=report)
    life.target = manifest.id
    life.outcome.update(bytes=manifest.bytes, backup=manifest.id)


def _verify(life: Life, options: Options, report: Reporter) -> None:
    _each(life, options["backups"], lambda each: verify_backup(each, report).problems)


def _drill(life: Life, options: Options, report: Reporter) -> None:
    _each(life, options["backups"], lambda each: drill_backup(each, report=report).problems)


def _each(life: Life, backups: list[str], check: Callable[[str], tuple[str, ...]]) -> None:
    """Check all of them; what is wrong with one stops no other."""
    problems = []
    for backup in backups:
        problems += [f"{backup}: {problem}" for problem in check(backup)]
    life.outcome.update(backups=len(backups), problems=problems)
    if problems:
        raise TrustbackupError(" ".join(problems))


def _restore(life: Life, options: Options, report: Reporter) -> None:
    request = RestoreRequest(strategy=options["strategy"], migrate=options["migrate"])
    plan = plan_restore(options["backup"], request, report, count=False)
    done = restore_backup(plan, report)
    life.outcome["warnings"] = list(plan.warnings)
    life.outcome["databases"] = [asdict(item) for item in done.databases]


def _undo(life: Life, options: Options, report: Reporter) -> None:
    life.outcome["databases"] = [asdict(undo_restore(options["restore"], report))]


VERBS: dict[str, Work] = {
    "create": _create,
    "verify": _verify,
    "drill": _drill,
    "restore": _restore,
    "undo": _undo,
}


def work_of(verb: str) -> Work:
    """Raises UsageError for an unknown verb."""
    try:
        return VERBS[verb]
    except KeyError:
        raise UsageError(f"There is no verb {verb!r}", todo="Update trustbackup.") from None
