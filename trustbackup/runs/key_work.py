"""Try the identities that a run was given at every place."""

from __future__ import annotations

from typing import Any

from trustbackup.exceptions import TrustbackupError
from trustbackup.operations.key_proof import prove_keys
from trustbackup.operations.progress import Reporter
from trustbackup.phrases import joined
from trustbackup.runs.recorder import RunRecorder
from trustbackup.store.identities import in_use


def prove_as_asked(recorder: RunRecorder, _options: dict[str, Any], report: Reporter) -> None:
    """Raises TrustbackupError when an identity opened nothing anywhere."""
    tries = prove_keys(in_use(), report)
    named = {each.fingerprint: each.name or each.fingerprint for each in tries}
    opened = {each.fingerprint for each in tries if each.opened}
    recorder.target = ", ".join(named.values())
    recorder.outcome["proofs"] = [
        {"place": each.place, "backup": each.identifier} for each in tries if each.opened
    ]
    if opened != named.keys():
        problems = dict.fromkeys(
            joined([each.place, each.problem], ": ") if each.place else each.problem
            for each in tries
            if each.fingerprint not in opened
        )
        raise TrustbackupError(joined(problems))
