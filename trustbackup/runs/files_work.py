"""Put single files of a backup back, as a run's row or the command line asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from trustbackup.contents.media.browse import path_from_text
from trustbackup.operations.offsite.hydrate import local_data
from trustbackup.operations.progress import Reporter
from trustbackup.operations.restore.media_files import (
    FilesResult,
    Overwrite,
    parse_overwrite,
    restore_files,
)
from trustbackup.operations.restore.media_plan import (
    MediaPlan,
    MediaRequest,
    plan_media_restore,
)
from trustbackup.phrases import joined
from trustbackup.runs.lock import MEDIA_LOCK, only_run
from trustbackup.runs.recorder import RunRecorder, note_environment


def restore_files_as_asked(
    recorder: RunRecorder, options: dict[str, Any], report: Reporter
) -> None:
    """One file or folder (``path``, as text; "" is all) of one ``part``."""
    request = MediaRequest(
        parts=(options["part"],), beside=False, environment=options.get("environment", "")
    )
    with local_data(options["backup"], report) as reference:
        plan = plan_media_restore(reference, request, report, count=False)
        recorder.outcome["warnings"] = list(plan.warnings)
        note_environment(recorder, request.environment)
        path = path_from_text(options["path"])
        with only_run([MEDIA_LOCK], wait=False):
            how = parse_overwrite(options["overwrite"])
            restore_single_files(recorder, plan, [path] if path else [], how, report)


def restore_single_files(
    recorder: RunRecorder,
    plan: MediaPlan,
    paths: Sequence[str],
    how: Overwrite,
    report: Reporter,
) -> list[FilesResult]:
    """What was done, of each part; it stands in the run's outcome, too, and what could not be
    put back makes the run partial. Raises RestoreError, FolderError, Busy."""
    results = restore_files(plan, paths, how, report)
    recorder.outcome["files"] = [asdict(each) for each in results]
    recorder.partial = joined(problem for each in results for problem in each.problems)
    return results
