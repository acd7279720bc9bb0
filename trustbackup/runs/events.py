"""Which event a run is: when it begins, and by how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trustbackup.events import Event, EventKind, RunDetail, emit
from trustbackup.models import Run
from trustbackup.phrases import Phrase, joined
from trustbackup.phrases import gettext as _

_LOG_END = 2000
"""Characters of a log's end that go along."""

SUCCEEDED = {
    "create": _("Backup %(target)s was made."),
    "copy": _("Copied: %(target)s."),
    "sync": _("Backups were synchronised with %(target)s."),
    "fetch": _("Brought back: %(target)s."),
    "upload": _("Taken over: %(target)s."),
    "verify": _("Passed its check: %(target)s."),
    "verify_copy": _("The copy passed its check: %(target)s."),
    "drill": _("Proven by a drill: %(target)s."),
    "restore": _("The site was restored from backup %(target)s."),
    "undo": _("Restore %(target)s was undone."),
    "delete": _("Deleted: %(target)s."),
    "prune": _("Old backups were cleaned up (%(target)s)."),
    "scrub": _("Copies were read again."),
}
FAILED = {
    "create": _("The backup failed."),
    "copy": _("Copying failed: %(target)s."),
    "sync": _("Synchronising with %(target)s failed."),
    "fetch": _("Bringing back failed: %(target)s."),
    "upload": _("An upload was not taken over."),
    "verify": _("The check failed: %(target)s."),
    "verify_copy": _("The check of a copy failed: %(target)s."),
    "drill": _("The drill failed: %(target)s."),
    "restore": _("The restore of backup %(target)s failed."),
    "undo": _("The undo of restore %(target)s failed."),
    "delete": _("Deleting failed: %(target)s."),
    "prune": _("The clean-up of old backups failed."),
    "scrub": _("Reading copies again failed."),
}
"""The actions that are told of, and their sentences; of others nobody hears."""
_NOT_WHOLE = _("%(sentence)s Not all of it went well.")
_PROOFS = ("verify", "verify_copy", "drill", "scrub")


def emit_start(run: Run, plan: str = "") -> None:
    """Tell that a run begins."""
    if run.action in FAILED:
        sentence = _("A run begins: %(run)s.", run=str(run))
        _emit(run, EventKind.STARTED, sentence, plan)


def emit_end(run: Run, plan: str = "") -> None:
    """Tell how a run ended; of one that somebody cancelled nobody hears."""
    if run.action not in FAILED or run.state == Run.State.CANCELLED:
        return
    kind = _kind_of(run)
    if kind is EventKind.SUCCESS and run.outcome.get("unchanged"):
        sentence = _("Nothing changed since backup %(target)s: none was made.", target=run.target)
    elif kind is EventKind.SUCCESS:
        sentence = _about(SUCCEEDED, run)
    elif run.state == Run.State.PARTIAL:
        sentence = _with_reason(_(_NOT_WHOLE, sentence=_about(SUCCEEDED, run)), run.error)
    else:
        sentence = _with_reason(_about(FAILED, run), run.error or _problems(run.outcome))
    _emit(run, kind, sentence, plan)


def _kind_of(run: Run) -> EventKind:
    outcome = run.outcome
    if run.action in _PROOFS and (outcome.get("problems") or outcome.get("ok") is False):
        return EventKind.PROOF_FAILED
    if run.state == Run.State.SUCCEEDED:
        return EventKind.SUCCESS
    if run.action == "prune":
        return EventKind.PRUNING_FAILED
    return EventKind.PARTIAL if run.state == Run.State.PARTIAL else EventKind.FAILURE


def _about(sentences: Mapping[str, Phrase], run: Run) -> Phrase:
    return _(sentences[run.action], target=run.target)


def _with_reason(sentence: Phrase, why: str) -> Phrase:
    return joined([sentence, why]) if why else sentence


def _problems(outcome: Mapping[str, Any]) -> str:
    problems = [text for text in outcome.get("problems", ()) if isinstance(text, str)]
    return joined(problems) if problems else ""


def _emit(run: Run, kind: EventKind, sentence: Phrase, plan: str) -> None:
    end = run.finished or run.started
    detail = RunDetail(
        action=run.action,
        run=str(run.id),
        state=str(run.state),
        actor=run.actor,
        host=run.host,
        seconds=(end - run.started).total_seconds(),
        error=str(run.error),
        log=run.log[-_LOG_END:],
        outcome=run.outcome,
    )
    when = "start" if kind is EventKind.STARTED else "end"
    emit(
        Event(
            kind=kind,
            sentence=sentence,
            key=f"run:{run.id}:{when}",
            plan=plan,
            subject=run.target,
            at=end,
            detail=detail,
        )
    )
