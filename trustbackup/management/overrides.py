"""What an operator said on the command line that a restore would else refuse: it is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trustbackup.runs.recorder import RunRecorder, note_environment


def note_overrides(recorder: RunRecorder, options: Mapping[str, Any]) -> None:
    """Write it into the run's outcome."""
    if options["trust_manifest"]:
        recorder.outcome["override"] = "--trust-manifest"
    note_environment(recorder, options["from_environment"])
