"""A scrub as a run: what it read counts against the day's budget, whatever ends it."""

from __future__ import annotations

from datetime import UTC, datetime

from trustbackup.operations.offsite.scrub import ScrubbedCopy, ScrubResult, scrub_copies
from trustbackup.operations.progress import Reporter
from trustbackup.phrases import gettext as _
from trustbackup.phrases import joined
from trustbackup.runs.recorder import RunRecorder

_SHOWN = 100
"""Copies that a run's outcome names."""


def run_scrub(recorder: RunRecorder, report: Reporter) -> ScrubResult:
    """Read what is due, and note each copy as it was read. Raises Cancelled, DatabaseError.

    A copy that is not good makes the run partial, as does a destination that is away.
    """
    outcome = recorder.outcome
    outcome.update(bytes=0, copies=0, problems=[], unread=[])
    lists = {"problems": outcome["problems"], "unread": outcome["unread"]}

    def note(copy: ScrubbedCopy) -> None:
        outcome["bytes"] += copy.bytes
        outcome["copies"] += not copy.error
        for name, sentences in (("problems", copy.problems), ("unread", (copy.error,))):
            for sentence in filter(None, sentences):
                if len(lists[name]) < _SHOWN:
                    where = copy.place or _("the backup folder")
                    lists[name].append(joined([copy.id, where, sentence], ": "))

    result = scrub_copies(datetime.now(UTC), report, on_copy=note)
    recorder.partial = joined([*outcome["problems"], *outcome["unread"]])
    return result
