"""One app's data as runs make it and put it back."""

from __future__ import annotations

from typing import Any

from trustbackup.contents.app_data.formats import FixtureOptions
from trustbackup.operations.backup.app_data import AppRequest
from trustbackup.operations.offsite.hydrate import local_data
from trustbackup.operations.progress import Reporter
from trustbackup.operations.restore.app_plan import parse_mode, plan_app_restore
from trustbackup.operations.restore.app_restore import restore_app
from trustbackup.runs.lock import only_run
from trustbackup.runs.recorder import RunRecorder, note_environment


def app_of(options: dict[str, Any]) -> AppRequest | None:
    """What a run's options say of an app; None where they are of databases."""
    if not (asked := options.get("app")):
        return None
    return AppRequest(label=asked["label"], options=FixtureOptions(format=asked["format"]))


def restore_app_as_asked(recorder: RunRecorder, options: dict[str, Any], report: Reporter) -> None:
    """As the page showed it: ``mode``, and ``outside``, how other apps' rows fare.

    Raises RestoreError, Busy; then nothing was changed.
    """
    mode = parse_mode(options["mode"])
    deleted, changed = options["outside"]
    named = options.get("environment", "")
    with local_data(options["backup"], report) as reference:
        plan = plan_app_restore(reference, mode, report, environment=named)
        recorder.outcome["warnings"] = list(plan.warnings)
        note_environment(recorder, named)
        with only_run([plan.alias], wait=False):
            done = restore_app(plan, report, shown=(deleted, changed))
    recorder.outcome["app"] = done.as_outcome()
